"""Thresholds: the cheapest (δ, c_low, c_high) that keeps the bounds on the selection frames.

Errors are counted over metric units, jointly for the whole cascade. A frame is answered
  absent   where distance < δ, or score < c_low,
  present  where score > c_high,
and by the reference network otherwise, which makes no error by definition.

On a few dozen units "no error seen" says little, so there are three safety margins. The bounds must
also hold for the single frames inside the units, since a visit's first and last frames, on which
its outer units hang, are the ones that look least like the object. A threshold may not pass the
level at which, by a normal prediction bound, one more frame would go wrong more often than the
bound allows. And among thresholds that are nearly as cheap as the cheapest, the ones least likely
to go wrong by that same model are taken.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vqe.plan.accuracy import Accuracy
from vqe.statistics.normal import MIN_SIZE, NormalSample
from vqe.statistics.units import ErrorCounts, count_errors, unit_answers

LEVELS = 40
"""Values tried for each threshold."""

SAFETY_SHARE = 0.05
"""Share of the saving that is given up for safety: the last percent saved cost the most risk."""


UNSEEN = 0.04
"""Share of the positives that may be of a kind which no block has shown, where the bound is less:
to rule out a rarer kind takes more blocks than an hour of video has."""

CHANCE = 0.1
"""With this probability at most a kind that makes such a share was not shown."""


def least_witnesses(bound: float) -> int:
    """Blocks with the object that it takes to answer "absent" within a bound on the FNR.

    What scores most positives have tells nothing of a kind that looks otherwise; if it makes a
    share s of the positives, n blocks miss it with probability (1 − s)^n.
    """
    return max(MIN_SIZE, math.ceil(math.log(CHANCE) / math.log(1 - max(bound, UNSEEN))))


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
        if presence and (unseen or self.witnesses(self.firm_negatives) >= MIN_SIZE):
            share += float(self.present[self.drawn].mean())
        return share

    def enough_positives(self, fnr: float) -> bool:
        """Whether the positives seen tell enough about those that were not."""
        return self.witnesses(self.firm_positives) >= least_witnesses(fnr)

    def witnesses(self, of: NDArray[np.bool_]) -> int:
        """Blocks that some of the frames lie in."""
        return int(self.growth * len(np.unique(self.block[of])))

    def sample(self, values: NDArray[np.float64], of: NDArray[np.bool_]) -> NormalSample:
        """The values of some of the frames, which are worth as many as they have blocks."""
        return NormalSample(values[of], self.witnesses(of))


@dataclass(frozen=True)
class Thresholds:
    """The choice, and what it does to the selection frames.

    `detector_passes`: share of the frames that the difference detector hands on; `model_passes`:
    share of those that the specialized model hands on; `risk`: units expected to go wrong per
    positive unit, by the normal model of the margin.
    """

    difference: float
    low: float
    high: float
    detector_passes: float
    model_passes: float
    risk: float
    errors: ErrorCounts
    frame_errors: ErrorCounts


def choose(
    selection: Selection,
    distance: NDArray[np.float64] | None,
    score: NDArray[np.float64] | None,
    accuracy: Accuracy,
    seconds: tuple[float, float],
    *,
    promised: Accuracy | None = None,
) -> Thresholds | None:
    """The safest thresholds among the cheapest, or None where none saves anything.

    `distance`, `score`: float64 (n,), None without that stage. `seconds`: per frame, of the
    specialized model and of the reference network. `promised`: the bounds that there must be
    witnesses enough for, where the thresholds are to be stricter.
    """
    absence = (promised or accuracy).fnr
    witnessed = absence is not None and selection.enough_positives(absence)
    deltas, lows = _absence_levels(selection, distance, score, accuracy.fnr if witnessed else None)
    highs = _presence_levels(selection, score, accuracy)
    d = np.zeros(len(selection.present)) if distance is None else distance
    s = np.zeros(len(selection.present)) if score is None else score
    cost = np.full((len(deltas.values), len(lows.values), len(highs.values)), math.inf)
    for k, delta in enumerate(deltas.values):
        seen = d >= delta
        grid = _Grid(selection, seen, s, lows.values, highs.values)
        after = (
            seen[selection.drawn].mean() * seconds[0] if score is not None else 0.0
        ) + grid.passed * seconds[1]
        cost[k] = np.where(grid.within(accuracy), after, math.inf)
    cheapest = cost.min()
    if cheapest >= seconds[1]:
        return None
    risk = deltas.risk[:, None, None] + lows.risk[:, None] + highs.risk
    cheap = cost <= allowance(cheapest, seconds[1])
    d_at, low_at, high_at = np.unravel_index(np.where(cheap, risk, math.inf).argmin(), cost.shape)
    levels = (
        float(deltas.values[d_at]),
        float(lows.values[low_at]),
        float(highs.values[high_at]),
    )
    return _thresholds(selection, d, s, levels, float(risk[d_at, low_at, high_at]))


def allowance(cheapest: float, without: float) -> float:
    """What a plan may cost to count as nearly as cheap, given the cost without a cascade."""
    return cheapest + SAFETY_SHARE * (without - cheapest)


class _Grid:
    """Errors and frames handed on for every pair (c_low, c_high), given the frames still seen."""

    def __init__(
        self,
        selection: Selection,
        seen: NDArray[np.bool_],
        score: NDArray[np.float64],
        lows: NDArray[np.float64],
        highs: NDArray[np.float64],
    ) -> None:
        t, unit = selection.present, selection.unit
        kept = t & seen & (score >= lows[:, None])  # (L, n) positives not lost
        invented = ~t & seen & (score > highs[:, None])  # (H, n) negatives returned
        starts = np.searchsorted(unit, np.arange(unit[-1] + 1))
        kept_per_unit = np.add.reduceat(kept, starts, axis=1, dtype=np.int32)
        invented_per_unit = np.add.reduceat(invented, starts, axis=1, dtype=np.int32)
        truth = selection.positive_units
        firm, empty = selection.firm_positives, selection.firm_negatives
        self.units = _Errors(
            positives=int(truth.sum()),
            negatives=int((~truth).sum()),
            drawn_positives=int(truth[selection.drawn_units].sum()),
            misses=_count_units(kept_per_unit, invented_per_unit, selection.majority, truth, False),
            false_alarms=_count_units(
                kept_per_unit, invented_per_unit, selection.majority, ~truth, True
            ),
        )
        self.frames = _Errors(
            positives=int(firm.sum()),
            negatives=int(empty.sum()),
            drawn_positives=int(firm[selection.drawn].sum()),
            misses=firm.sum() - kept[:, None, firm].sum(axis=2),
            false_alarms=invented[None, :, empty].sum(axis=2),
        )
        counted = seen & selection.drawn
        below = (counted & (score < lows[:, None])).sum(axis=1)  # (L,)
        above = (counted & (score > highs[:, None])).sum(axis=1)  # (H,)
        left = counted.sum() - below[:, None] - above[None]  # (L, H)
        self.passed = left / selection.drawn.sum()
        # Crossed thresholds would answer a frame both ways.
        self.valid = lows[:, None] <= highs[None]

    def within(self, accuracy: Accuracy) -> NDArray[np.bool_]:
        """Which pairs keep the bounds, bool (L, H)."""
        return self.valid & self.units.within(accuracy) & self.frames.within(accuracy)


def _count_units(
    kept: NDArray[np.int32],
    invented: NDArray[np.int32],
    majority: NDArray[np.int64],
    of: NDArray[np.bool_],
    answer: bool,
) -> NDArray[np.int64]:
    """How many of the units `of`, bool (U,), get the `answer`, int64 (L, H), when so many of their
    frames are kept, (L, U), and invented, (H, U).

    Few units have frames of both kinds at any thresholds: for the others a sum for each threshold
    will do.
    """
    has_kept, has_invented = kept.any(axis=0), invented.any(axis=0)
    both, only_kept, only_invented = (
        np.flatnonzero(of & here)
        for here in (has_kept & has_invented, ~has_invented, has_invented & ~has_kept)
    )
    by_low = ((kept[:, only_kept] >= majority[only_kept]) == answer).sum(axis=1)
    by_high = ((invented[:, only_invented] >= majority[only_invented]) == answer).sum(axis=1)
    frames = kept[:, None, both] + invented[None, :, both]
    counts = ((frames >= majority[both]) == answer).sum(axis=2)
    return np.asarray(counts + by_low[:, None] + by_high[None], np.int64)


@dataclass(frozen=True)
class _Errors:
    """Errors for every pair (c_low, c_high), in arrays that broadcast to (L, H).

    `drawn_positives`: those of the positives that tell how common positives are.
    """

    positives: int
    negatives: int
    drawn_positives: int
    misses: NDArray[np.int64]
    false_alarms: NDArray[np.int64]

    def within(self, accuracy: Accuracy) -> NDArray[np.bool_]:
        """Which pairs keep the bounds; a kind of error without a bound may not happen at all."""
        ok: NDArray[np.bool_] = self.misses <= (accuracy.fnr or 0) * self.positives
        if accuracy.fpr is None and accuracy.fdr is None:
            ok = ok & (self.false_alarms == 0)
        if accuracy.fpr is not None:
            ok = ok & (self.false_alarms <= accuracy.fpr * self.negatives)
        if accuracy.fdr is not None:
            returned = self.drawn_positives - self.misses + self.false_alarms
            ok = ok & (self.false_alarms <= accuracy.fdr * returned)
        return ok


def _thresholds(
    selection: Selection,
    distance: NDArray[np.float64],
    score: NDArray[np.float64],
    levels: tuple[float, float, float],
    risk: float,
) -> Thresholds:
    delta, low, high = levels
    seen = distance >= delta
    passed = seen & (score >= low) & (score <= high)
    answer = np.where(passed, selection.present, seen & (score > high))
    drawn = selection.drawn
    present, answer, unit = selection.present[drawn], answer[drawn], selection.unit[drawn]
    handed_on = seen[drawn]
    return Thresholds(
        difference=delta,
        low=low,
        high=high,
        detector_passes=float(handed_on.mean()),
        model_passes=float(passed[drawn].sum() / max(handed_on.sum(), 1)),
        risk=risk,
        errors=count_errors(present, answer, unit),
        frame_errors=count_errors(present, answer, np.arange(len(answer))),
    )


@dataclass(frozen=True)
class _Levels:
    """Values to try for a threshold, the first or last of which decides nothing, and their risk."""

    values: NDArray[np.float64]
    risk: NDArray[np.float64]


_NEVER_ABSENT = _Levels(np.array([-math.inf]), np.zeros(1))
_NEVER_PRESENT = _Levels(np.array([math.inf]), np.zeros(1))


def _absence_levels(
    selection: Selection,
    distance: NDArray[np.float64] | None,
    score: NDArray[np.float64] | None,
    fnr: float | None,
) -> tuple[_Levels, _Levels]:
    """Values of δ and c_low to try. Both stages can miss, so each gets half of the margin."""
    sources = (distance is not None) + (score is not None)
    levels = []
    for values in (distance, score):
        if values is None or fnr is None:
            levels.append(_NEVER_ABSENT)
            continue
        sample = selection.sample(values, selection.firm_positives)
        ceiling = sample.lower_bound(fnr / sources)
        levels.append(_levels(values[~selection.present], ceiling, sample) or _NEVER_ABSENT)
    return levels[0], levels[1]


def _presence_levels(
    selection: Selection, score: NDArray[np.float64] | None, accuracy: Accuracy
) -> _Levels:
    """Values of c_high to try; mirrored, they are those of an absence level."""
    drawn = selection.positive_units[selection.drawn_units]
    positives = max(int(drawn.sum()), 1)
    negatives = len(drawn) - positives
    shares = [] if accuracy.fpr is None else [accuracy.fpr]
    if accuracy.fdr is not None:
        # What may be false of the returned, as a share of the negatives.
        shares.append(accuracy.fdr * positives / max(negatives, 1))
    if score is None or not shares or min(shares) == 0:
        return _NEVER_PRESENT
    sample = selection.sample(-score, selection.firm_negatives)
    ceiling = sample.lower_bound(min(*shares, 0.5))
    mirrored = _levels(-score[selection.present], ceiling, sample)
    if mirrored is None:
        return _NEVER_PRESENT
    return _Levels(-mirrored.values[::-1], mirrored.risk[::-1] * negatives / positives)


def _levels(values: NDArray[np.float64], ceiling: float, sample: NormalSample) -> _Levels | None:
    """−∞, `ceiling` and up to LEVELS quantiles of the `values` below it; None without any.

    The risk of a level is the share of the sample's population below it.
    """
    inside = values[values <= ceiling]
    if not len(inside):
        return None
    quantiles = np.quantile(inside, np.linspace(0, 1, LEVELS))
    levels = np.unique([-math.inf, ceiling, *quantiles])
    return _Levels(levels, sample.shares_below(levels))
