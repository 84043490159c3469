"""Thresholds: the cheapest (δ, c_low, c_high) that keeps the bounds on the selection frames.

Errors are counted over metric units, jointly for the whole cascade. A frame is answered
  absent   where distance < δ, or score < c_low,
  present  where score > c_high,
and by the reference network otherwise, which makes no error by definition.

On a few dozen units "no error seen" says little, so a safety margin is added: a threshold may not
pass the level at which, by a normal prediction bound over the units, one more unit would go wrong
more often than the bound allows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.plan.accuracy import Accuracy
from vqe.statistics.student import lower_prediction_bound
from vqe.statistics.units import ErrorCounts, count_errors, unit_answers

LEVELS = 40
"""Values tried for each threshold."""


@dataclass(frozen=True)
class Selection:
    """Truth and metric unit of n frames that no detector or model was trained on.

    `present`: bool (n,); `unit`: int64 (n,), numbered 0..U−1 in ascending order.
    """

    present: NDArray[np.bool_]
    unit: NDArray[np.int64]

    @property
    def majority(self) -> NDArray[np.int64]:
        """Positive frames that make each unit positive, int64 (U,)."""
        return np.bincount(self.unit) // 2 + 1

    @property
    def positive_units(self) -> NDArray[np.bool_]:
        """Truth of each unit, bool (U,)."""
        return unit_answers(self.present, self.unit)


@dataclass(frozen=True)
class Thresholds:
    """The choice, and what it does to the selection frames.

    `detector_passes`: share of the frames that the difference detector hands on; `model_passes`:
    share of those that the specialized model hands on.
    """

    difference: float
    low: float
    high: float
    detector_passes: float
    model_passes: float
    errors: ErrorCounts
    frame_errors: ErrorCounts


def choose(
    selection: Selection,
    distance: NDArray[np.float64] | None,
    score: NDArray[np.float64] | None,
    accuracy: Accuracy,
    seconds: tuple[float, float],
) -> Thresholds | None:
    """The cheapest thresholds, or None where none saves anything.

    `distance`, `score`: float64 (n,), None without that stage. `seconds`: per frame, of the
    specialized model and of the reference network.
    """
    sources = (distance is not None) + (score is not None)
    deltas, lows = _absence_levels(selection, distance, score, accuracy, sources)
    highs = _presence_levels(selection, score, accuracy)
    d = np.zeros(len(selection.present)) if distance is None else distance
    s = np.zeros(len(selection.present)) if score is None else score
    best: Thresholds | None = None
    best_cost = math.inf
    for delta in deltas:
        seen = d >= delta
        grid = _Grid(selection, seen, s, lows, highs)
        cost = _cost(seen, grid.passed, score is not None, seconds)
        cost[~grid.within(accuracy)] = math.inf
        i, j = np.unravel_index(np.argmin(cost), cost.shape)
        if cost[i, j] < best_cost:
            best_cost = float(cost[i, j])
            best = _thresholds(selection, d, s, (float(delta), float(lows[i]), float(highs[j])))
    if best is None or best.detector_passes * best.model_passes == 1:
        return None
    return best


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
        answered = kept_per_unit[:, None] + invented_per_unit[None] >= selection.majority
        truth = selection.positive_units
        self.positives, self.negatives = int(truth.sum()), int((~truth).sum())
        self.misses = (~answered & truth).sum(axis=2)  # (L, H)
        self.false_alarms = (answered & ~truth).sum(axis=2)  # (L, H)
        below = (seen & (score < lows[:, None])).sum(axis=1)  # (L,)
        above = (seen & (score > highs[:, None])).sum(axis=1)  # (H,)
        self.passed = (seen.sum() - below[:, None] - above[None]) / len(seen)  # (L, H)
        # Crossed thresholds would answer a frame both ways.
        self.valid = lows[:, None] <= highs[None]

    def within(self, accuracy: Accuracy) -> NDArray[np.bool_]:
        """Which pairs keep the bounds, bool (L, H); a rate without a bound may not rise above 0."""
        ok = self.valid & (self.misses <= (accuracy.fnr or 0) * self.positives)
        if accuracy.fpr is None and accuracy.fdr is None:
            return ok & (self.false_alarms == 0)
        if accuracy.fpr is not None:
            ok &= self.false_alarms <= accuracy.fpr * self.negatives
        if accuracy.fdr is not None:
            returned = self.positives - self.misses + self.false_alarms
            ok &= self.false_alarms <= accuracy.fdr * returned
        return ok


def _cost(
    seen: NDArray[np.bool_],
    passed: NDArray[np.float64],
    has_model: bool,
    seconds: tuple[float, float],
) -> NDArray[np.float64]:
    """Seconds per frame after the difference detector, (L, H)."""
    model, reference = seconds
    return (seen.mean() * model if has_model else 0.0) + passed * reference


def _thresholds(
    selection: Selection,
    distance: NDArray[np.float64],
    score: NDArray[np.float64],
    levels: tuple[float, float, float],
) -> Thresholds:
    delta, low, high = levels
    seen = distance >= delta
    passed = seen & (score >= low) & (score <= high)
    answer = np.where(passed, selection.present, seen & (score > high))
    return Thresholds(
        difference=delta,
        low=low,
        high=high,
        detector_passes=float(seen.mean()),
        model_passes=float(passed.sum() / max(seen.sum(), 1)),
        errors=count_errors(selection.present, answer, selection.unit),
        frame_errors=count_errors(selection.present, answer, np.arange(len(answer))),
    )


def _absence_levels(
    selection: Selection,
    distance: NDArray[np.float64] | None,
    score: NDArray[np.float64] | None,
    accuracy: Accuracy,
    sources: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values of δ and c_low to try. Both stages can miss, so each gets half of the margin."""
    none = np.array([-math.inf])
    if accuracy.fnr is None:
        return none, none
    levels = []
    for values in (distance, score):
        if values is None:
            levels.append(none)
            continue
        ceiling = lower_prediction_bound(_flip_down(selection, values), accuracy.fnr / sources)
        levels.append(_levels(values[~selection.present], -math.inf, ceiling))
    return levels[0], levels[1]


