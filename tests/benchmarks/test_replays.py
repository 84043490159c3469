from __future__ import annotations

import numpy as np
import pytest

from benchmarks import replays
from benchmarks.noscope import FULL
from vqe.plan.accuracy import Accuracy

FPS = 10


def visits(n, length, pause):
    return np.tile(np.repeat([False, True], [pause, length]), n)


def test_a_replay_of_long_visits_keeps_the_bounds():
    present = visits(10, 150, 350)
    second = np.arange(len(present)) // FPS
    found = replays.replay(present, second, Accuracy(fnr=0.01, fdr=0.01), phase=7)
    assert found["asked"] < 0.15
    assert found["errors"].fnr <= 0.01


def test_pictures_let_a_replay_guess():
    """A square in a corner of a noisy picture, when the object is there."""
    present = visits(15, 150, 850)
    rng = np.random.default_rng(0)
    pictures = rng.integers(90, 100, (len(present), 32, 32, 3), np.uint8)
    pictures[present, 5:15, 5:15] += 60
    second, accuracy = np.arange(len(present)) // FPS, Accuracy(fnr=0.01, fdr=0.01)
    plain = replays.replay(present, second, accuracy, phase=7)
    found = replays.replay(present, second, accuracy, phase=7, thumbnails=pictures)
    assert plain["guessed"] == 0
    assert found["guessed"] > 0.4
    assert found["asked"] < plain["asked"]
    assert max(found["errors"].fnr, found["errors"].fdr) <= 0.01


def test_a_replay_gives_up_where_every_frame_is_near_a_change():
    present = visits(300, 6, 7)
    second = np.arange(len(present)) // FPS
    found = replays.replay(present, second, Accuracy(fnr=0.01, fdr=0.01), phase=0)
    assert found["errors"] is None


@pytest.mark.slow
def test_a_question_counts_its_replays():
    rng = np.random.default_rng(0)
    found = replays.question(FULL[0], "person", None, 0.01, None, replays=3, rng=rng)
    assert found["refined"] == found["replays"] == 3
    assert found["breaking"] == 0
    assert found["asked"] < 0.06
    results = {"questions": [found, found | {"breaking": 2}]}
    assert replays.rows(results)[0]["refined"] == "3 of 3"
    assert len(replays.lines(results)) == 1
