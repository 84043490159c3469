"""The selection frames: what plans are chosen by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vqe.plan.accuracy import Accuracy
from vqe.statistics.normal import MIN_SIZE, NormalSample
from vqe.statistics.poisson import most_expected
from vqe.statistics.units import unit_answers
from vqe.statistics.unseen import largest_unseen_share

CHANCE = 0.1
"""With this probability at most a sample looks as good as it does although the bound is broken: it
shows so few errors, or none of a kind of visit that makes more positives than may be missed."""

EVEN = 0.5
"""As CHANCE, where a larger sample is foreseen: whether more labels would do is worth a bet."""


def tolerated(allowed: NDArray[np.floating]) -> NDArray[np.int64]:
    """How many errors there may be in a sample for which the bounds would allow so many, (…).

    The choice is the cheapest of many, and would use up a bound to the full: then every second
    sample is luckier than the video. So all errors but none are too many, unless more would come
    up nearly always at the bound. That there are none can be by luck as well, in a small sample;
    the other margins are for that.
    """
    limits: list[float] = []
    while not limits or limits[-1] <= np.max(allowed):
        limits.append(most_expected(len(limits), CHANCE))
    return np.maximum(np.searchsorted(limits, allowed, side="right") - 1, 0)


@dataclass(frozen=True)
class Selection:
    """Truth and metric unit of n frames that no detector or model was trained on.

    `present`: bool (n,); `unit`: int64 (n,), numbered 0..U−1 in ascending order; `block`: int64
    (n,), the sampled block: frames of one block are hardly independent. `growth`: the frames stand
    for so many times as many blocks, to foresee what a larger sample would allow. `drawn`: bool
    (n,), False in blocks that are there because a visit begins or ends in them: errors must stay
    within the bounds with these as well, but they tell nothing of how common anything is.
    """

    present: NDArray[np.bool_]
    unit: NDArray[np.int64]
    block: NDArray[np.int64]
    drawn: NDArray[np.bool_]
    growth: float = 1.0

    @cached_property
    def majority(self) -> NDArray[np.int64]:
        """Positive frames that make each unit positive, int64 (U,)."""
        return np.bincount(self.unit) // 2 + 1

    @cached_property
    def positive_units(self) -> NDArray[np.bool_]:
        """Truth of each unit, bool (U,)."""
        return unit_answers(self.present, self.unit)

    @cached_property
    def drawn_units(self) -> NDArray[np.bool_]:
        """Which units were drawn, bool (U,)."""
        return unit_answers(self.drawn, self.unit)

    @cached_property
    def firm_positives(self) -> NDArray[np.bool_]:
        """The positive frames of positive units, bool (n,): not the flickers."""
        return self.present & self.positive_units[self.unit]

    @cached_property
    def firm_negatives(self) -> NDArray[np.bool_]:
        """The negative frames of negative units, bool (n,)."""
        return ~self.present & ~self.positive_units[self.unit]

    def decidable(self, accuracy: Accuracy, *, unseen: bool = False) -> float:
        """Share of the frames that thresholds could answer at the very best.

        A kind of answer whose errors have no bound, or that too few blocks bear witness to, is left
        to the reference network; with `unseen`, only the former.
        """
        share = 0.0
        if accuracy.fnr is not None and (unseen or self.enough_positives(accuracy.fnr)):
            share += float((~self.present[self.drawn]).mean())
        presence = accuracy.fpr is not None or accuracy.fdr is not None
        enough = self.witnesses(self.firm_negatives) >= MIN_SIZE and (
            accuracy.fdr is None or self.enough_positives(accuracy.fdr)
        )
        if presence and (unseen or enough):
            share += float(self.present[self.drawn].mean())
        return share

    def enough_positives(self, bound: float) -> bool:
        """Whether the visits met tell enough about the others.

        What scores most positives have tells nothing of visits that look otherwise.
        """
        if self.witnesses(self.firm_positives) < MIN_SIZE:
            return False
        chance = CHANCE if self.growth == 1 else EVEN
        return largest_unseen_share(self.hits, chance, self.growth) <= bound

    @cached_property
    def hits(self) -> NDArray[np.int64]:
        """Drawn blocks in each visit, int64 (V,), where blocks in between show that one ended."""
        blocks = np.unique(self.block)
        there = np.isin(blocks, self.block[self.firm_positives])
        begins = there & ~np.concatenate([[False], there[:-1]])
        drawn = there & np.isin(blocks, self.block[self.drawn])
        hits = np.bincount((np.cumsum(begins) - 1)[drawn])
        return hits[hits > 0]

    def keeps(self, answer: NDArray[np.bool_], accuracy: Accuracy) -> NDArray[np.bool_]:
        """Which of several cascades' answers, bool (K, n), keep the bounds, bool (K,): over the
        units, and over the single frames inside them."""
        truth, firm, empty = self.positive_units, self.firm_positives, self.firm_negatives
        units = unit_answers(answer, self.unit)
        over_units = Errors(
            positives=int(truth.sum()),
            negatives=int((~truth).sum()),
            drawn_positives=int(truth[self.drawn_units].sum()),
            misses=(~units & truth).sum(axis=1),
            false_alarms=(units & ~truth).sum(axis=1),
            growth=self.growth,
        )
        over_frames = Errors(
            positives=int(firm.sum()),
            negatives=int(empty.sum()),
            drawn_positives=int(firm[self.drawn].sum()),
            misses=(~answer & firm).sum(axis=1),
            false_alarms=(answer & empty).sum(axis=1),
            growth=self.growth,
        )
        return over_units.within(accuracy) & over_frames.within(accuracy)

    def witnesses(self, of: NDArray[np.bool_]) -> int:
        """Blocks that some of the frames lie in."""
        return int(self.growth * len(np.unique(self.block[of])))

    def sample(self, values: NDArray[np.float64], of: NDArray[np.bool_]) -> NormalSample:
        """The values of some of the frames, which are worth as many as they have blocks."""
        return NormalSample(values[of], self.witnesses(of))


@dataclass(frozen=True)
class Errors:
    """Errors of several cascades, in arrays that broadcast to one shape (…).

    `drawn_positives`: those of the positives that tell how common positives are; `growth`: as in
    the selection that they were counted in.
    """

    positives: int
    negatives: int
    drawn_positives: int
    misses: NDArray[np.int64]
    false_alarms: NDArray[np.int64]
    growth: float

    def within(self, accuracy: Accuracy) -> NDArray[np.bool_]:
        """Which keep the bounds, bool (…); errors of a kind without a bound may not happen."""
        ok = self._few(self.misses, (accuracy.fnr or 0) * np.array(self.positives))
        if accuracy.fpr is None and accuracy.fdr is None:
            ok = ok & (self.false_alarms == 0)
        if accuracy.fpr is not None:
            ok = ok & self._few(self.false_alarms, accuracy.fpr * np.array(self.negatives))
        if accuracy.fdr is not None:
            returned = self.drawn_positives - self.misses + self.false_alarms
            ok = ok & self._few(self.false_alarms, accuracy.fdr * returned)
        return ok

    def _few(self, errors: NDArray[np.int64], allowed: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Whether these are fewer than a bound allows, by the margin that the sample needs."""
        few: NDArray[np.bool_] = self.growth * errors <= tolerated(self.growth * allowed)
        return few
