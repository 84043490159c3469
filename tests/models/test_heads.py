"""Specialized models with several heads on one trunk."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from vqe.models.heads import Lesson
from vqe.models.specialized import ARCHITECTURES, HEADED, Architecture, convolutional, train

SIZE = 32
HEADS = Architecture("small", SIZE, partial(convolutional, SIZE, 8, 16), 60, 4e-3, has_heads=True)
N = 300


def pictures(seed):
    """Noise, in which one corner is often lit and another one rarely, each by itself: uint8
    (N, SIZE, SIZE, 3), and which ones are, bool (N, 2)."""
    rng = np.random.default_rng(seed)
    lit = rng.random((N, 2)) < (0.4, 0.08)
    thumbnails = rng.integers(90, 130, (N, SIZE, SIZE, 3))
    thumbnails[lit[:, 0], 4:12, 4:12] += 60
    thumbnails[lit[:, 1], 20:28, 20:28] += 60
    return thumbnails.astype(np.uint8), lit


def either(log_odds):
    """XOR."""
    first, second = log_odds.T
    return np.maximum(np.minimum(first, -second), np.minimum(-first, second))


def trained(combine=either, **options):
    thumbnails, lit = pictures(seed=1)
    return train(HEADS, thumbnails, Lesson(lit, combine), seed=4, **options)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_each_head_learns_its_own_atom_and_the_score_is_theirs_together(device):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    thumbnails, lit = pictures(seed=2)
    heads = []

    def noted(log_odds):
        heads.append(log_odds)
        return either(log_odds)

    model = trained(noted, device=device)
    score = model.score(thumbnails)
    assert (score.dtype, score.shape) == (np.float32, (N,))
    log_odds = np.concatenate(heads)
    assert log_odds.shape == (N, 2)
    assert ((log_odds > 0) == lit).mean(axis=0).min() > 0.97
    np.testing.assert_array_equal(score, either(log_odds))
    assert ((score > 0) == (lit[:, 0] != lit[:, 1])).mean() > 0.95


def test_untrained_heads_know_nothing():
    """What the test above asks for does not come by itself."""
    thumbnails, lit = pictures(seed=2)
    score = trained(steps=1).score(thumbnails)
    assert ((score > 0) == (lit[:, 0] != lit[:, 1])).mean() < 0.8


def test_the_seed_decides():
    thumbnails, lit = pictures(seed=2)
    first, again = (trained(steps=5).score(thumbnails) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = train(HEADS, thumbnails, Lesson(lit, either), seed=5, steps=5)
    assert not np.array_equal(other.score(thumbnails), first)


def test_both_classes_of_each_head_count_the_same():
    rng = np.random.default_rng(0)
    truth = rng.random((500, 3)) < (0.5, 0.1, 0.95)
    truth[:, 2] |= truth[:, 1]  # they need not be independent
    drawn, counts = Lesson(truth).balance()
    wanted = (drawn[:, None] * counts * truth).sum(axis=0) / drawn.sum()
    others = (drawn[:, None] * counts * ~truth).sum(axis=0) / drawn.sum()
    np.testing.assert_allclose(wanted, 0.5)
    np.testing.assert_allclose(others, 0.5)


def test_a_single_head_is_balanced_by_what_is_drawn():
    truth = np.random.default_rng(0).random((500, 1)) < 0.1
    drawn, counts = Lesson(truth).balance()
    np.testing.assert_allclose(counts, 1)
    np.testing.assert_allclose(drawn[truth[:, 0]].sum(), drawn.sum() / 2)


@pytest.mark.parametrize("name", HEADED)
def test_heads_are_outputs_of_the_last_layer(name):
    single = ARCHITECTURES[name.removesuffix(" heads")].build(torch.Generator(), 1)
    heads = HEADED[name].build(torch.Generator(), 3)
    alone, together = ([tuple(v.shape) for v in net.parameters()] for net in (single, heads))
    assert alone[:-2] == together[:-2]
    assert (alone[-1], together[-1]) == ((1,), (3,))
