from __future__ import annotations

import numpy as np
import pytest

from benchmarks import cascade_replays, cascades
from benchmarks.cascade_replays import replay, stored, train_group
from vqe.detectors.difference import GRID
from vqe.plan.accuracy import Accuracy

pytestmark = pytest.mark.slow

FPS = 10.0
BOUNDS = Accuracy(fnr=0.1, fdr=0.1)


def scene(visible):
    """Half an hour with 60 visits: a square in a corner of a noisy picture, as far as visible."""
    present = np.tile(np.repeat([False, True], [200, 100]), 60)
    rng = np.random.default_rng(0)
    pictures = rng.integers(90, 100, (len(present), 32, 32, 3), np.uint8)
    pictures[present, 5:15, 5:15] += np.uint8(60 * visible)
    return stored(pictures, present, FPS)


@pytest.fixture(scope="module")
def group():
    return train_group(scene(True), BOUNDS, seed=1)


def test_a_visible_object_is_found_for_few_calls(group):
    found = replay(group, BOUNDS, seed=2)
    assert found["plan"] != "no cascade"
    assert found["labels"] + found["asked"] < 0.4
    assert found["errors"].units == 1800
    assert max(found["errors"].fnr, found["errors"].fdr) <= 0.1


def test_replays_depend_on_their_seed_alone(group):
    first, again, other = (replay(group, BOUNDS, seed)["labels"] for seed in (2, 2, 3))
    assert first == again != other


def test_an_invisible_object_is_left_to_the_reference_network():
    group = train_group(scene(False), BOUNDS, seed=1)
    found = replay(group, BOUNDS, seed=2)
    assert found["labels"] + found["asked"] > 0.9
    assert found["errors"] is None or found["errors"].fnr <= 0.1


def test_training_and_selection_share_no_frame(group, monkeypatch):
    seen = []
    plain = cascade_replays.Group.evidence

    def watched(self, blocks):
        evidence = plain(self, blocks)
        seen.append(evidence.ordinals)
        return evidence

    monkeypatch.setattr(cascade_replays.Group, "evidence", watched)
    replay(group, BOUNDS, seed=2)
    assert not np.intersect1d(seen[-1], group.labelled).size


def test_thresholds_that_are_too_bold_are_found_out(group, monkeypatch):
    """Without margins and with half of the frames called absent, replays break their bounds."""
    monkeypatch.setattr(
        cascade_replays,
        "answers",
        lambda group, stages: np.where(np.arange(len(group.frames.present)) % 2, 0, -1),
    )
    assert replay(group, BOUNDS, seed=2)["errors"].fnr > 0.1


def test_differences_by_block_are_those_of_the_picture():
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (3, 32, 32, 3), np.uint8)
    frames = stored(pictures, np.zeros(3, bool), FPS)
    reference = np.full((32, 32), 100, np.float32)
    blocks = frames.differences(np.arange(3), reference)
    assert blocks.shape == (3, GRID[0] * GRID[1])
    squared = (cascade_replays.luma(pictures) - reference) ** 2
    assert blocks.mean(axis=1) == pytest.approx(squared.mean(axis=(1, 2)), rel=1e-5)
    # Blocks of GRID are 1.6 pixels wide: the first has all of a pixel and 0.6 of the next.
    weights = np.outer([1, 0.6], [1, 0.6]) / 1.6**2
    assert blocks[:, 0] == pytest.approx((squared[:, :2, :2] * weights).sum(axis=(1, 2)), rel=1e-5)


def test_broken_bounds_are_counted_and_told(group):
    runs = [replay(group, BOUNDS, seed) for seed in range(2)]
    found = cascades.summary(runs, 0.1)
    assert (found["cascades"], found["breaking"]) == (2, 0)
    strict = cascades.summary(runs, -1.0)
    assert strict["breaking"] == 2
    asked = {
        "footage": "a-b-c",
        "label": "bus",
        "min_score": 0.8,
        "bound": 0.01,
        "frames": 18_000,
        "presence": 0.33,
        "replays": 2,
    }
    results = {"questions": [asked | found]}
    (row,) = cascades.rows(results)
    assert (row["object"], row["broken"], row["without"]) == ("bus ≥ 0.8", "0 of 2", "954 s")
    assert "no question" in cascades.lines(results)[0]
    assert "bus in a-b breaks" in cascades.lines({"questions": [asked | strict]})[0]