def _presence_levels(
    selection: Selection, score: NDArray[np.float64] | None, accuracy: Accuracy
) -> NDArray[np.float64]:
    """Values of c_high to try."""
    positives = int(selection.positive_units.sum())
    negatives = len(selection.positive_units) - positives
    shares = [] if accuracy.fpr is None else [accuracy.fpr]
    if accuracy.fdr is not None:
        # What may be false of the returned, as a share of the negatives.
        shares.append(accuracy.fdr * positives / max(negatives, 1))
    if score is None or not shares or min(shares) == 0:
        return np.array([math.inf])
    share = min(*shares, 0.5)
    floor = -lower_prediction_bound(-_flip_up(selection, score), share)
    return _levels(score[selection.present], floor, math.inf)


def _levels(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """−∞ or +∞, which decides nothing, and up to LEVELS quantiles of `values` in [low, high]."""
    nothing = -math.inf if low == -math.inf else math.inf
    edge = high if nothing == -math.inf else low
    inside = values[(values >= low) & (values <= high)]
    if not len(inside) or not math.isfinite(edge):
        return np.array([nothing])
    quantiles = np.quantile(inside, np.linspace(0, 1, LEVELS - 1))
    return np.unique(np.concatenate([[nothing, edge], quantiles]))


def _flip_down(selection: Selection, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The threshold at which each positive unit is missed: its majority-th highest positive."""
    flips = []
    for u in np.flatnonzero(selection.positive_units):
        own = np.sort(values[(selection.unit == u) & selection.present])[::-1]
        flips.append(own[selection.majority[u] - 1])
    return np.array(flips)


def _flip_up(selection: Selection, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The threshold below which each negative unit turns positive, counting its true positives."""
    flips = []
    for u in np.flatnonzero(~selection.positive_units):
        inside = selection.unit == u
        own = np.sort(values[inside & ~selection.present])[::-1]
        missing = selection.majority[u] - int((inside & selection.present).sum())
        flips.append(own[missing - 1])
    return np.array(flips)
