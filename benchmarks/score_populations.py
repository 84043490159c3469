"""Hours of made-up footage: what is there, how a proxy scores it, and plans with their answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Mask = NDArray[np.bool_]

SEPARATION = 6.0
"""Between the mean scores of units with and without the object, in standard deviations: a proxy
that is good for the task."""
VISIT_SPREAD = 0.4
"""Standard deviation of what the units of a visit have in common."""


@dataclass(frozen=True)
class Population:
    """`truth` bool (U,) and `score` float64 (U,) of units in time."""

    truth: Mask
    score: Scores


@dataclass(frozen=True)
class Plan:
    """Scores below `low` are answered absent, from `high` on present; between, the network."""

    low: float
    high: float

    def answers(self, score: Scores) -> tuple[Mask, Mask]:
        """Which are answered absent and which present, bool."""
        return score < self.low, score >= self.high


def make_population(
    units: int,
    presence: float,
    *,
    bursty: bool,
    rng: np.random.Generator,
    separation: float = SEPARATION,
) -> Population:
    """`presence` of the units hold the object, in visits.

    Calm: visits of 60 units on average, evenly scattered. Bursty: visits of 4, of which 19 in 20
    follow the last one within a few units.
    """
    positives = round(units * presence)
    visits = max(1, positives // (4 if bursty else 60))
    lengths = 1 + _whole(rng.exponential(size=visits), positives - visits)
    weights = rng.exponential(size=len(lengths) + 1)
    if bursty:
        weights *= np.where(rng.random(len(weights)) < 0.95, 1, 200)
    gaps = _whole(weights, units - positives)
    runs = np.column_stack([gaps, np.append(lengths, 0)]).ravel()
    truth = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    common = np.repeat(rng.normal(0, VISIT_SPREAD, len(runs)), runs)
    score = rng.normal(size=units) + np.where(truth, separation + common, 0)
    return Population(truth, score)


def choose_plans(truth: Mask, score: Scores, bound: float, margins: Sequence[float]) -> list[Plan]:
    """From a tuning sample, (N,) each: one plan for each share of the bound that it is to use up.

    Normal distributions are fitted to the scores of either class. Their tails, wider where they
    rest on few units (Student's t, to first order), say which thresholds would do. A sample with
    fewer than three of a class tells nothing: no plan.
    """
    present, absent = score[truth], score[~truth]
    if min(len(present), len(absent)) < 3:
        return []
    odds = len(present) / len(absent)
    plans = []
    for margin in margins:
        low = _tail(present, margin * bound)
        high = -_tail(-absent, min(0.4, margin * bound * odds))
        if low > high:  # Both would do; nobody need be asked.
            low = high = (low + high) / 2
        plans.append(Plan(low, high))
    return plans


def _tail(values: Scores, share: float) -> float:
    """The value below which one more falls with probability `share`, about."""
    n = len(values)
    z = -NormalDist().inv_cdf(share)
    t = z + (z**3 + z) / (4 * (n - 1))
    return float(values.mean() - t * values.std(ddof=1) * math.sqrt(1 + 1 / n))


def _whole(weights: Scores, total: int) -> NDArray[np.int64]:
    """Whole numbers in proportion to `weights` that add up to `total`."""
    edges = np.round(np.cumsum(weights) / weights.sum() * total).astype(np.int64)
    whole: NDArray[np.int64] = np.diff(edges, prepend=0)
    return whole
