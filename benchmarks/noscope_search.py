"""NoScope's search for thresholds, as its released code does it: all in windows of 30 frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.systems import window_sums

GRID = 1000
"""Values tried for the detector's threshold, and for those of the network."""

DETECTOR_SHARE = 0.5
"""Of the false negatives allowed, what the difference detector may cause."""

CASCADE_SHARE = 0.5
"""Of the false negatives allowed, what it may cause together with the network: the released code
never spends the other half."""

UPPER_SHARE = 0.5
"""Of the false positives allowed, what the network's upper threshold may cause; halved as well."""

COSTS = {"detector": 10, "network": 400, "reference": 60_000}
"""Of one evaluation each, hard-coded, whatever the machine and the reference network."""

TRAINING_POSITIVE = 22
"""A frame is a positive example where so many of the 30 around it are: more than 70 %."""


@dataclass(frozen=True)
class Thresholds:
    """Where each stage decides: the detector below `delta` for absent, the network below `lower`
    for absent and above `upper` for present. What is left is for the reference network.

    Found on `positives` + `negatives` windows, where they lead to `missed` false negatives and
    `false_alarms` false positives and to the relative `cost`.
    """

    delta: float
    lower: float
    upper: float
    cost: int
    missed: int
    false_alarms: int
    positives: int
    negatives: int


def training_labels(truth: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What models learn from, bool (N,): the labels smoothed over 30 frames."""
    labels: NDArray[np.bool_] = window_sums(truth) >= TRAINING_POSITIVE
    return labels


def search(
    distances: NDArray[np.float64],
    scores: NDArray[np.float64],
    truth: NDArray[np.bool_],
    *,
    fnr: float,
    fpr: float,
    grid: int = GRID,
) -> Thresholds:
    """The cheapest thresholds of a detector and a network that keep the rates on K windows.

    `distances` (infinite where there is nothing to compare with) and `scores`: float64 (K,), of the
    frame that is looked at in each window; `truth`: bool (K,), both classes present.
    """
    positives, negatives = int(truth.sum()), int((~truth).sum())
    deltas = _deltas(distances, truth, DETECTOR_SHARE * fnr * positives, grid)  # (D,)
    levels = np.linspace(scores.min(), scores.max(), grid)  # (C,)
    missed = positives - _passing(distances[truth], scores[truth], deltas, levels)  # (D, C)
    alarms = _passing(distances[~truth], scores[~truth], deltas, levels)  # (D, C)
    lower = _last((missed <= CASCADE_SHARE * fnr * positives).sum(axis=1))
    upper = np.minimum((alarms > UPPER_SHARE * fpr * negatives).sum(axis=1), grid - 1)
    crossed = lower > upper
    middle = (lower + upper) // 2  # keeps both rates, and leaves nothing to the reference network
    lower, upper = np.where(crossed, middle, lower), np.where(crossed, middle, upper)
    passed = distances >= deltas[:, None]  # (D, K)
    # The released code leaves out scores that equal a threshold, though the cascade sends them on.
    # We count them, lest a network that is often sure of itself look cheaper than it is.
    undecided = passed & (scores >= levels[lower][:, None]) & (scores <= levels[upper][:, None])
    cost = (
        COSTS["detector"] * len(truth)
        + COSTS["network"] * passed.sum(axis=1)
        + COSTS["reference"] * undecided.sum(axis=1)
    )
    best = int(cost.argmin())
    return Thresholds(
        delta=float(deltas[best]),
        lower=float(levels[lower[best]]),
        upper=float(levels[upper[best]]),
        cost=int(cost[best]),
        missed=int(missed[best, lower[best]]),
        false_alarms=int(alarms[best, upper[best]]),
        positives=positives,
        negatives=negatives,
    )


def _deltas(
    distances: NDArray[np.float64], truth: NDArray[np.bool_], allowed: float, grid: int
) -> NDArray[np.float64]:
    """The detector's thresholds worth trying, ascending: from one that stops no frame to one that
    stops as many positives as are allowed; of those that stop the same frames the lowest."""
    order = distances.argsort(kind="stable")
    kept = int((truth[order].cumsum() <= allowed).sum())
    finite = distances[np.isfinite(distances)]
    if not len(finite):
        return np.array([-np.inf])
    highest = min(distances[order[kept - 1]], finite.max()) if kept else finite.min()
    deltas = np.linspace(finite.min(), highest, grid)
    stopped = np.searchsorted(distances[order], deltas)
    return deltas[np.unique(stopped, return_index=True)[1]]


def _passing(
    distances: NDArray[np.float64],
    scores: NDArray[np.float64],
    deltas: NDArray[np.float64],
    levels: NDArray[np.float64],
) -> NDArray[np.int64]:
    """How many windows reach each pair of thresholds in both values, int64 (D, C)."""
    rows = np.searchsorted(deltas, distances, side="right")  # thresholds reached
    columns = np.searchsorted(levels, scores, side="right")
    shape = (len(deltas) + 1, len(levels) + 1)
    counts = np.bincount(rows * shape[1] + columns, minlength=shape[0] * shape[1]).reshape(shape)
    reached: NDArray[np.int64] = counts[::-1, ::-1].cumsum(axis=0).cumsum(axis=1)[::-1, ::-1]
    return reached[1:, 1:]


def _last(allowed: NDArray[np.int64]) -> NDArray[np.int64]:
    """The place of the last of so many levels, and one before it, for caution, unless the first."""
    return np.asarray(np.maximum(allowed - 2, 0))
