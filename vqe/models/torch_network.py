"""Networks that run in torch: TorchScript files and modules of the caller."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch

from vqe.errors import ModelError
from vqe.models.decode import Outputs
from vqe.models.network import (
    ANY_SIZE_PROBE,
    InputShape,
    find_input_shape,
    first_line,
    names_of,
    probe,
)
from vqe.models.preprocess import Size

_flags = threading.Lock()
"""cuDNN's flags are one set for the whole process: networks that change them take turns."""


class TorchNetwork:
    """A module, changed in place: on the device, in float32 and in evaluation mode.

    Half-precision files are widened: the same weights then give the same detections on every
    device, and CPUs have no fast half arithmetic.
    """

    own_threads = False

    def __init__(
        self,
        module: torch.nn.Module,
        device: torch.device,
        *,
        labels: tuple[str, ...] | None = None,
        sizes: tuple[Size, ...] = (),
    ) -> None:
        self.module = module.to(device).float().eval()
        self.device = device
        self.runs_on = str(device)
        self.runtime = f"torch {torch.__version__}"
        self.labels = labels
        self._takes_list = self._answers_list()
        if self._takes_list:
            self.input_shape = InputShape(None, None)
        else:
            self.input_shape = find_input_shape(self.run, device, sizes)

    def _answers_list(self) -> bool:
        """Whether the module is in torchvision's detection style: a list of pictures of any size
        in, one dict per picture out. Others refuse a list."""
        pictures = list(probe(2, ANY_SIZE_PROBE, self.device))
        try:
            with torch.inference_mode():
                found = self.module(pictures)
        except Exception:
            return False
        return (
            isinstance(found, list | tuple)
            and len(found) == 2
            and all(isinstance(one, Mapping) for one in found)
        )

    def run(self, pictures: torch.Tensor) -> Outputs:
        """float32 (n, 3, h, w) -> tensors, or one dict per picture."""
        # The profiling executor would compile every batch shape anew and may round differently
        # before and after; without it the speed is the same. This switch belongs to the thread.
        script = isinstance(self.module, torch.jit.ScriptModule)
        plain = torch.jit.optimized_execution(False) if script else nullcontext()  # type: ignore[attr-defined]
        precise = without_tf32() if self.device.type == "cuda" else nullcontext()
        with torch.inference_mode(), plain, precise:
            return _flat(self.module(list(pictures) if self._takes_list else pictures))


@contextmanager
def without_tf32() -> Iterator[None]:
    """TF32 keeps 10 bits: a frame's score would depend on the batch it is in by a hundredth."""
    with _flags, torch.backends.cudnn.flags(True, allow_tf32=False):
        yield


def load_torchscript(path: Path, device: torch.device) -> TorchNetwork:
    """The network in a TorchScript file. Raises ModelError when it is not one."""
    extra = {"config.txt": ""}  # written by Ultralytics' exporter
    try:
        with warnings.catch_warnings():
            # torch recommends torch.export for new files; the files that exist are TorchScript.
            warnings.simplefilter("ignore", DeprecationWarning)
            module = torch.jit.load(  # type: ignore[no-untyped-call]
                path, map_location=device, _extra_files=extra
            )
    except Exception as error:
        raise ModelError(
            f"{path} is not a TorchScript file: {first_line(error)}",
            hint="export the model with torch.jit.trace(...).save(...); pickled checkpoints "
            "(torch.save) are never loaded, because they can run code",
        ) from error
    config = _config(extra["config.txt"])
    size = config.get("imgsz")
    sizes = ((int(size[0]), int(size[1])),) if isinstance(size, list) and len(size) == 2 else ()
    return TorchNetwork(module, device, labels=names_of(config.get("names")), sizes=sizes)


def _config(text: str | bytes) -> dict[str, Any]:
    try:
        config = json.loads(text or "{}")
    except ValueError:
        return {}
    return config if isinstance(config, dict) else {}


def _flat(output: Any) -> Outputs:
    """Tensors as a tuple; of (predictions, raw heads), as YOLO modules return it, the first."""
    if isinstance(output, torch.Tensor):
        return (output.float(),)
    if isinstance(output, list | tuple) and output:
        if all(isinstance(one, Mapping) for one in output):
            return output
        if isinstance(output[0], torch.Tensor):
            if any(isinstance(one, list | tuple | Mapping) for one in output[1:]):
                return (output[0].float(),)
            if all(isinstance(one, torch.Tensor) for one in output):
                return tuple(one.float() for one in output)
    raise ModelError(
        f"the network returns {type(output).__name__}, not tensors",
        hint="it should return a tensor, several tensors, or a list of dicts with boxes, scores "
        "and labels; wrap it in a callable otherwise",
    )
