"""Turns are sought between labelled frames of different answers."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from clips import Oracle, Visit, make_clip, spoil

from vqe.models.load import load_reference
from vqe.physical.question import Question
from vqe.plan.effort import Effort
from vqe.plan.expressions import Contains
from vqe.planner.allowance import Allowance
from vqe.planner.inquiry import Pictures, ScanInquiry
from vqe.planner.labeller import Labeller
from vqe.planner.turns import AROUND, find_turns
from vqe.runtime.context import Context
from vqe.storage.labels import LabelStore
from vqe.video.indexing import build_index

FRAMES = 400
VISITS = (Visit(60, 130), Visit(200, 201), Visit(333, 350))
KNOWN = np.array([0, 50, 51, 52, 100, 180, 260, 300, 340, 341, 399])


class Asked:
    """A clip with labels of the KNOWN frames, and what is asked about it then."""

    def __init__(self, clip, calls=None):
        self.oracle = Oracle(clip)
        self.context = Context()
        network = load_reference(self.oracle)
        index = build_index(str(clip.path), lambda: None)
        question = Question(Contains("bus", 0.5), network.labels)
        effort = Effort(calls=calls)
        allowance = Allowance.of(effort, self.context.metrics, began=0.0)
        self.labeller = Labeller(
            network, question, LabelStore(2**30), self.context, allowance=allowance
        )
        self.scan = SimpleNamespace(index=index, ordinals=np.arange(FRAMES), question=question)
        self.labeller.read(index, KNOWN, "labelling")
        marks = self.labeller.marks_or_nan(KNOWN)
        self.evidence = SimpleNamespace(
            ordinals=KNOWN,
            present=question.holds(marks),
            block=np.repeat([0, 1, 2, 3], [2, 4, 2, 3]),
            training=np.repeat([False, True, True, False], [2, 4, 2, 3]),
        )
        self.oracle.frames_seen.clear()

    def find(self, most_labels):
        """The turns that are found."""
        inquiry = ScanInquiry(self.scan, self.labeller, self.context)
        return find_turns(inquiry, self.evidence, most_labels)


class Known:
    """An inquiry about frames whose answers are known, and whose pictures are all the same."""

    spare = math.inf

    def __init__(self, present):
        self.present = present
        self.ordinals = np.arange(len(present))

    def label(self, ordinals):
        return self.present[ordinals].astype(np.int8)

    def pictures(self, ordinals):
        return Pictures(ordinals, np.zeros((len(ordinals), 400), np.float32), 0.0)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("turns") / "turns.mp4", FRAMES, visits=VISITS)


def test_turns_are_found_to_the_frame(clip):
    asked = Asked(clip)
    turns = asked.find(1000)
    expected = [first for turn in (60, 130, 333, 350) for first in range(turn - 5, turn + 5)]
    assert turns.ordinals.tolist() == expected
    assert turns.block.tolist() == [number for number in range(4) for _ in range(2 * AROUND)]
    assert (turns.present == clip.present("bus")[expected]).all()
    assert turns.means.shape == (40, 400)
    assert len(asked.oracle.frames_seen) == len(set(asked.oracle.frames_seen)) < 65
    assert turns.last.tolist() == [59, 129, 332, 349]
    # Selection blocks whole, whatever is labelled of them.
    assert turns.pictures.ordinals.tolist() == [*range(51), *range(340, 400)]
    assert turns.pictures.means.shape == (111, 400)
    # A visit that no labelled frame has met stays unknown.
    assert 200 not in asked.oracle.frames_seen


def test_the_shortest_ways_are_gone_first(clip):
    asked = Asked(clip)
    assert np.unique(asked.find(35).block).tolist() == [0, 1]
    assert len(asked.oracle.frames_seen) <= 35
    assert asked.find(10) is None


def test_one_visit_that_flickers_does_not_stand_for_all():
    """In the first block are thirty turns, and shorter ways to them than in each of the others."""
    present = np.zeros(4000, np.bool_)
    present[1:60:2] = True
    edges = np.arange(100, 4000, 100)
    for start in edges.tolist():
        present[start + 50 : start + 100] = True
    labelled = np.concatenate([np.arange(0, 60), (edges[:, None] + [0, 40, 60, 90]).ravel()])
    block = np.concatenate([np.zeros(60, int), np.repeat(np.arange(1, 40), 4)])
    evidence = SimpleNamespace(
        ordinals=labelled,
        present=present[labelled],
        block=block,
        training=np.zeros(len(labelled), np.bool_),
    )
    turns = find_turns(Known(present), evidence, 16 * (5 + 2 * AROUND))
    near = turns.ordinals[np.unique(turns.block, return_index=True)[1]]
    assert len(near) == 16
    assert (near < 100).sum() == 1
    # From all parts of the video.
    assert np.unique(near // 1000).tolist() == [0, 1, 2, 3]


def test_limits_leave_no_labels_for_turns(clip):
    assert Asked(clip, calls=300).find(1000) is None


def test_damage_costs_the_turns_in_it(clip, tmp_path):
    path = tmp_path / "broken.mp4"
    broken = make_clip(path, FRAMES, visits=VISITS)
    spoil(path, slice(290, 340))
    found = Asked(broken).find(1000)
    present = clip.present("bus")
    assert set(found.block.tolist()) <= set(range(4))
    assert {60, 130} <= set(found.ordinals.tolist())
    assert (found.present == present[found.ordinals]).all()
