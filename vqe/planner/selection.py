"""The selection frames: what plans are chosen by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vqe.plan.accuracy import Accuracy
from vqe.statistics.normal import MIN_SIZE, NormalSample
from vqe.statistics.units import unit_answers


@dataclass(frozen=True)
class Selection:
    """Truth and metric unit of n frames that no detector or model was trained on.

    `present`: bool (n,); `unit`: int64 (n,), numbered 0..U−1 in ascending order; `block`: int64
    (n,), the sampled block: frames of one block are hardly independent.
    """

    present: NDArray[np.bool_]
    unit: NDArray[np.int64]
    block: NDArray[np.int64]

    @cached_property
    def majority(self) -> NDArray[np.int64]:
        """Positive frames that make each unit positive, int64 (U,)."""
        return np.bincount(self.unit) // 2 + 1

    @cached_property
    def positive_units(self) -> NDArray[np.bool_]:
        """Truth of each unit, bool (U,)."""
        return unit_answers(self.present, self.unit)

    @cached_property
    def firm_positives(self) -> NDArray[np.bool_]:
        """The positive frames of positive units, bool (n,): not the flickers."""
        return self.present & self.positive_units[self.unit]

    @cached_property
    def firm_negatives(self) -> NDArray[np.bool_]:
        """The negative frames of negative units, bool (n,)."""
        return ~self.present & ~self.positive_units[self.unit]

    def decidable(self, accuracy: Accuracy) -> float:
        """Share of the frames that thresholds could answer at the very best.

        A kind of answer whose errors have no bound, or that too few blocks bear witness to, is left
        to the reference network.
        """
        share = 0.0
        if accuracy.fnr is not None and self.witnesses(self.firm_positives) >= MIN_SIZE:
            share += float((~self.present).mean())
        presence = accuracy.fpr is not None or accuracy.fdr is not None
        if presence and self.witnesses(self.firm_negatives) >= MIN_SIZE:
            share += float(self.present.mean())
        return share

    def keeps(self, answer: NDArray[np.bool_], accuracy: Accuracy) -> NDArray[np.bool_]:
        """Which of several cascades' answers, bool (K, n), keep the bounds, bool (K,): over the
        units, and over the single frames inside them."""
        truth, firm, empty = self.positive_units, self.firm_positives, self.firm_negatives
        units = unit_answers(answer, self.unit)
        over_units = Errors(
            positives=int(truth.sum()),
            negatives=int((~truth).sum()),
            misses=(~units & truth).sum(axis=1),
            false_alarms=(units & ~truth).sum(axis=1),
        )
        over_frames = Errors(
            positives=int(firm.sum()),
            negatives=int(empty.sum()),
            misses=(~answer & firm).sum(axis=1),
            false_alarms=(answer & empty).sum(axis=1),
        )
        return over_units.within(accuracy) & over_frames.within(accuracy)

    def witnesses(self, of: NDArray[np.bool_]) -> int:
        """Blocks that some of the frames lie in."""
        return len(np.unique(self.block[of]))

    def sample(self, values: NDArray[np.float64], of: NDArray[np.bool_]) -> NormalSample:
        """The values of some of the frames, which are worth as many as they have blocks."""
        return NormalSample(values[of], self.witnesses(of))


@dataclass(frozen=True)
class Errors:
    """Errors of several cascades, in arrays that broadcast to one shape (…)."""

    positives: int
    negatives: int
    misses: NDArray[np.int64]
    false_alarms: NDArray[np.int64]

    def within(self, accuracy: Accuracy) -> NDArray[np.bool_]:
        """Which keep the bounds, bool (…); errors of a kind without a bound may not happen."""
        ok: NDArray[np.bool_] = self.misses <= (accuracy.fnr or 0) * self.positives
        if accuracy.fpr is None and accuracy.fdr is None:
            ok = ok & (self.false_alarms == 0)
        if accuracy.fpr is not None:
            ok = ok & (self.false_alarms <= accuracy.fpr * self.negatives)
        if accuracy.fdr is not None:
            returned = self.positives - self.misses + self.false_alarms
            ok = ok & (self.false_alarms <= accuracy.fdr * returned)
        return ok
