"""NoScope's windows and its search for thresholds, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.noscope_search import (
    CASCADE_SHARE,
    DETECTOR_SHARE,
    UPPER_SHARE,
    search,
    training_labels,
)
from benchmarks.systems import window_sums, window_truth


def test_windows_lie_around_the_frame_that_is_looked_at() -> None:
    truth = np.random.default_rng(0).random(200) < 0.9
    truth[60:100] = True
    naive = np.array([sum(truth[max(i - 15, 0) : i + 15]) for i in range(200)])
    np.testing.assert_array_equal(window_sums(truth), naive)
    np.testing.assert_array_equal(training_labels(truth), naive > 0.7 * 30)
    np.testing.assert_array_equal(window_truth(truth), [naive[i] >= 28 for i in range(0, 200, 30)])
    # The smoothing of the released code, where it is defined by a convolution.
    convolved = np.convolve(np.ones(30), truth, mode="same")
    np.testing.assert_array_equal(window_sums(truth), np.rint(convolved))


def naive_search(distances, scores, truth, fnr, fpr, grid):
    """The cheapest cost by plain loops, and the rates it comes with."""
    positives, negatives = sum(truth), sum(~truth)
    order = sorted(range(len(truth)), key=lambda k: distances[k])
    highest = missed = 0
    for k in order:
        missed += truth[k]
        if missed <= DETECTOR_SHARE * fnr * positives:
            highest = distances[k]
    finite = [d for d in distances if d < np.inf]
    if DETECTOR_SHARE * fnr * positives < truth[order[0]]:
        highest = min(finite)
    best = None
    levels = np.linspace(min(scores), max(scores), grid)
    for delta in np.linspace(min(finite), min(highest, max(finite)), grid):
        misses, alarms = [], []
        for level in levels:
            says = [d >= delta and s >= level for d, s in zip(distances, scores, strict=True)]
            misses.append(sum(t and not a for t, a in zip(truth, says, strict=True)))
            alarms.append(sum(a and not t for t, a in zip(truth, says, strict=True)))
        fine = [j for j in range(grid) if misses[j] <= CASCADE_SHARE * fnr * positives]
        lower = max(max(fine, default=0) - 1, 0)
        fine = [j for j in range(grid) if alarms[j] <= UPPER_SHARE * fpr * negatives]
        upper = min(fine, default=grid - 1)
        if lower > upper:
            lower = upper = (lower + upper) // 2
        passed = [k for k in range(len(truth)) if distances[k] >= delta]
        left = [k for k in passed if levels[lower] <= scores[k] <= levels[upper]]
        cost = 10 * len(truth) + 400 * len(passed) + 60_000 * len(left)
        if best is None or cost < best[0]:
            best = (cost, delta, levels[lower], levels[upper], misses[lower], alarms[upper])
    return best


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.4])
def test_the_search_agrees_with_plain_loops_and_keeps_the_halves(seed: int, rate: float) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.random(40) < 0.4
    distances = rng.normal(truth * 1.5, 1)
    scores = 1 / (1 + np.exp(-rng.normal(truth * 3 - 1.5, 1.2)))
    if seed % 3 == 0:
        distances[0] = np.inf
    if seed % 4 == 0:  # ties
        scores, distances = scores.round(1), distances.round(1)
    found = search(distances, scores, truth, fnr=rate, fpr=rate, grid=12)
    cost, delta, lower, upper, missed, alarms = naive_search(
        distances, scores, truth, rate, rate, grid=12
    )
    assert found.cost == cost
    assert (found.delta, found.lower, found.upper) == (delta, lower, upper)
    assert (found.missed, found.false_alarms) == (missed, alarms)
    assert (distances[truth] < found.delta).sum() <= rate / 2 * truth.sum()
    assert found.missed <= rate / 2 * truth.sum()
    wrongly_present = (distances >= found.delta) & (scores > found.upper) & ~truth
    assert wrongly_present.sum() <= rate / 2 * (~truth).sum()


def test_a_separable_question_needs_no_reference_network() -> None:
    truth = np.arange(50) % 5 == 0
    distances = 10 * truth + np.arange(50) / 50
    found = search(distances, truth * 0.9 + 0.05, truth, fnr=0.01, fpr=0.01)
    assert found.missed == found.false_alarms == 0
    # The detector stops all empty frames but one: its threshold is never above the last of them.
    assert found.cost == 10 * 50 + 400 * (10 + 1)
