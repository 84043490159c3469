"""What a reference network saw, in columns."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels."""

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

    def best_score(self, label: int, region: Box | None = None) -> NDArray[np.float32]:
        """Highest score of `label` per frame, float32 (N,); 0 where there is none.

        `region` (x0, y0, x1, y1) in pixels keeps the boxes whose centre lies inside it.
        """
        keep = self._matches(label, region)
        best = np.zeros(self.n_frames, np.float32)
        np.maximum.at(best, self.row[keep], self.score[keep])
        return best

    def count(self, label: int, min_score: float, region: Box | None = None) -> NDArray[np.int64]:
        """How many of `label` with at least `min_score` per frame, int64 (N,)."""
        keep = self._matches(label, region) & (self.score >= np.float32(min_score))
        return np.bincount(self.row[keep], minlength=self.n_frames).astype(np.int64)

    def placed(self, place: NDArray[np.int64], n_frames: int) -> Detections:
        """The same for other frames: `place`, int64 (N,), has the new number of each frame, −1 for
        those that are left out."""
        row = place[self.row].astype(np.int32)
        order = np.argsort(row, kind="stable")
        moved = replace(self, n_frames=n_frames, row=row)
        return moved._at(order[np.searchsorted(row[order], 0) :])

    def matching(self, label: int | None, min_score: float, region: Box | None) -> Detections:
        """Those with at least `min_score`; None is any label."""
        keep = self.score >= np.float32(min_score)
        return self._at(np.flatnonzero(keep & self._matches(label, region)))

    def _at(self, keep: NDArray[np.int64]) -> Detections:
        """Some of them, in the given order, which must be that of the frames."""
        columns = (self.row[keep], self.label[keep], self.score[keep], self.box[keep])
        return Detections(self.n_frames, *columns)

    def best_first(self) -> Detections:
        """The same, in each frame from the highest score to the lowest."""
        return self._at(np.lexsort((-self.score, self.row)))

    def _matches(self, label: int | None, region: Box | None) -> NDArray[np.bool_]:
        """Which detections are of `label` and have their centre in `region`, bool (K,)."""
        keep = np.ones(len(self.label), np.bool_) if label is None else self.label == label
        if region is not None:
            x = (self.box[:, 0] + self.box[:, 2]) / 2
            y = (self.box[:, 1] + self.box[:, 3]) / 2
            x0, y0, x1, y1 = region
            keep &= (x0 <= x) & (x < x1) & (y0 <= y) & (y < y1)
        return keep

    @property
    def nbytes(self) -> int:
        """Memory of the columns."""
        return self.row.nbytes + self.label.nbytes + self.score.nbytes + self.box.nbytes


def concatenate(parts: list[Detections]) -> Detections:
    """The detections of several frame batches as one, frames numbered through."""
    parts = [NOTHING, *parts]
    *starts, total = np.cumsum([0, *(part.n_frames for part in parts)]).tolist()
    return Detections(
        n_frames=total,
        row=np.concatenate(
            [p.row + np.int32(start) for p, start in zip(parts, starts, strict=True)]
        ),
        label=np.concatenate([p.label for p in parts]),
        score=np.concatenate([p.score for p in parts]),
        box=np.concatenate([p.box for p in parts]),
    )


def overlaid(parts: list[Detections]) -> Detections:
    """What several saw in the same frames, as one."""
    row = np.concatenate([part.row for part in parts])
    order = np.argsort(row, kind="stable")
    return Detections(
        parts[0].n_frames,
        row[order],
        np.concatenate([part.label for part in parts])[order],
        np.concatenate([part.score for part in parts])[order],
        np.concatenate([part.box for part in parts])[order],
    )


def empty(n_frames: int) -> Detections:
    """Nothing in so many frames."""
    return Detections(
        n_frames,
        row=np.empty(0, np.int32),
        label=np.empty(0, np.int16),
        score=np.empty(0, np.float32),
        box=np.empty((0, 4), np.float32),
    )


NOTHING = empty(0)
"""No frames."""
