"""What every frame of a footage looks like, small: decoded once, and kept beside the footage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.footage import Footage, make
from vqe.models.kernel_model import SIZE
from vqe.video.frames import FrameBatch
from vqe.video.indexing import build_index
from vqe.video.reader import SCREENED_FRAMES, Reader
from vqe.video.strategies import EveryFrame

THREADS = 2


@dataclass(frozen=True)
class _Small:
    """Of n frames, int64 (n,): uint8 (n, SIZE, SIZE, 3) RGB."""

    ordinals: NDArray[np.int64]
    pixels: NDArray[np.uint8]

    @property
    def nbytes(self) -> int:
        return self.pixels.nbytes


def thumbnails_of(footage: Footage) -> NDArray[np.uint8]:
    """All frames of the footage, which is made if need be, uint8 (N, SIZE, SIZE, 3) RGB."""
    video = Path(make(footage))
    kept = video.with_name(f"{video.stem}-{SIZE}.npy")
    if not kept.exists():
        part = kept.with_suffix(".part")
        with part.open("wb") as file:
            np.save(file, _shrunk(str(video)))
        part.replace(kept)
    thumbnails: NDArray[np.uint8] = np.load(kept)
    return thumbnails


def _shrunk(path: str) -> NDArray[np.uint8]:
    index = build_index(path, lambda: None)
    pixels = np.empty((len(index), SIZE, SIZE, 3), np.uint8)
    reader = Reader(threads=THREADS, batch_frames=SCREENED_FRAMES)
    plan = EveryFrame().plan(index, np.arange(len(index)))
    for small in reader.process(plan, lambda: _shrink):
        pixels[small.ordinals] = small.pixels
    return pixels


def _shrink(frames: FrameBatch) -> _Small:
    return _Small(frames.ordinals, frames.thumbnails(SIZE))
