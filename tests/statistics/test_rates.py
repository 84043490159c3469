from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqe.statistics.rates import ErrorRate, beta_share


def at_most(k, n, p):
    """Probability of k or fewer of n draws."""
    return sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))


def rate(wrong, n, draws=None):
    return ErrorRate("FNR", wrong / n, n, n if draws is None else draws)


@given(st.integers(1, 60), st.data())
def test_each_end_leaves_half_of_the_rest(n, data):
    wrong = data.draw(st.integers(0, n))
    found = rate(wrong, n)
    if wrong:
        assert 1 - at_most(wrong - 1, n, found.low) == pytest.approx(0.025, rel=1e-6)
    if wrong < n:
        assert at_most(wrong, n, found.high) == pytest.approx(0.025, rel=1e-6)


def test_the_ends_of_what_is_possible():
    assert rate(0, 20).low == 0
    assert rate(20, 20).high == 1
    assert rate(0, 1).high == pytest.approx(0.975)


def test_copies_count_once():
    """Of a hundred frames in five blocks no more is known than of five."""
    assert rate(0, 100, draws=5).high == pytest.approx(rate(0, 5).high)
    assert rate(0, 100, draws=5).high > 10 * rate(0, 100).high


def test_large_samples():
    found = rate(1_000, 100_000)
    normal = 1.96 * math.sqrt(0.01 * 0.99 / 100_000)
    assert found.low == pytest.approx(0.01 - normal, rel=0.01)
    assert found.high == pytest.approx(0.01 + normal, rel=0.01)


@given(st.floats(0.001, 0.999), st.floats(0.5, 500), st.floats(0.5, 500))
def test_the_two_tails_make_one(x, a, b):
    assert beta_share(x, a, b) + beta_share(1 - x, b, a) == pytest.approx(1, abs=1e-9)
