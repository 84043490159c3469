"""What a reference network saw, in columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FLOOR = 0.05
"""Detections with a lower score are dropped; a question below it cannot be asked."""


@dataclass(frozen=True)
class Detections:
    """K detections in N frames, sorted by frame, after non-maximum suppression.

    `row`: int32 (K,) which of the N frames; `label`: int16 (K,) index into the model's labels;
    `score`: float32 (K,) in [FLOOR, 1]; `box`: float32 (K, 4) x0, y0, x1, y1 in pixels of the
    original frame.
    """

    n_frames: int
    row: NDArray[np.int32]
    label: NDArray[np.int16]
    score: NDArray[np.float32]
    box: NDArray[np.float32]

    def best_score(
        self, label: int, region: tuple[float, float, float, float] | None = None
    ) -> NDArray[np.float32]:
        """Highest score of `label` per frame, float32 (N,); 0 where there is none.

        `region` (x0, y0, x1, y1) in pixels keeps the boxes whose centre lies inside it.
        """
        keep = self.label == label
        if region is not None:
            x = (self.box[:, 0] + self.box[:, 2]) / 2
            y = (self.box[:, 1] + self.box[:, 3]) / 2
            x0, y0, x1, y1 = region
            keep &= (x0 <= x) & (x < x1) & (y0 <= y) & (y < y1)
        best = np.zeros(self.n_frames, np.float32)
        np.maximum.at(best, self.row[keep], self.score[keep])
        return best

    def select(self, rows: NDArray[np.int64]) -> Detections:
        """The detections of the given frames (ascending), renumbered from 0."""
        keep = np.isin(self.row, rows)
        row = np.searchsorted(rows, self.row[keep]).astype(np.int32)
        return Detections(len(rows), row, self.label[keep], self.score[keep], self.box[keep])


def concatenate(parts: list[Detections]) -> Detections:
    """The detections of several frame batches as one, frames numbered through."""
    starts = np.cumsum([0, *(part.n_frames for part in parts)])
    return Detections(
        n_frames=int(starts[-1]),
        row=np.concatenate(
            [p.row + np.int32(s) for p, s in zip(parts, starts, strict=False)] or [np.empty(0, np.int32)]
        ).astype(np.int32),
        label=np.concatenate([p.label for p in parts] or [np.empty(0, np.int16)]),
        score=np.concatenate([p.score for p in parts] or [np.empty(0, np.float32)]),
        box=np.concatenate([p.box for p in parts] or [np.empty((0, 4), np.float32)]),
    )
