"""Difference detectors, earlier-frame form: does this frame still look like an earlier one?

A detector tells by how much a frame has changed since another one. A small change means that the
answer is still the same, whatever it is: an object that stands still is there in both frames. (The
code published with NoScope, arXiv 1703.02529, answers "absent" there.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.detectors.difference import GRID, GRIDS, kinds_of_planes, means_by_block, pooled
from vqe.detectors.kernels import anchors_of, block_sums, changes_back
from vqe.video.frames import FrameBatch


def block_means(frames: FrameBatch) -> NDArray[np.float32]:
    """Mean luma per block of GRID, float32 (N, 400)."""
    return means_by_block(frames, lambda luma: block_sums(luma, *GRID)).astype(np.float32)


def compile_kernels() -> None:
    """Compiles what is run here, so that no call takes longer than others."""
    for plane in kinds_of_planes():
        block_sums(plane, *GRID)
    changes = changes_back(np.zeros((1, 1), np.float32), np.zeros(1, np.int64), 1, True)
    anchors_of(changes, np.zeros(1, np.int64), np.ones(1, np.bool_), 1, 0.0)


@dataclass(frozen=True)
class EarlierFrame:
    """The change since an earlier frame, in grey values: that of the block which has changed most,
    of `side`² ones, or the average over all of GRID where `side` is None."""

    side: int | None

    @property
    def name(self) -> str:
        """How plans call it."""
        return "earlier frame" if self.side is None else f"earlier frame {self.side}×{self.side}"

    def values(self, means: NDArray[np.float32]) -> NDArray[np.float32]:
        """What is compared, float32 (N, B), from float32 (N, 400) means by block."""
        return means if self.side is None else pooled(means, self.side)

    def change(self, one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
        """Between the values of two frames, each float32 (B,)."""
        differences = np.abs(one - other)
        return float(differences.mean() if self.side is None else differences.max())

    def changes_back(
        self, means: NDArray[np.float32], first: NDArray[np.int64], most: int
    ) -> NDArray[np.float32]:
        """Changes since each of the `most` frames before, float32 (n, most), the nearest first.

        `means`: float32 (n, 400); infinite for frames before the row `first`, int64 (n,).
        """
        values = np.ascontiguousarray(self.values(means))
        return changes_back(values, first, most, self.side is not None)


EARLIER_FRAMES = tuple(EarlierFrame(side) for side in (None, *GRIDS))
"""Every detector of this form that a plan may use."""
