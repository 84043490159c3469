"""What the runtimes (torch, ONNX Runtime, OpenCV) have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from vqe.errors import ModelError
from vqe.models.decode import Outputs
from vqe.models.preprocess import GREY, Size

ANY_SIZE_PROBE: Size = (64, 96)
"""Not square, multiples of 32: a network that takes it takes any such size."""
LAYOUT_PROBE: Size = (384, 640)
"""The size at which the outputs of a network that takes any are recognised."""
USUAL_SIZES: tuple[Size, ...] = tuple(
    (side, side) for side in (640, 320, 416, 352, 512, 300, 608, 1024, 1280)
)


@dataclass(frozen=True)
class InputShape:
    """`batch`: the only batch size accepted, None for any. `size`: the only height and width, None
    for any multiples of 32."""

    batch: int | None
    size: Size | None


class Network(Protocol):
    """A loaded network: float32 pictures (n, 3, h, w) in, raw outputs out."""

    @property
    def device(self) -> torch.device:
        """Where `run` takes pictures."""

    @property
    def runs_on(self) -> str:
        """Where the network itself runs, for people: `cpu`, `cuda`."""

    @property
    def runtime(self) -> str:
        """The library that computes it, with its version."""

    @property
    def own_threads(self) -> bool:
        """Whether the runtime has threads of its own, so that torch should use one only."""

    @property
    def input_shape(self) -> InputShape:
        """What `run` accepts."""

    @property
    def labels(self) -> tuple[str, ...] | None:
        """Class names that the file carries."""

    def run(self, pictures: torch.Tensor) -> Outputs:
        """Raises whatever the runtime raises; the caller translates."""


def probe(n: int, size: Size, device: torch.device) -> torch.Tensor:
    """`n` grey pictures."""
    return torch.full((n, 3, *size), GREY / 255, device=device)


def find_input_shape(
    run: Callable[[torch.Tensor], Outputs], device: torch.device, first: Sequence[Size] = ()
) -> InputShape:
    """What a network accepts whose file does not say, by trying: any size, then `first`, then the
    usual squares. Raises ModelError when nothing is accepted."""
    error: Exception | None = None
    for size in (ANY_SIZE_PROBE, *first, *USUAL_SIZES):
        try:
            run(probe(1, size, device))
        except Exception as refused:  # each runtime has its own exceptions
            error = refused
            continue
        only = None if size == ANY_SIZE_PROBE else size
        return InputShape(None if takes_pairs(run, size, device) else 1, only)
    tried = ", ".join(f"{w}x{h}" for h, w in (ANY_SIZE_PROBE, *first, *USUAL_SIZES))
    raise ModelError(
        f"the network accepts no picture of the sizes tried ({tried}): {first_line(error)}",
        hint="it should take float RGB pictures in the shape (N, 3, height, width)",
    ) from error


def takes_pairs(run: Callable[[torch.Tensor], Outputs], size: Size, device: torch.device) -> bool:
    """Whether a batch of two gives two answers."""
    # A traced network with a batch of one baked in may accept two and fold them into one answer.
    try:
        outputs = run(probe(2, size, device))
    except Exception:
        return False
    if isinstance(outputs[0], Mapping):
        return len(outputs) == 2
    ssd = outputs[0].ndim == 4 and outputs[0].shape[0] == 1 and outputs[0].shape[3] == 7
    return bool(ssd or all(output.shape[0] == 2 for output in outputs))


def names_of(names: Any) -> tuple[str, ...] | None:
    """Class names as exporters store them, a list or a dict by index, as a tuple."""
    if isinstance(names, Mapping):
        by_index = {int(index): str(name) for index, name in names.items()}
        return tuple(by_index[index] for index in sorted(by_index))
    return tuple(map(str, names)) if isinstance(names, list | tuple) else None


def first_line(error: BaseException | None) -> str:
    """An exception as one line of at most 200 characters."""
    try:
        message = str(error)
    except Exception:  # a class of the caller's
        message = ""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    # TorchScript puts the reason last, below the traceback of the interpreter.
    text = (
        lines[-1]
        if lines and lines[0].startswith("The following operation")
        else "".join(lines[:1])
    )
    return f"{type(error).__name__}: {text}"[:200]
