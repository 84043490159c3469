"""What labels tell of the frames between them, and what they do not."""

from __future__ import annotations

import numpy as np
import pytest

from vqe.physical.question import Question
from vqe.plan.accuracy import Accuracy
from vqe.plan.expressions import Contains
from vqe.planner.shortfall import Shortfall, rates_of_halves

QUESTION = Question(Contains("bus", 0.5), ("bus",))
UNITS = np.arange(1000) // 10
BOUNDS = Accuracy(fnr=0.01, fdr=0.01)


def rates(positions):
    present = (np.asarray(positions) // 100) % 2 == 1
    marks = np.where(present, 1.0, -1.0).astype(np.float32)
    return rates_of_halves(np.asarray(positions), marks, UNITS, QUESTION, BOUNDS)


def test_labels_all_over_a_video_tell_about_it():
    told = rates(np.arange(0, 1000, 5))
    assert all(rate is not None and rate < 0.1 for rate in told.values())
    near_a_change = np.union1d(np.arange(0, 1000, 20), np.arange(390, 410))
    assert all(rate is not None for rate in rates(near_a_change).values())


@pytest.mark.parametrize(
    "positions",
    [np.arange(200), np.arange(0, 500, 5), [*range(0, 100, 3), *range(700, 1000, 3)], [500], []],
)
def test_long_stretches_without_labels_are_unknown(positions):
    assert set(rates(positions).values()) == {None}


UNSURE = ", too few to be sure of the bounds; they show"
UNPROVED = " before the bounds were proved; they prove"


@pytest.mark.parametrize(
    ("fnr", "fdr", "proved", "told"),
    [
        (0.4, 0.0, False, " before the bounds were met; they show FNR about 40% and FDR about 0%"),
        (0, 0.0083, False, f"{UNSURE} FNR about 0% and FDR about 0.83%"),
        (None, 0.0, False, f"{UNSURE} FNR unknown and FDR about 0%"),
        (0.07, 0.01, True, f"{UNPROVED} FNR at most 7% and FDR at most 1%"),
    ],
)
def test_rates_within_the_bounds_are_no_contradiction(fnr, fdr, proved, told):
    shortfall = Shortfall("BUDGET 800 CALLS", 800, BOUNDS.bounds, {"FNR": fnr, "FDR": fdr}, proved)
    assert str(shortfall).count(" (1% was asked for)") == 2
    plain = str(shortfall).replace(" (1% was asked for)", "")
    assert plain == f"BUDGET 800 CALLS ended with 800 labels{told}"
