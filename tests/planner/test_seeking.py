"""Frames far apart: which there can be, and in what order they are looked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqe.errors import PlanError
from vqe.plan.gap import Gap
from vqe.planner.seeking import spread_order

steps = st.lists(st.integers(1, 9), min_size=1, max_size=30)


@given(steps, st.integers(1, 40))
def test_no_choice_of_frames_is_larger(steps, size):
    frames = np.cumsum(steps)
    picked = Gap(frames=size).apart(frames, 1000 * frames)
    assert np.all(np.diff(frames[picked]) >= size)
    # The largest choice that ends at each frame, one after the other.
    largest = [1] * len(frames)
    for i, frame in enumerate(frames):
        before = [largest[j] for j in range(i) if frame - frames[j] >= size]
        largest[i] = 1 + max(before, default=0)
    assert len(picked) == max(largest)


@given(steps, st.integers(0, 40), st.data())
def test_frames_near_the_picked_ones(steps, size, data):
    frames = np.cumsum(steps)
    picked = np.array(sorted(data.draw(st.sets(st.integers(0, len(frames) - 1)))), np.int64)
    near = Gap(us=size).near(frames, frames * 1, picked)
    expected = [any(abs(f - frames[p]) < max(size, 1) for p in picked) for f in frames]
    assert near.tolist() == expected


def test_a_gap_in_time_is_one_in_time():
    frames, times = np.arange(4), np.array([0, 100, 1000, 1100])
    assert Gap(us=900).apart(frames, times).tolist() == [0, 2]
    assert Gap(frames=3).apart(frames, times).tolist() == [0, 3]
    assert Gap().apart(frames, times).tolist() == [0, 1, 2, 3]


def test_a_gap_counts_one_thing():
    with pytest.raises(PlanError):
        Gap(us=1, frames=1)
    with pytest.raises(PlanError):
        Gap(us=-1)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 8, 13, 100])
def test_the_order_is_spread_at_any_time(n):
    order = spread_order(n)
    assert sorted(order.tolist()) == list(range(n))
    for first in (2, 4, 8, 16):
        if first <= n:
            widest = np.diff(np.sort(order[:first]), prepend=-1, append=n).max()
            assert widest <= 2 * np.ceil(n / first) + 1
