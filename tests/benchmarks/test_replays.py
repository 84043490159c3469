from __future__ import annotations

from dataclasses import replace

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


def test_a_replay_of_single_frames_keeps_the_bounds():
    present = visits(20, 300, 900)
    accuracy = Accuracy(fnr=0.02, fdr=0.02, unit_us=None)
    found = replays.replay(present, np.arange(len(present)), accuracy, phase=7)
    assert found["asked"] < 0.07
    assert found["errors"].fnr == found["errors"].fdr == 0


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
    seed = np.random.SeedSequence(0)
    asked = replays.Asked(FULL[0], "person", None, 0.01, 1_000_000)
    found = replays.question(asked, 3, seed)
    assert found["refined"] == found["replays"] == 3
    assert found["breaking"] == 0
    assert found["asked"] < 0.06
    assert found["least"] < 0.01
    frames = replays.question(replace(asked, bound=0.05, unit_us=None), 3, seed)
    assert frames["refined"] == 3
    assert frames["asked"] < 0.06
    results = {"questions": [found, found | {"breaking": 2}, frames]}
    assert [row["per"] for row in replays.rows(results)] == ["second", "second", "frame"]
    assert replays.rows(results)[0]["refined"] == "3 of 3"
    assert len(replays.lines(results)) == 1
