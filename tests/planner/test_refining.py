from __future__ import annotations

import numpy as np
import pytest

from vqe.planner.refining import grid_of

SECOND = 1_000_000


def frames(seconds, fps=10):
    return np.arange(round(seconds * fps)) * SECOND // fps


def keys(times, seconds):
    """Key frames every so many seconds."""
    return times % round(seconds * SECOND) == 0


@pytest.mark.parametrize(("apart", "spacing"), [(6, 6), (2.5, 2.5), (1, 2), (10, 10), (0.1, 2.5)])
def test_key_frames_are_the_grid(apart, spacing):
    times = frames(120)
    grid = grid_of(times, keys(times, apart), SECOND)
    assert np.median(np.diff(times[grid])) == spacing * SECOND
    assert keys(times, apart)[grid[:-1]].all()
    assert (grid[0], grid[-1]) == (0, len(times) - 1)


@pytest.mark.parametrize("apart", [30, 1000])
def test_where_key_frames_are_far_apart_others_lie_between(apart):
    times = frames(120)
    grid = grid_of(times, keys(times, apart), SECOND)
    assert set(np.flatnonzero(keys(times, apart))) <= set(grid)
    assert np.diff(times[grid]).max() <= 7.6 * SECOND
    assert len(grid) > 25


def test_a_long_pause_between_key_frames_is_filled():
    times = frames(120)
    sparse = keys(times, 2) & ((times < 40 * SECOND) | (times > 80 * SECOND))
    gaps = np.diff(times[grid_of(times, sparse, SECOND)])
    assert np.median(gaps) == 2 * SECOND
    assert gaps.max() <= 7.6 * SECOND


def test_the_ends_of_every_stretch_are_on_the_grid():
    times = np.delete(frames(60), slice(205, 333))
    grid = grid_of(times, keys(times, 4), SECOND)
    assert {0, 204, 205, len(times) - 1} <= set(grid)


def test_longer_units_have_a_coarser_grid():
    times = frames(600)
    grid = grid_of(times, keys(times, 1), 10 * SECOND)
    assert np.median(np.diff(times[grid])) == 25 * SECOND


def test_frames_without_times_have_a_grid():
    assert grid_of(np.zeros(5, np.int64), np.ones(5, np.bool_), SECOND)[-1] == 4
