"""Metric units: the windows, or single frames, in which errors are counted.

Windows are [k, k+1) × unit from timestamp 0. A unit is positive when more than half of its frames
are; ties are negative. The same rule holds for the reference network's answers and for ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ErrorCounts:
    """Units by truth and answer; rates are None where nothing could have gone wrong."""

    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int

    @property
    def units(self) -> int:
        """All units counted."""
        return self.positives + self.false_positives + self.true_negatives

    @property
    def positives(self) -> int:
        """Units in which the reference network sees the object."""
        return self.true_positives + self.false_negatives

    @property
    def fnr(self) -> float | None:
        """Share of the positives that were missed."""
        return _share(self.false_negatives, self.positives)

    @property
    def fpr(self) -> float | None:
        """Share of the negatives that were returned."""
        return _share(self.false_positives, self.false_positives + self.true_negatives)

    @property
    def fdr(self) -> float | None:
        """Share of the returned that are false."""
        return _share(self.false_positives, self.true_positives + self.false_positives)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def unit_of(timestamps_us: NDArray[np.int64], unit_us: int | None) -> NDArray[np.int64]:
    """The number of the unit that each frame belongs to; None makes every frame its own."""
    if unit_us is None:
        return np.arange(len(timestamps_us))
    return timestamps_us // unit_us


def unit_answers(positive: NDArray[np.bool_], unit: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Majority of `positive` (..., N) in each of U units numbered 0..U−1 by `unit` (N,).

    Every unit must have a frame. Returns bool (..., U).
    """
    sizes = np.bincount(unit)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    counts = np.add.reduceat(positive, starts, axis=-1, dtype=np.int32)
    answers: NDArray[np.bool_] = 2 * counts > sizes
    return answers


def count_errors(
    truth: NDArray[np.bool_], answer: NDArray[np.bool_], unit: NDArray[np.int64]
) -> ErrorCounts:
    """Errors of `answer` against `truth`, bool (N,), over the frames' units, (N,) ascending."""
    _, compact = np.unique(unit, return_inverse=True)
    t, a = unit_answers(truth, compact), unit_answers(answer, compact)
    return ErrorCounts(
        true_positives=int((t & a).sum()),
        false_negatives=int((t & ~a).sum()),
        false_positives=int((~t & a).sum()),
        true_negatives=int((~t & ~a).sum()),
    )


def settled(state: NDArray[np.int8], unit: NDArray[np.int64]) -> NDArray[np.int8]:
    """The answer of each of U units as far as some of its frames decide it, int8 (U,).

    `state`: int8 (N,), 0 or 1 where the answer of a frame is known and −1 elsewhere; `unit`: (N,),
    0..U−1. −1 for a unit that could go either way.
    """
    sizes = np.bincount(unit)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    present = np.add.reduceat(state == 1, starts, dtype=np.int64)
    absent = np.add.reduceat(state == 0, starts, dtype=np.int64)
    return np.select([2 * present > sizes, 2 * absent >= sizes], [1, 0], -1).astype(np.int8)
