"""Thresholds: the cheapest (δ, c_low, c_high) that keeps the bounds on the selection frames.

Errors are counted over metric units, jointly for the whole cascade. A frame is answered
  absent   where distance < δ, or score < c_low,
  present  where score > c_high,
and by the reference network otherwise, which makes no error by definition.

On a few dozen units "no error seen" says little, so there are four safety margins. The bounds must
hold with errors to spare, or without any (`tolerated`). They must also hold for the single frames
inside the units, since a visit's first and last frames, on which its outer units hang, are the ones
that look least like the object. A threshold may not pass the level at which, by a normal prediction
bound, one more frame would go wrong more often than the bound allows. And among thresholds that are
nearly as cheap as the cheapest, the ones least likely to go wrong by that same model are taken.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.plan.accuracy import Accuracy
from vqe.planner.selection import Errors, Selection
from vqe.statistics.normal import NormalSample
from vqe.statistics.units import ErrorCounts, count_errors

LEVELS = 40
"""Values tried for each threshold."""

SAFETY_SHARE = 0.05
"""Share of the saving that is given up for safety: the last percent saved cost the most risk."""


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
    bounds = promised or accuracy
    absence = bounds.fnr
    witnessed = absence is not None and selection.enough_positives(absence)
    deltas, lows = _absence_levels(selection, distance, score, accuracy.fnr if witnessed else None)
    highs = _presence_levels(selection, score, accuracy, bounds.fdr)
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
        self.units = Errors(
            positives=int(truth.sum()),
            negatives=int((~truth).sum()),
            drawn_positives=int(truth[selection.drawn_units].sum()),
            misses=_count_units(kept_per_unit, invented_per_unit, selection.majority, truth, False),
            false_alarms=_count_units(
                kept_per_unit, invented_per_unit, selection.majority, ~truth, True
            ),
            growth=selection.growth,
        )
        self.frames = Errors(
            positives=int(firm.sum()),
            negatives=int(empty.sum()),
            drawn_positives=int(firm[selection.drawn].sum()),
            misses=firm.sum() - kept[:, None, firm].sum(axis=2),
            false_alarms=invented[None, :, empty].sum(axis=2),
            growth=selection.growth,
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


def judged(
    present: NDArray[np.bool_],
    distance: NDArray[np.float64],
    score: NDArray[np.float64],
    levels: tuple[float, float, float],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """What a cascade with (δ, c_low, c_high) says of n frames, and which of them the reference
    network was asked about, both bool (n,). `present` is the truth."""
    delta, low, high = levels
    seen = distance >= delta
    passed = seen & (score >= low) & (score <= high)
    return np.where(passed, present, seen & (score > high)), passed


def _thresholds(
    selection: Selection,
    distance: NDArray[np.float64],
    score: NDArray[np.float64],
    levels: tuple[float, float, float],
    risk: float,
) -> Thresholds:
    delta, low, high = levels
    seen = distance >= delta
    answer, passed = judged(selection.present, distance, score, levels)
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
    selection: Selection,
    score: NDArray[np.float64] | None,
    accuracy: Accuracy,
    promised_fdr: float | None,
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
    # Of few positives it is unknown how many they are, and so how many false ones may be returned.
    if accuracy.fdr is not None and not selection.enough_positives(promised_fdr or accuracy.fdr):
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
