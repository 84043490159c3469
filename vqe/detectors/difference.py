"""Difference detectors, reference-image form: does this frame look like the empty scene?

A detector maps a frame to a distance from the reference image, the average of frames that the
reference network calls empty (NoScope, arXiv 1703.02529, section 4). A small distance means that
the object is absent; a large one means nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from vqe.detectors.kernels import add_image, block_squared_differences
from vqe.statistics.logistic import LogisticRegression, fit_logistic
from vqe.video.frames import FrameBatch

Float = TypeVar("Float", np.float32, np.float64)

GRID = (20, 20)
"""Blocks per column and row, as they are measured."""

GRIDS = (5, 10, 20)
"""Blocks per column and row that a blocked detector may see: NoScope's released code has 10."""


class ReferenceImage:
    """Averages the luma of empty frames."""

    def __init__(self, height: int, width: int) -> None:
        self.total = np.zeros((height, width), np.int64)
        self.count = 0

    def add(self, luma: NDArray[np.uint8]) -> None:
        """One more empty frame, uint8 (H, W)."""
        assert luma.shape == self.total.shape
        add_image(self.total, luma)
        self.count += 1

    def mean(self) -> NDArray[np.uint8]:
        """The average, rounded, uint8 (H, W)."""
        return np.rint(self.total / self.count).astype(np.uint8)


def block_differences(frames: FrameBatch, reference: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean squared luma difference per block of GRID, float64 (N, 400)."""

    def sums(luma: NDArray[np.uint8]) -> NDArray[np.int64]:
        assert luma.shape == reference.shape
        return block_squared_differences(luma, reference, *GRID)

    return means_by_block(frames, sums)


def means_by_block(
    frames: FrameBatch, sums: Callable[[NDArray[np.uint8]], NDArray[np.int64]]
) -> NDArray[np.float64]:
    """By the pixel, what `sums` makes of luma planes, uint8 (H, W), per block of GRID, int64 (20,
    20): float64 (N, 400)."""
    rows, columns = GRID
    out = np.empty((len(frames), rows * columns))
    for i in range(len(frames)):
        luma = frames.luma(i)
        out[i] = (sums(luma) / block_pixels(*luma.shape, rows, columns)).ravel()
    return out


def compile_kernels() -> None:
    """Compiles what `block_differences` runs, so that no call of it takes longer than others."""
    for plane in kinds_of_planes():
        block_squared_differences(plane, np.zeros(plane.shape, np.uint8), *GRID)


def kinds_of_planes() -> tuple[NDArray[np.uint8], ...]:
    """Small ones of every kind that the planes of frames are of: kernels are compiled for each."""
    rows, columns = GRID
    padded = np.zeros((rows, 2 * columns), np.uint8)
    padded.flags.writeable = False  # as the planes of a frame are, with or without padded rows
    return padded, padded[:, :columns]


@cache
def block_pixels(height: int, width: int, rows: int, columns: int) -> NDArray[np.int64]:
    """Pixels in each block; a frame smaller than the grid has blocks without any, counted as 1."""
    heights = np.diff(np.arange(rows + 1) * height // rows)
    widths = np.diff(np.arange(columns + 1) * width // columns)
    pixels: NDArray[np.int64] = np.maximum(np.outer(heights, widths), 1)
    pixels.flags.writeable = False
    return pixels


class DifferenceDetector(Protocol):
    """Maps block differences to one distance per frame."""

    @property
    def name(self) -> str:
        """How plans call it."""

    def distance(self, blocks: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64 (N, 400) block differences to float64 (N,) distances."""


@dataclass(frozen=True)
class GlobalMse:
    """log(1 + mean squared error), averaged over the blocks of the whole frame."""

    name = "mse"

    def distance(self, blocks: NDArray[np.float64]) -> NDArray[np.float64]:
        distance: NDArray[np.float64] = np.log1p(blocks.mean(axis=1))
        return distance


@dataclass(frozen=True)
class BlockedMse:
    """Log-odds of presence by a logistic regression over the differences of `side`² blocks."""

    weights: LogisticRegression
    side: int

    @property
    def name(self) -> str:
        return f"blocked mse {self.side}×{self.side}"

    def distance(self, blocks: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.weights.log_odds(np.log1p(pooled(blocks, self.side)))


def pooled(blocks: NDArray[Float], side: int) -> NDArray[Float]:
    """Numbers by the block of GRID, float (N, 400), averaged over larger ones, (N, side²)."""
    rows, columns = GRID
    parts = blocks.reshape(len(blocks), side, rows // side, side, columns // side)
    larger: NDArray[Float] = parts.mean(axis=(2, 4)).reshape(len(blocks), side * side)
    return larger


def fit_global(blocks: NDArray[np.float64], present: NDArray[np.bool_]) -> DifferenceDetector:
    """Nothing to learn."""
    return GlobalMse()


def fit_blocked(
    blocks: NDArray[np.float64], present: NDArray[np.bool_], *, side: int
) -> DifferenceDetector:
    """Learns which blocks matter from float64 (N, 400) differences and bool (N,) labels."""
    return BlockedMse(fit_logistic(np.log1p(pooled(blocks, side)), present), side)


DETECTORS = {"mse": fit_global} | {
    f"blocked mse {side}×{side}": partial(fit_blocked, side=side) for side in GRIDS
}
"""Every difference detector a plan may use, by name, with what trains it."""
