from __future__ import annotations

import itertools

import numpy as np
import pytest

from benchmarks.limits import blips_of, flicker, least_for_frames, least_for_units

SIZE = 9


def seconds(*hits):
    """Seconds of nine frames with so many positive ones each."""
    return np.concatenate([np.arange(SIZE) < n for n in hits])


def units(present):
    return np.arange(len(present)) // SIZE


def test_seconds_without_a_change_cost_nothing():
    present = seconds(0, 9, 9, 0, 0)
    assert least_for_units(present, units(present), 0.01) == 0


def test_where_nothing_may_be_wrong_a_majority_is_asked():
    """Of seconds with eight positive frames of nine, or one: two that agree tell which it is, and
    where the odd one is the first or the second, a third does."""
    present = seconds(*[8, 1] * 200)
    least = least_for_units(present, units(present), 1e-6) * len(present) / 400
    assert least == pytest.approx(2 + 2 / 9, abs=0.01)


def test_a_looser_bound_costs_less():
    rng = np.random.default_rng(0)
    present = seconds(*rng.integers(0, 10, 300))
    least = [least_for_units(present, units(present), bound) for bound in (0.001, 0.01, 0.1, 1)]
    assert all(tight > loose for tight, loose in itertools.pairwise(least))
    assert least[-1] == 0
    assert least[0] < 7 / SIZE


def test_blips_stand_alone():
    present = np.zeros(200, np.bool_)
    present[[20, 50, 53, 80]] = True  # two that are near one another count as one
    present[100:140] = True
    present[142] = True  # belongs to the visit
    assert blips_of(present).tolist() == [1, 2, 1]
    assert blips_of(~present).tolist() == []
    assert flicker(present) == (pytest.approx(4 / 45), 0)


def test_the_share_of_the_blips_that_must_be_found_is_asked():
    present = np.zeros(10_000, np.bool_)
    present[3000:4000] = True
    assert least_for_frames(present, 0.01) == 0
    present[np.arange(4100, 8100, 100)] = True  # 40 blips, of which 10 may be missed
    assert least_for_frames(present, 0.01) == pytest.approx(0.74 * 0.9, abs=0.02)
    assert least_for_frames(present, 0.05) == 0
