from __future__ import annotations

import numpy as np
import pytest

from vqe.plan.accuracy import Accuracy
from vqe.planner.frame_refinement import AGREEING_FRAMES, FrameRefinement, judge
from vqe.planner.refinement import WORTHWHILE, Refinement
from vqe.statistics.units import count_errors

ACCURACY = Accuracy(fnr=0.02, fdr=0.02, unit_us=None)
SPACING = 60


def visits(n, length=300, pause=900):
    """So many visits, each after a pause, and a last pause."""
    one = np.repeat([False, True], [pause, length])
    return np.concatenate([np.tile(one, n), np.zeros(pause, np.bool_)])


def on_grid(truth, seed=0, spacing=SPACING):
    grid = np.union1d(np.arange(seed % spacing, len(truth), spacing), [0, len(truth) - 1])
    return FrameRefinement(len(truth), grid, seed)


def refined(truth, accuracy=ACCURACY, seed=0):
    """Refined as a query does it: the errors, None where it gave up; and the refinement."""
    found = on_grid(truth, seed)
    while True:
        while len(positions := found.ask()):
            if len(found.known) + len(positions) > WORTHWHILE * len(truth):
                return None, found
            found.tell(positions, truth[positions])
        judged = found.fineness(accuracy)
        if judged.enough:
            return count_errors(truth, found.answers(), found.unit), found
        if judged.hopeless:
            return None, found
        found.halve()


def test_changes_are_found_to_the_frame():
    truth = visits(3, 333, 777)
    found = on_grid(truth)
    found.settle(truth)
    assert (found.answers() == truth).all()
    assert len(found.known) < len(truth) / SPACING + 2 + 6 * (6 + 2 * AGREEING_FRAMES)


def test_where_an_object_comes_and_goes_flickering_all_of_it_is_asked():
    truth = visits(1, 300, 300)
    edge = np.array([1, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 1], np.bool_)
    truth[290:302] = edge
    truth[598:610] = edge[::-1]
    found = on_grid(truth)
    found.settle(truth)
    assert (found.answers() == truth).all()
    asked = np.isin(np.arange(285, 306), found.known)
    assert asked.all()


@pytest.mark.parametrize("seed", range(4))
def test_long_visits_keep_the_bounds_with_few_labels(seed):
    truth = visits(20)
    errors, found = refined(truth, seed=seed)
    assert errors is not None
    assert (errors.false_negatives, errors.false_positives) == (0, 0)
    assert len(found.known) < len(truth) / 15


def test_holes_in_visits_are_found():
    """Every tenth frame of what is there: visits are asked about densely, pauses are not."""
    rng = np.random.default_rng(0)
    truth = visits(20, 300, 2000)
    truth &= rng.random(len(truth)) > 0.1
    errors, found = refined(truth)
    assert errors is not None
    assert errors.fdr <= ACCURACY.fdr
    assert errors.fnr <= ACCURACY.fnr
    present = visits(20, 300, 2000)
    assert np.isin(np.flatnonzero(present), found.known).mean() > 0.7
    assert np.isin(np.flatnonzero(~present), found.known).mean() < 0.15


def test_many_blips_make_it_give_up():
    rng = np.random.default_rng(0)
    truth = visits(20) | (rng.random(20 * 1200 + 900) < 0.05)
    errors, found = refined(truth)
    assert errors is None
    assert len(found.known) < 0.3 * len(truth)
    judged = found.fineness(ACCURACY)
    assert judged.hopeless
    assert judged.why_not.startswith("flicker: blips are ")


@pytest.mark.parametrize("visit", [0, 80])
def test_what_is_rare_or_never_seen_makes_it_give_up(visit):
    truth = visits(1, visit, 30_000)
    errors, found = refined(truth)
    assert errors is None
    assert len(found.known) < 0.04 * len(truth)
    assert found.fineness(ACCURACY).why_not.startswith("too little was seen")


@pytest.mark.slow
@pytest.mark.parametrize("blips", [20, 60, 150, 300])
def test_bounds_are_broken_seldom_whatever_the_number_of_blips(blips):
    """Of 6,000 frames in visits, 60 may be missed; and the same for holes."""
    accuracy = Accuracy(fnr=0.01, fdr=0.01, unit_us=None)
    replays = broken = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        truth = visits(20, 300, 1500)
        flips = rng.choice(np.flatnonzero(~truth), blips, replace=False)
        truth[flips] = True
        errors, _ = refined(truth, accuracy, seed)
        replays += 1
        broken += errors is not None and (errors.fnr > 0.01 or errors.fdr > 0.01)
    assert broken <= 0.2 * replays


@pytest.mark.parametrize("seed", range(3))
def test_visits_and_pauses_shorter_than_the_grid_are_not_overlooked(seed):
    """They hide one another at first."""
    rng = np.random.default_rng(seed)
    lengths = np.stack([rng.integers(15, 45, 150), rng.integers(20, 60, 150)], axis=1)
    lengths[::10, 0] += rng.integers(500, 2000, 15)
    truth = np.repeat(np.tile([False, True], 150), lengths.reshape(-1))
    errors, found = refined(truth, seed=seed)
    assert errors is not None
    assert max(errors.fnr, errors.fdr) <= 0.02
    assert len(found.known) < 0.3 * len(truth)


def test_halving_puts_frames_where_they_are_wanted():
    truth = visits(4, 1200, 6000)
    found = on_grid(truth)
    found.settle(truth)
    before = found.grid
    found.fineness(Accuracy(fdr=0.001, unit_us=None))
    found.halve()
    assert set(before.tolist()) < set(found.grid.tolist())
    new = np.setdiff1d(found.grid, before)
    assert truth[new].mean() > 0.9
    assert len(new) == pytest.approx(3 * truth.sum() / SPACING, rel=0.2), "four times as fine"
    assert len(np.unique(new % (SPACING // 2))) > 10, "not at every so many frames"


def test_only_runs_that_the_grid_met_stand_for_others():
    truth = np.zeros(1200, np.bool_)
    truth[[600, 640, 900]] = True  # the second is found on the way from the first to the next
    found = FrameRefinement(1200, np.union1d(np.arange(0, 1200, 60), [1199]), 0)
    found.settle(truth)
    runs = found.short_runs(True)
    assert runs.lengths.tolist() == [1, 1]
    assert runs.unseen() > 2 * 59
    assert runs.flickering == pytest.approx(2 * 60, rel=0.02)


def test_fineness_is_that_of_units_or_of_frames():
    truth = visits(10)
    units = Refinement(np.arange(len(truth)) // 10, on_grid(truth).grid)
    units.settle(truth)
    assert "every other of them" in judge(units, Accuracy(fnr=0.02, fdr=0.02)).told
    frames = on_grid(truth)
    frames.settle(truth)
    assert "flicker between them" in judge(frames, ACCURACY).told
