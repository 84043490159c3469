"""Counting errors over windows and frames, against brute force."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vqe.statistics.units import ErrorCounts, count_errors, unit_answers, unit_of

SECOND = 1_000_000


def test_windows_are_half_open_from_zero():
    times = np.array([0, 1, SECOND - 1, SECOND, 2 * SECOND - 1, 2 * SECOND, 5 * SECOND])
    assert unit_of(times, SECOND).tolist() == [0, 0, 0, 1, 1, 2, 5]
    assert unit_of(times, None).tolist() == list(range(7))
    assert unit_of(times, 2 * SECOND).tolist() == [0, 0, 0, 0, 0, 1, 2]


def test_more_than_half_makes_a_unit_positive():
    unit = np.array([0, 0, 0, 0, 1, 1, 1, 2])
    frames = np.array([[1, 1, 0, 0, 1, 1, 0, 1], [1, 1, 1, 0, 1, 0, 0, 0]], bool)
    assert unit_answers(frames, unit).tolist() == [[False, True, True], [True, False, False]]


@st.composite
def cases(draw):
    n = draw(st.integers(1, 60))
    flags = st.lists(st.booleans(), min_size=n, max_size=n)
    steps = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    return np.array(draw(flags)), np.array(draw(flags)), np.cumsum(steps)


@settings(deadline=None)
@given(cases())
def test_count_errors_by_brute_force(case):
    truth, answer, unit = case
    windows = defaultdict(list)
    for t, a, u in zip(truth, answer, unit, strict=True):
        windows[int(u)].append((bool(t), bool(a)))
    counts = defaultdict(int)
    for frames in windows.values():
        half = len(frames) / 2
        t, a = (sum(values) > half for values in zip(*frames, strict=True))
        counts[t, a] += 1
    assert count_errors(truth, answer, unit) == ErrorCounts(
        counts[True, True], counts[True, False], counts[False, True], counts[False, False]
    )


def test_rates():
    counts = ErrorCounts(true_positives=18, false_negatives=2, false_positives=6, true_negatives=74)
    assert (counts.units, counts.positives) == (100, 20)
    assert (counts.fnr, counts.fpr, counts.fdr) == (0.1, 0.075, 0.25)


def test_rates_of_nothing_are_unknown_not_zero():
    nothing = ErrorCounts(0, 0, 0, 0)
    assert (nothing.fnr, nothing.fpr, nothing.fdr) == (None, None, None)
    assert ErrorCounts(0, 0, 0, 5).fnr is None
    assert ErrorCounts(5, 0, 0, 0).fpr is None
    assert ErrorCounts(0, 3, 0, 2).fdr is None
