"""Means from samples: the interval holds as often as it says, however often one looks."""

from __future__ import annotations

import numpy as np
import pytest

from vqe.statistics.mean_estimates import PILOT, MeanEstimate

CONFIDENCE = 0.95


def estimated(values: np.ndarray, error: float) -> MeanEstimate:
    """As an operator draws: a pilot, then as many as are wanted."""
    wanted, drawn = min(PILOT, len(values)), 0
    while wanted > drawn:
        drawn = wanted
        estimate = MeanEstimate.of(values[:drawn], len(values), CONFIDENCE)
        wanted = estimate.wanted(error, CONFIDENCE)
    return estimate


POPULATIONS = {
    "few at a time": lambda rng: rng.poisson(1.5, 20_000),
    "half of the time": lambda rng: rng.random(20_000) < 0.5,
    "rarely": lambda rng: rng.random(20_000) < 0.02,
    "now and then, many": lambda rng: np.where(rng.random(20_000) < 0.05, 5, 0),
    "never": lambda rng: np.zeros(20_000),
}


@pytest.mark.slow
@pytest.mark.parametrize("error", [0.02, 0.1])
@pytest.mark.parametrize("kind", POPULATIONS)
def test_the_mean_is_as_near_as_it_says(kind, error):
    rng = np.random.default_rng(5)
    values = POPULATIONS[kind](rng).astype(np.float64)
    found = [estimated(rng.permutation(values), error) for _ in range(200)]
    assert all(one.half_width <= error for one in found)
    off = [abs(one.mean - values.mean()) > error for one in found]
    # Of 200 that are wrong one time in twenty, more than 20 are one time in a thousand.
    assert sum(off) <= 20
    assert np.mean([one.sampled for one in found]) < 15_000


def test_a_whole_population_is_known():
    values = np.array([0.0, 1.0, 2.0])
    one = MeanEstimate.of(values, 3, CONFIDENCE)
    assert (one.mean, one.half_width, one.wanted(1e-9, CONFIDENCE)) == (1.0, 0.0, 3)


def test_what_was_never_seen_may_be_there_all_the_same():
    nothing = np.zeros(100)
    one = MeanEstimate.of(nothing, 10_000, CONFIDENCE)
    # About two in a hundred: 0.98^100 is 0.13.
    assert 0.015 < one.half_width < 0.03
    assert one.wanted(0.001, CONFIDENCE) > 1_000


def test_a_sum_is_so_many_means():
    one = MeanEstimate.of(np.arange(10.0), 50, CONFIDENCE)
    total = one.times(50)
    assert total.mean == 225
    assert total.half_width == pytest.approx(50 * one.half_width)
    assert total.wanted(50 * 0.5, CONFIDENCE) == one.wanted(0.5, CONFIDENCE)
