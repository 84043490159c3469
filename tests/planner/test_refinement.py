from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqe.plan.accuracy import DEFAULT_ACCURACY, Accuracy
from vqe.planner.fineness import fineness
from vqe.planner.refinement import REACH, Refinement
from vqe.statistics.units import count_errors, unit_answers

FPS = 10


def truth_of(frames, *visits):
    """Frames with the object in the spans [start, stop)."""
    truth = np.zeros(frames, np.bool_)
    for start, stop in visits:
        truth[start:stop] = True
    return truth


def refinement(frames, spacing):
    grid = np.union1d(np.arange(0, frames, spacing), [0, frames - 1])
    return Refinement(np.arange(frames) // FPS, grid)


def settled(truth, spacing):
    found = refinement(len(truth), spacing)
    found.settle(truth)
    return found


def test_the_grid_comes_first():
    found = refinement(100, 30)
    assert found.ask().tolist() == [0, 30, 60, 90, 99]


def test_a_video_without_a_change_costs_its_grid():
    found = settled(truth_of(600), 60)
    assert found.known.tolist() == found.grid.tolist()
    assert not found.answers().any()


def test_a_change_is_found_and_the_units_around_it_are_settled():
    truth = truth_of(1200, (333, 777))
    found = settled(truth, 60)
    assert count_errors(truth, found.answers(), found.unit).fnr == 0
    assert count_errors(truth, found.answers(), found.unit).fdr == 0
    assert len(found.known) < 21 + 2 * (5 + 3 * 8)


def test_what_is_not_asked_is_answered_as_the_nearest():
    found = refinement(10, 9)
    found.tell(np.array([0, 9]), np.array([True, False]))
    assert found.answers().tolist() == [True] * 5 + [False] * 5


@given(st.lists(st.integers(1, 80), min_size=2, max_size=30), st.integers(1, 90), st.booleans())
def test_units_near_a_change_are_right(lengths, spacing, first):
    """Whatever the runs: a unit is settled by a majority, or by five that agree."""
    runs = [np.full(n, bool((i + first) % 2)) for i, n in enumerate(lengths)]
    truth = np.concatenate(runs)
    found = settled(truth, spacing)
    answers, known = found.answers(), found.known
    assert (answers[known] == truth[known]).all()
    changes = np.flatnonzero(np.diff(answers))
    size = np.bincount(found.unit)
    for change in changes:
        around = range(found.unit[change] - REACH, found.unit[change + 1] + REACH + 1)
        for unit in set(around) & set(range(len(size))):
            asked = found.state[(found.unit == unit) & (found.state >= 0)]
            present, absent = (asked == 1).sum(), (asked == 0).sum()
            majority = 2 * present > size[unit] or 2 * absent >= size[unit]
            assert majority or (len(asked) >= 5 and 0 in (present, absent))
            if majority:
                rows = found.unit == unit
                assert (2 * answers[rows].sum() > size[unit]) == (
                    2 * truth[rows].sum() > size[unit]
                )


def test_every_frame_on_the_grid_is_the_truth():
    truth = np.random.default_rng(0).random(200) < 0.5
    assert (settled(truth, 1).answers() == truth).all()


def test_halving_keeps_the_grid():
    found = refinement(100, 30)
    before = set(found.grid.tolist())
    found.halve()
    assert before < set(found.grid.tolist())
    assert np.diff(found.grid).max() == 15


def long_visits(n, length, pause):
    return truth_of(
        n * (length + pause),
        *((i * (length + pause) + pause, (i + 1) * (length + pause)) for i in range(n)),
    )


def test_long_visits_need_no_finer_grid():
    found = settled(long_visits(8, 200, 300), 60)
    told = fineness(found, DEFAULT_ACCURACY)
    assert told.enough
    assert told.excess <= 1


def test_short_visits_need_a_finer_grid():
    """Visits of two seconds on a grid of six: a third of them was seen, by chance."""
    found = settled(long_visits(60, 20, 117), 60)
    told = fineness(found, DEFAULT_ACCURACY)
    assert not told.enough
    assert told.fnr > 0.3
    assert told.excess > 30


def test_each_short_visit_that_was_seen_stands_for_others():
    """Visits of one unit on a grid of six: of six, one is seen."""
    truth = long_visits(300, 10, 117)
    found = settled(truth, 60)
    seen = unit_answers(found.answers(), found.unit).sum()
    missing = unit_answers(truth, found.unit).sum() - seen
    assert found.overlooked(True) == pytest.approx(missing, rel=0.35)
    assert found.overlooked(False) == 0


def test_clumps_that_every_grid_finds_do_not_hide_what_none_finds():
    """Twelve long visits, and sixty so short that the halves of the grid find the same of them."""
    long = np.tile(truth_of(1000, (100, 190)), 12)
    short = np.tile(truth_of(217, (50, 57)), 60)
    truth = np.concatenate([long, short])
    found = settled(truth, 60)
    errors = count_errors(truth, found.answers(), found.unit)
    assert errors.fnr > 0.2
    told = fineness(found, Accuracy(fnr=0.05, fdr=0.05))
    assert not told.enough


@pytest.mark.parametrize("frames", [3_000, 200_000])
def test_where_nothing_was_seen_the_grid_must_leave_no_room_for_a_visit(frames):
    found = settled(truth_of(frames), 60)
    assert not fineness(found, DEFAULT_ACCURACY).enough
    assert fineness(settled(truth_of(frames), FPS // 2), DEFAULT_ACCURACY).enough


def test_too_few_visits_say_nothing_about_others():
    truth = long_visits(3, 200, 3000)
    assert fineness(settled(truth, 60), DEFAULT_ACCURACY).excess <= 1
    assert not fineness(settled(truth, 60), DEFAULT_ACCURACY).enough


def test_a_visit_that_flickers_at_its_edges_is_one():
    edge = np.tile([True, False, True], 6)
    truth = np.concatenate([truth_of(900), edge, truth_of(900, (0, 900)), edge, truth_of(900)])
    found = settled(truth, 60)
    length, _units = found.visits(True)
    assert len(length) == 1
    assert len(found.visits(False)[0]) == 2
    assert not fineness(found, DEFAULT_ACCURACY).enough


def test_a_rare_pause_in_what_is_always_there_is_within_the_bound():
    """A grid of 1,000 that met no pause leaves 0.3 % of them at most."""
    truth = ~truth_of(60_000, (30_000, 30_600))
    assert fineness(settled(truth, 60), DEFAULT_ACCURACY).enough
    assert not fineness(settled(truth[:6000], 60), DEFAULT_ACCURACY).enough


def test_a_bound_that_was_not_set_does_not_count():
    found = settled(long_visits(60, 20, 117), 60)
    assert fineness(found, Accuracy(fdr=0.5)).enough
    assert not fineness(found, Accuracy(fnr=0.1)).enough


@pytest.mark.parametrize("seed", range(5))
def test_the_bound_holds_for_visits_of_many_lengths(seed):
    """Refined until the grid is fine enough, as a query does it."""
    rng = np.random.default_rng(seed)
    runs = [
        np.full(int(n), bool(i % 2))
        for i, n in enumerate(rng.exponential(np.tile([400, 90], 100)) + 1)
    ]
    truth = np.concatenate(runs)
    found = refinement(len(truth), 60)
    for _ in range(6):
        found.settle(truth)
        if fineness(found, Accuracy(fnr=0.02, fdr=0.02)).enough:
            break
        found.halve()
    errors = count_errors(truth, found.answers(), found.unit)
    assert errors.fnr <= 0.02
    assert errors.fdr <= 0.02
    assert len(found.known) < 0.5 * len(truth)
    assert unit_answers(truth, found.unit).sum() == errors.positives
