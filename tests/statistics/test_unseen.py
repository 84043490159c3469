from __future__ import annotations

import numpy as np
import pytest

from vqe.statistics.unseen import largest_unseen_share, unseen_mass


def hits(lengths, draws, rng):
    """Draws that hit each visit, where longer ones are hit more often, int64 (V,)."""
    return np.bincount(rng.choice(len(lengths), draws, p=lengths / lengths.sum()))


@pytest.mark.parametrize("draws", [20, 60, 200])
def test_the_mass_of_what_was_not_met_is_estimated(draws):
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 20, 50)
    told, true = [], []
    for _ in range(300):
        found = hits(lengths, draws, rng)
        unmet = lengths[len(found) :].sum() + lengths[: len(found)][found == 0].sum()
        true.append(unmet / lengths.sum())
        told.append(unseen_mass(found[found > 0]))
    assert np.mean(true) - 0.01 < np.mean(told) < np.mean(true) + 1 / draws


def test_a_larger_sample_is_foreseen():
    rng = np.random.default_rng(0)
    lengths = np.full(40, 5)
    small, large = [], []
    for _ in range(300):
        found = hits(lengths, 40, rng)
        small.append(unseen_mass(found[found > 0], growth=3))
        found = hits(lengths, 120, rng)
        large.append(unseen_mass(found[found > 0]))
    assert np.mean(small) == pytest.approx(np.mean(large), abs=0.04)


def test_a_kind_larger_than_told_would_have_shown_itself():
    """In nine of ten samples: visits of one kind, of which none was met, make no larger share."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 20, 60)
    wrong = 0
    for _ in range(2000):
        odd = rng.random(60) < 0.05  # a kind of its own
        found = np.pad(hits(lengths, 80, rng), (0, 60))[:60]
        if (found[odd] > 0).any():
            continue  # it was met, and taken into account
        share = lengths[odd].sum() / lengths.sum()
        wrong += share > largest_unseen_share(found[found > 0], 0.1)
    assert 0 < wrong <= 0.1 * 2000


def test_what_was_met_again_and_again_leaves_little():
    assert unseen_mass(np.array([5, 5, 9])) == pytest.approx(1 / 20)
    assert largest_unseen_share(np.full(20, 50), 0.1) < 0.001
    # A single visit, and be it long, says little of others.
    assert largest_unseen_share(np.array([40]), 0.1) > 0.02


def test_nothing_met_tells_nothing():
    nothing = np.array([], np.int64)
    assert largest_unseen_share(nothing, 0.1) == unseen_mass(nothing) == 1


def test_single_hits_leave_nearly_all():
    once = np.ones(20, np.int64)
    assert unseen_mass(once) == pytest.approx(20 / 21)
    assert 0.09 < largest_unseen_share(once, 0.1) < 0.11
    assert largest_unseen_share(once, 0.1, growth=8) < 0.03
