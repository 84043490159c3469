"""A network that recalls its answers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from clips import make_clip

from benchmarks.recalled import SECONDS_PER_FRAME, recalled
from benchmarks.truth import STEPS, Truth
from vqe.models.load import load_reference
from vqe.video.indexing import build_index
from vqe.video.reader import Reader
from vqe.video.strategies import FrameSet

FRAMES = 24


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    clip = make_clip(tmp_path_factory.mktemp("recalled") / "clip.mp4", FRAMES)
    return build_index(str(clip.path), lambda: None)


@pytest.fixture(scope="module")
def memory(index):
    seen = {"frame": [3, 3, 20], "label": ["car", "bus", "car"], "score": [9000, 4000, 7000]}
    table = pa.table(seen).set_column(1, "label", pa.array(seen["label"]).dictionary_encode())
    truth = Truth("m", "print", "cpu", 0.5, FRAMES, np.empty(0, np.uint32), table)
    return recalled(truth, index, ("car", "bus", "cat"))


def pictures(index, ordinals):
    plan = FrameSet().plan(index, np.array(ordinals))
    return [batch.rgb(row) for batch in Reader().read(plan) for row in range(len(batch))]


def test_it_sees_what_it_saw(index, memory):
    network = load_reference(memory)
    seen = network.detect(pictures(index, [2, 3, 20]))
    assert seen.best_score(0) == pytest.approx([0, 0.9, 0.7])
    assert seen.best_score(1) == pytest.approx([0, 4000 / STEPS, 0])
    assert not seen.best_score(2).any()


def test_it_takes_its_time(index, memory, monkeypatch):
    slept = []
    monkeypatch.setattr("benchmarks.recalled.time.sleep", slept.append)
    memory(np.stack(pictures(index, [1, 5, 7])))
    assert slept == [3 * SECONDS_PER_FRAME]


def test_it_knows_what_it_was_asked_about(index, memory):
    before = len(memory.asked)
    memory(np.stack(pictures(index, [7, 8, 12])))
    memory(np.stack(pictures(index, [2])))
    assert memory.asked_about(slice(before, None)).tolist() == [2, 7, 8, 12]
    assert memory.asked_about(slice(before, before + 2)).tolist() == [7, 8]


def test_a_picture_that_it_never_saw_is_an_error(memory):
    with pytest.raises(KeyError):
        memory(np.zeros((1, 48, 64, 3), np.uint8))
