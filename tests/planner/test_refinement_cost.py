from __future__ import annotations

import numpy as np
import pytest

from vqe.plan.accuracy import Accuracy
from vqe.planner.cost import StagePrediction
from vqe.planner.fineness import fineness
from vqe.planner.refinement import Refinement
from vqe.planner.refinement_cost import Forecast, rounds_ahead
from vqe.planner.refinement_rates import rates_seen

FPS = 10
ACCURACY = Accuracy(fnr=0.02, fdr=0.02)


def visits(seed, n, shortest=100, longest=300):
    """Visits of about 20 s, every minute or so, bool (N,)."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers((200, shortest), (700, longest), (n, 2)).ravel()
    return np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)


def on_first_grid(truth, spacing=60):
    grid = np.union1d(np.arange(0, len(truth), spacing), [0, len(truth) - 1])
    found = Refinement(np.arange(len(truth)) // FPS, grid)
    found.tell(grid, truth[grid])
    return found


def refine(found, truth):
    """As a query does it."""
    while True:
        found.settle(truth)
        if fineness(found, ACCURACY).enough:
            return
        found.halve()


@pytest.mark.parametrize("seed", range(4))
def test_labels_are_foretold(seed):
    truth = visits(seed, 30)
    found = on_first_grid(truth)
    asked = sum(map(len, rounds_ahead(found, found.state, ACCURACY, most=len(truth))))
    known = len(found.known)
    refine(found, truth)
    assert asked == pytest.approx(len(found.known) - known, rel=0.2)


def test_a_halving_is_foretold_once_it_has_begun():
    """Before that, nobody knows: changes lie where they are supposed to."""
    truth = visits(0, 30, shortest=60, longest=90)  # which every other frame may miss
    found = on_first_grid(truth)
    first = len(found.known) + sum(
        map(len, rounds_ahead(found, found.state, ACCURACY, most=len(truth)))
    )
    found.settle(truth)
    assert first == pytest.approx(len(found.known), rel=0.2)
    assert not fineness(found, ACCURACY).enough
    found.halve()
    rounds = rounds_ahead(found, found.state, ACCURACY, most=len(truth))
    told = len(found.known) + sum(map(len, rounds))
    refine(found, truth)
    assert told == pytest.approx(len(found.known), rel=0.2)
    assert first < told


def test_what_others_have_asked_is_foretold_exactly():
    truth = visits(2, 20)
    found = on_first_grid(truth)
    asked = np.concatenate(rounds_ahead(found, truth.astype(np.int8), ACCURACY, most=len(truth)))
    known = found.known
    refine(found, truth)
    assert sorted(asked.tolist()) == np.setdiff1d(found.known, known).tolist()


def test_playing_it_through_changes_nothing():
    found = on_first_grid(visits(0, 10))
    grid, state = found.grid.copy(), found.state.copy()
    rounds_ahead(found, found.state, ACCURACY, most=10_000)
    assert (found.grid == grid).all()
    assert (found.state == state).all()


def test_of_an_object_that_was_not_seen_the_halvings_are_foretold_exactly():
    truth = np.zeros(3_000, np.bool_)
    found = on_first_grid(truth)
    asked = np.concatenate(rounds_ahead(found, found.state, ACCURACY, most=3_000))
    known = found.known
    refine(found, truth)
    assert sorted(asked.tolist()) == np.setdiff1d(found.known, known).tolist()


def test_it_looks_no_further_than_it_may_go():
    found = on_first_grid(np.zeros(30_000, np.bool_))
    asked = sum(map(len, rounds_ahead(found, found.state, ACCURACY, most=1_000)))
    assert 500 <= asked < 2_100


def test_the_plan_that_was_not_chosen():
    cheap, dear = (StagePrediction("oracle", 1, 1, seconds) for seconds in (1.0, 3.0))
    told = Forecast((cheap, cheap), (dear,), 1.0, 3.0, 5, 0.0)
    assert (told.seconds, told.rejected.seconds, told.rejected.reason) == (2.0, 3.0, "dearer")
    told = Forecast((dear,), (cheap,), 3.0, 1.0, 5, 0.0)
    assert told.rejected.reason.startswith("cheaper")


def test_units_of_one_visit_are_one_draw():
    truth = visits(1, 12)
    found = on_first_grid(truth)
    refine(found, truth)
    rates = {rate.measure: rate for rate in rates_seen(found, fineness(found, ACCURACY))}
    assert set(rates) == {"FNR", "FPR", "FDR"}
    assert rates["FNR"].draws == 12
    assert rates["FNR"].units > 120
    assert rates["FNR"].high > 0.2


def test_where_nothing_was_seen_no_rate_is_known_of_it():
    truth = np.zeros(3_000, np.bool_)
    found = on_first_grid(truth)
    refine(found, truth)
    assert [rate.measure for rate in rates_seen(found, fineness(found, ACCURACY))] == ["FPR"]
