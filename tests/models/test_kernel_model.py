from __future__ import annotations

import numpy as np
import pytest

from vqe.models.kernel_model import SIZE, fit_kernel


def scenes(n, *, objects=(), seed=0):
    """Thumbnails of one noisy scene in changing light, with a bright object in some of them."""
    rng = np.random.default_rng(seed)
    scene = np.random.default_rng(99).integers(40, 160, (SIZE, SIZE, 3))
    pixels = scene + rng.normal(0, 3, (n, SIZE, SIZE, 3)) + rng.normal(0, 10, (n, 1, 1, 1))
    for row in objects:
        x, y = rng.integers(4, SIZE - 10, 2)
        pixels[row, y : y + 8, x : x + 6] += 70
    return np.clip(pixels, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def model():
    unusual = np.zeros(120, np.bool_)
    unusual[[20, 21, 70, 110]] = True
    return fit_kernel(scenes(120, objects=np.flatnonzero(unusual)), unusual, np.arange(120) // 10)


def test_usual_frames_score_low_in_any_light_and_objects_anywhere_do_not(model):
    usual = model.score(scenes(50, seed=1))
    objects = model.score(scenes(50, objects=range(50), seed=2))
    assert np.abs(usual).max() < 0.03
    assert objects.min() > 2 * usual.max()


def test_what_was_never_seen_scores_one(model):
    noise = np.random.default_rng(0).integers(0, 256, (5, SIZE, SIZE, 3), np.uint8)
    assert model.score(noise) == pytest.approx(1, abs=0.05)


def test_what_is_left_out_scores_as_if_it_had_never_been_there():
    unusual = np.arange(60) % 9 == 4
    pictures, stretch = scenes(60, objects=np.flatnonzero(unusual)), np.arange(60) // 12
    whole = fit_kernel(pictures, unusual, stretch)
    # The same lengths and units for both, or the models differ in more than what they know.
    rest = stretch != 2
    gram = np.exp(-_distances(whole.examples, whole.examples) / (2 * whole.squared_length))
    target = np.where(unusual, 0.0, 1.0)
    weights = np.linalg.solve(gram[np.ix_(rest, rest)] + 0.03 * np.eye(rest.sum()), target[rest])
    expected = 1 - gram[np.ix_(~rest, rest)] @ weights
    assert whole.held_out[~rest] == pytest.approx(expected, abs=1e-3)


def test_the_number_of_frames_scored_at_a_time_changes_nothing(model, monkeypatch):
    pictures = scenes(30, objects=[3, 4], seed=3)
    whole = model.score(pictures)
    monkeypatch.setattr("vqe.models.kernel_model.CHUNK", 7)
    assert model.score(pictures) == pytest.approx(whole, abs=1e-5)
    assert model.score(pictures[:0]).shape == (0,)


def _distances(a, b):
    return ((a[:, None].astype(np.float64) - b) ** 2).sum(axis=2)
