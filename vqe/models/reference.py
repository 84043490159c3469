"""The reference network: the detector whose answer is the truth."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from vqe.detections import Detections, concatenate
from vqe.errors import ModelError, VqeError
from vqe.models.network import first_line


class ReferenceNetwork:
    """A detector ready to run; made by `load_reference`.

    `name`: for people; `labels`: its classes; `min_score`: default of contains(); `fingerprint`:
    identifies weights, layout and preprocessing, None when its detections must not be stored;
    `batch_size`: the largest batch it runs; `device`: where it runs; `runtime`: what computes it,
    with its version and threads, for the same weights take other times elsewhere.
    """

    def __init__(
        self,
        detect_batch: Callable[[NDArray[np.uint8]], Detections],
        *,
        name: str,
        labels: tuple[str, ...],
        min_score: float,
        fingerprint: str | None,
        batch_size: int,
        device: str,
        runtime: str,
    ) -> None:
        self._detect_batch = detect_batch
        self._lock = threading.Lock()
        self.name = name
        self.labels = labels
        self.min_score = min_score
        self.fingerprint = fingerprint
        self.batch_size = batch_size
        self.device = device
        self.runtime = runtime

    def __repr__(self) -> str:
        return (
            f"ReferenceNetwork({self.name!r}, {len(self.labels)} labels, "
            f"batch_size={self.batch_size}, device={self.device!r})"
        )

    def detect(self, frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> Detections:
        """What the network sees in N RGB frames, uint8 (H, W, 3) of one size, N ≥ 0.

        Boxes are in pixels of these frames, clipped to them. Calls from several threads take turns.
        Raises ModelError when the frames do not fit or the network fails.
        """
        parts = []
        for start, stop in batches(len(frames), self.batch_size):
            batch = _stacked(frames[start:stop])
            try:
                with self._lock:
                    parts.append(self._detect_batch(batch))
            except VqeError:
                raise
            except Exception as error:
                raise ModelError(
                    f"the reference network {self.name!r} failed on {len(batch)} frames of "
                    f"{batch.shape[2]}x{batch.shape[1]} pixels: {first_line(error)}"
                ) from error
        return concatenate(parts)


def batches(n: int, largest: int) -> Iterator[tuple[int, int]]:
    """Cut n frames into slices [start, stop) of `largest`, and the rest into powers of two.

    With few batch shapes, none of them padded, a frame gives the same detections in every call up
    to the rounding of those shapes.
    """
    start = 0
    while start < n:
        size = min(largest, 1 << ((n - start).bit_length() - 1))
        yield start, start + size
        start += size


def _stacked(frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.uint8]:
    try:
        batch = np.ascontiguousarray(frames)
    except ValueError as error:
        sizes = sorted({frame.shape for frame in frames})
        raise ModelError(f"frames of one call must have one size, got {sizes}") from error
    if batch.dtype != np.uint8 or batch.ndim != 4 or batch.shape[3] != 3:
        raise ModelError(
            f"frames must be uint8 of shape (N, H, W, 3), got {batch.dtype} {batch.shape}"
        )
    return batch
