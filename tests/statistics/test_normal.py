"""Student's t, the prediction bound and the expected shares."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vqe.statistics.normal import NormalSample, student_quantile

TABLE = [  # p, degrees of freedom, quantile: from printed tables
    (0.95, 5, 2.015),
    (0.99, 5, 3.365),
    (0.975, 8, 2.306),
    (0.99, 10, 2.764),
    (0.995, 10, 3.169),
    (0.995, 20, 2.845),
    (0.9, 30, 1.310),
    (0.975, 120, 1.980),
    (0.995, 60, 2.660),
]


@pytest.mark.parametrize(("p", "degrees", "expected"), TABLE)
def test_quantiles_of_the_table(p, degrees, expected):
    assert student_quantile(p, degrees) == pytest.approx(expected, rel=0.01)
    assert student_quantile(1 - p, degrees) == pytest.approx(-expected, rel=0.01)


def test_it_approaches_the_normal_distribution():
    assert student_quantile(0.975, 10**7) == pytest.approx(1.959964, abs=1e-5)
    assert student_quantile(0.5, 7) == pytest.approx(0)


@pytest.mark.parametrize("n", [8, 12, 40])
@pytest.mark.parametrize("share", [0.05, 0.01])
def test_the_next_draw_falls_below_with_the_stated_probability(n, share):
    rng = np.random.default_rng(n)
    trials = 10_000
    draws = rng.normal(10, 3, (trials, n + 1))
    bounds = np.array([NormalSample(row[:-1], n).lower_bound(share) for row in draws])
    below = (draws[:, -1] < bounds).mean()
    assert below == pytest.approx(share, abs=4 * math.sqrt(share / trials) + 0.1 * share)


def test_few_values_bound_nothing():
    assert NormalSample(np.arange(5.0), 5).lower_bound(0.01) == -math.inf
    assert NormalSample(np.arange(50.0), 5).lower_bound(0.01) == -math.inf
    assert NormalSample(np.full(6, 2.5), 6).lower_bound(0.01) == pytest.approx(2.5)


def test_values_that_repeat_each_other_are_worth_less():
    values = np.random.default_rng(0).normal(size=20)
    one, ten = NormalSample(values, 20), NormalSample(np.repeat(values, 10), 20)
    assert ten.lower_bound(0.02) == pytest.approx(one.lower_bound(0.02), rel=1e-6)
    assert ten.lower_bound(0.02) < NormalSample(np.repeat(values, 10), 200).lower_bound(0.02)


def test_it_moves_and_scales_with_the_sample():
    values = np.random.default_rng(0).normal(size=20)
    bound = NormalSample(values, 20).lower_bound(0.02)
    assert bound < values.mean()
    assert NormalSample(3 * values + 7, 20).lower_bound(0.02) == pytest.approx(3 * bound + 7)


def test_shares_below():
    values = np.random.default_rng(1).normal(5, 2, 4000)
    levels = np.array([-math.inf, 1.0, 5.0, 7.0])
    shares = NormalSample(values, 4000).shares_below(levels)
    np.testing.assert_allclose(shares, [0, 0.0228, 0.5, 0.841], atol=0.02)
