from __future__ import annotations

import math

import pytest

from vqe.statistics.poisson import least_expected, most_expected


def chance_of_at_most(seen, mean):
    return sum(math.exp(-mean) * mean**n / math.factorial(n) for n in range(seen + 1))


@pytest.mark.parametrize("seen", [0, 1, 2, 5, 20, 100])
@pytest.mark.parametrize("chance", [0.05, 0.1, 0.2])
def test_more_are_expected_only_with_that_chance(seen, chance):
    assert chance_of_at_most(seen, most_expected(seen, chance)) == pytest.approx(chance, rel=0.06)


@pytest.mark.parametrize("seen", [1, 2, 5, 20, 100])
@pytest.mark.parametrize("chance", [0.1, 0.2])
def test_fewer_are_expected_only_with_that_chance(seen, chance):
    more = 1 - chance_of_at_most(seen - 1, least_expected(seen, chance))
    assert more == pytest.approx(chance, rel=0.1)


def test_where_none_was_seen_there_may_be_none():
    assert least_expected(0, 0.2) == 0 < most_expected(0, 0.2) < 2
