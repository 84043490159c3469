"""The bet against errors in one stratum, and the floor of every test."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqe.statistics.betting import HOPE, A, Stratum, label_floor, log_gamma, log_wealth


def log_falling(x: int, j: int) -> float:
    return math.lgamma(x + 1) - math.lgamma(x - j + 1)


def wealth_by_hand(size: int, drawn: int, errors: int, k: int) -> float:
    """Draw by draw, the gambler's prediction over that of the hypothesis of k errors."""
    b = A * HOPE * size / k
    wealth = 1.0
    for i in range(drawn):
        m = min(i, errors)  # The errors come first; the order makes no difference.
        believed = (A + m) / (A + b + i)
        supposed = (k - m) / (size - i)
        if i >= errors:
            believed, supposed = 1 - believed, 1 - supposed
        if supposed <= 0:
            return math.inf
        wealth *= believed / supposed
    return wealth


def test_log_gamma():
    x = np.array([0.5, 1, 2, 3.7, 50, 1e3 + 0.5, 2.6e6])
    exact = [math.lgamma(each) for each in x]
    assert log_gamma(x) == pytest.approx(exact, rel=1e-12, abs=1e-11)


@given(st.data())
def test_it_is_the_least_wealth_of_all_hypotheses_from_there_on(data):
    size = data.draw(st.integers(1, 80))
    drawn = data.draw(st.integers(0, size))
    errors = data.draw(st.integers(0, drawn))
    k = data.draw(st.integers(1, size + 1))
    least = min(
        (wealth_by_hand(size, drawn, errors, each) for each in range(max(k, errors), size + 1)),
        default=math.inf,
    )
    told = float(np.exp(log_wealth(Stratum(size, drawn, errors), k)))
    if told > 0:
        assert told == pytest.approx(least, rel=1e-9)


@pytest.mark.parametrize("size", [1, 5, 12])
def test_the_mean_wealth_never_grows(size):
    """Exactly: over all states of a stratum with k errors, by the chance of the next draw."""
    for k in range(1, size + 1):
        for n, m in product(range(size), range(k + 1)):
            if m > n or n - m > size - k:
                continue
            now = wealth_by_hand(size, n, m, k)
            miss = (k - m) / (size - n)
            later = 0.0
            if miss > 0:
                later += miss * wealth_by_hand(size, n + 1, m + 1, k)
            if miss < 1:
                later += (1 - miss) * wealth_by_hand(size, n + 1, m, k)
            assert later <= now * (1 + 1e-9)


def test_what_cannot_be_is_refuted_and_what_is_seen_is_not():
    assert log_wealth(Stratum(10, 6, 1), 6) == math.inf  # Five were right, so five are left.
    assert log_wealth(Stratum(10, 6, 3), 3) == -math.inf
    assert log_wealth(Stratum(0), 1) == math.inf
    assert log_wealth(Stratum(10), 3) == -math.inf


def test_arrays_are_judged_one_by_one():
    drawn, errors, k = np.array([0, 30, 60]), np.array([0, 1, 0]), np.array([[3], [9]])
    told = log_wealth(Stratum(100, drawn, errors), k)
    assert told.shape == (2, 3)
    for i, j in product(range(2), range(3)):
        alone = log_wealth(Stratum(100, int(drawn[j]), int(errors[j])), int(k[i, 0]))
        assert told[i, j] == alone


@pytest.mark.parametrize(("size", "k"), [(3600, 1), (3600, 19), (86_400, 433)])
def test_without_errors_it_comes_close_to_the_floor(size, k):
    floor = label_floor(k, size, 0.05)
    draws = np.arange(floor, size)
    enough = draws[log_wealth(Stratum(size, draws), k) >= math.log(20)]
    assert floor <= enough[0] <= 1.09 * floor


def test_the_floor_is_the_least_number_of_draws():
    for units, errors, delta in product(range(1, 16), range(1, 16), (0.05, 0.3, 1e-4)):
        chances = [
            math.comb(units - errors, n) / math.comb(units, n) if errors <= units else 0.0
            for n in range(units + 1)
        ]
        least = next(n for n, chance in enumerate(chances) if chance <= delta * (1 + 1e-9))
        assert label_floor(errors, units, delta) == least


def test_the_floor_of_a_rare_object_is_nearly_everything():
    assert label_floor(1, 3600, 0.05) == 3420
    assert label_floor(433, 86_400, 0.05) == pytest.approx(
        86_400 * (1 - 0.05 ** (1 / 433)), rel=0.01
    )
