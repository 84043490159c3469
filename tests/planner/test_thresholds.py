from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vqe.plan.accuracy import Accuracy
from vqe.planner.selection import Selection
from vqe.planner.thresholds import choose
from vqe.statistics.units import count_errors

UNIT = 10
SECONDS = (0.0001, 0.1)
ONE_PERCENT = Accuracy(fnr=0.01, fdr=0.01)


def visits(rng, units, presence=0.3):
    """Visits of about four units; truth of each frame, bool (n,)."""
    present = np.zeros(units * UNIT, bool)
    position = 0
    while position < len(present):
        gap = rng.geometric(presence / (1 - presence) / 40)
        length = rng.geometric(1 / 40)
        present[position + gap : position + gap + length] = True
        position += gap + length
    return present


def scores(rng, present, separation):
    """Log-odds around ±separation."""
    return np.where(present, separation, -separation) + rng.normal(size=len(present))


def selection(present):
    unit = np.arange(len(present)) // UNIT
    return Selection(present, unit, block=unit)


def answers(present, chosen, distance, score):
    """What the cascade says about each frame."""
    seen = np.ones(len(present), bool) if distance is None else distance >= chosen.difference
    if score is None:
        return seen & present
    sure = seen & (score > chosen.high)
    asked = seen & (score >= chosen.low) & (score <= chosen.high)
    return sure | (asked & present)


def is_feasible(selection, accuracy, answer):
    errors = count_errors(selection.present, answer, selection.unit)
    for name, bound in accuracy.bounds.items():
        rate = getattr(errors, name.lower())
        if rate is not None and rate > bound:
            return False
    return True


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    separation=st.sampled_from([0.5, 2.0, 5.0]),
    accuracy=st.sampled_from(
        [
            ONE_PERCENT,
            Accuracy(fnr=0.1, fpr=0.05),
            Accuracy(fnr=0.05),
            Accuracy(fdr=0.05),
            Accuracy(fpr=0.02, fdr=0.2),
        ]
    ),
    stages=st.sampled_from(["both", "detector", "model"]),
)
def test_the_choice_keeps_the_bounds_and_counts_right(seed, separation, accuracy, stages):
    rng = np.random.default_rng(seed)
    present = visits(rng, 60)
    distance = None if stages == "model" else scores(rng, present, separation)
    score = None if stages == "detector" else scores(rng, present, separation)
    sample = selection(present)
    chosen = choose(sample, distance, score, accuracy, SECONDS)
    if chosen is None:
        return
    answer = answers(present, chosen, distance, score)
    assert is_feasible(sample, accuracy, answer)
    assert chosen.errors == count_errors(present, answer, sample.unit)
    assert chosen.frame_errors == count_errors(present, answer, np.arange(len(present)))
    assert chosen.low <= chosen.high
    seen = np.ones(len(present), bool) if distance is None else distance >= chosen.difference
    assert chosen.detector_passes == pytest.approx(seen.mean())
    if accuracy.fnr is None:
        assert (chosen.difference, chosen.low) == (-math.inf, -math.inf)
        assert not (present & ~answer).any()
    if accuracy.fdr is None and accuracy.fpr is None:
        assert chosen.errors.false_positives == 0


def test_well_separated_scores_leave_little_to_ask():
    rng = np.random.default_rng(0)
    present = visits(rng, 200)
    chosen = choose(selection(present), None, scores(rng, present, 6), ONE_PERCENT, SECONDS)
    assert chosen.model_passes < 0.06


def test_useless_scores_are_not_used():
    rng = np.random.default_rng(0)
    present = visits(rng, 100)
    noise = rng.normal(size=len(present))
    chosen = choose(selection(present), None, noise, ONE_PERCENT, SECONDS)
    assert chosen is None or chosen.model_passes > 0.9


def test_too_few_positive_units_allow_no_absence():
    rng = np.random.default_rng(0)
    present = np.zeros(400, bool)
    present[100:130] = True
    chosen = choose(selection(present), scores(rng, present, 8), None, ONE_PERCENT, SECONDS)
    assert chosen is None


def test_among_equally_cheap_thresholds_the_safest_are_taken():
    rng = np.random.default_rng(0)
    present = visits(rng, 100)
    distance = np.where(present, 20.0, 0.0) + rng.normal(size=len(present))
    chosen = choose(selection(present), distance, None, ONE_PERCENT, SECONDS)
    # Anything from 3 to 17 separates perfectly; the positives are the side that must not be lost.
    assert chosen.difference < 6


def test_the_bounds_hold_on_other_moments():
    """Of 60 draws, few break a bound of 5 % on ten times as many moments of the same kind."""
    accuracy = Accuracy(fnr=0.05, fdr=0.05)
    broken = used = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        present = visits(rng, 60)
        chosen = choose(selection(present), None, scores(rng, present, 2.5), accuracy, SECONDS)
        if chosen is None:
            continue
        used += 1
        later = visits(rng, 600)
        answer = answers(later, chosen, None, scores(rng, later, 2.5))
        broken += not is_feasible(selection(later), accuracy, answer)
    assert used > 40
    assert broken <= 0.2 * used


@pytest.mark.parametrize("positive_blocks", [1, 2, 4])
def test_frames_of_one_visit_are_not_many_witnesses(positive_blocks):
    """Counted per frame, a few blocks of positives must not look like dozens."""
    rng = np.random.default_rng(0)
    block = np.repeat(np.arange(40), UNIT)
    present = block < positive_blocks
    by_frame = Selection(present, np.arange(len(present)), block)
    per_frame = Accuracy(fnr=0.01, fdr=0.01, unit_us=None)
    assert choose(by_frame, scores(rng, present, 8), None, per_frame, SECONDS) is None


def test_flickers_without_a_positive_unit_give_no_nonsense():
    rng = np.random.default_rng(0)
    present = np.arange(400) % UNIT == 0
    chosen = choose(selection(present), None, scores(rng, present, 5), Accuracy(fpr=0.01), SECONDS)
    assert chosen is None or math.isfinite(chosen.risk)


@pytest.mark.parametrize(
    ("positive_blocks", "accuracy", "share"),
    [
        (20, ONE_PERCENT, 1.0),
        (4, ONE_PERCENT, 0.1),  # too few positives to know an absence by: only presence is left
        (20, Accuracy(fnr=0.01), 0.5),
        (20, Accuracy(fdr=0.01), 0.5),
        (36, ONE_PERCENT, 0.1),  # and too few negatives to know a presence by
    ],
)
def test_what_thresholds_could_answer_at_best(positive_blocks, accuracy, share):
    block = np.repeat(np.arange(40), UNIT)
    sample = Selection(block < positive_blocks, block, block)
    assert sample.decidable(accuracy) == pytest.approx(share)
