from __future__ import annotations

import math
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from vqe.planner.allowance import SpentError
from vqe.planner.learning import Gathering, learn
from vqe.planner.sampling import Block, Strip

FPS = 10


def strip(n):
    return Strip(np.arange(n), np.arange(0, n + 1, FPS), step=2)


@dataclass
class Frames:
    """What is in each frame, and what was asked about it."""

    present: np.ndarray
    blocks: list[Block] = field(default_factory=list)
    probed: list[int] = field(default_factory=list)

    def collect(self, blocks):
        self.blocks.extend(blocks)
        ordinals = np.sort(np.concatenate([block.ordinals for block in self.blocks]))
        return SimpleNamespace(ordinals=ordinals, present=self.present[ordinals])

    def probe(self, ordinals):
        self.probed.extend(ordinals.tolist())
        return self.present[ordinals]


def gathered(present, *portions):
    """The frames, with what was labelled for these portions of (number, training)."""
    frames = Frames(np.repeat(present, FPS))
    here = strip(len(frames.present))
    gathering = Gathering(here, frames.collect, frames.probe)
    for portion in portions:
        gathering.add(tuple(here.block(n, training=training) for n, training in portion))
    return frames, [(int(b.ordinals[0]) // FPS, b.training, b.drawn) for b in frames.blocks]


def test_the_ends_of_a_visit_are_labelled_for_the_same_purpose():
    present = np.zeros(100, bool)
    present[20:50], present[70:75] = True, True
    _, blocks = gathered(present, [(3, True), (30, False), (72, True)])
    drawn = [(3, True, True), (30, False, True), (72, True, True)]
    assert blocks[:3] == drawn
    assert blocks[3:] == [
        (20, False, False),
        (49, False, False),
        (70, True, False),
        (74, True, False),
    ]


def test_a_long_visit_takes_few_probes():
    present = np.zeros(4000, bool)
    present[100:3900] = True
    frames, blocks = gathered(present, [(5, True), (2000, False)])
    assert [n for n, _, drawn in blocks if not drawn] == [100, 3899]
    assert len(frames.probed) <= 4 * math.log2(4000)


def test_a_visit_met_for_both_purposes_has_ends_for_selection():
    present = np.zeros(60, bool)
    present[10:40] = True
    _, blocks = gathered(present, [(15, True), (35, False)])
    assert [(n, training) for n, training, drawn in blocks if not drawn] == [
        (10, False),
        (39, False),
    ]


def test_no_block_is_labelled_twice():
    present = np.zeros(60, bool)
    present[10:40] = True
    _, blocks = gathered(present, [(15, True)], [(10, False), (39, True), (20, False), (50, True)])
    numbers = [n for n, _, _ in blocks]
    assert len(numbers) == len(set(numbers))
    assert {10, 39, 15, 20, 50} == set(numbers)


def test_a_visit_without_an_end_reaches_the_last_block():
    _, blocks = gathered(np.ones(30, bool), [(12, False)])
    assert [n for n, _, drawn in blocks if not drawn] == [0, 29]


class Found:
    """A search whose best plan takes a share of the seconds without one."""

    within_reach = 1.0
    training_seconds = 1.0
    seconds_without = 1000.0
    late = False

    def __init__(self, share, foreseen=None, at_best=0.0, decoding=0.0):
        self.best_seconds = share * self.seconds_without
        self.costs = SimpleNamespace(reference=SimpleNamespace(seconds_per_frame=1.0))
        self._foreseen = {} if foreseen is None else foreseen
        self._at_best = at_best
        self._decoding = decoding

    def decoding(self, ordinals):
        return self._decoding * len(ordinals)

    def at_best(self, decided):
        return self._at_best * self.seconds_without

    def foreseen(self, growth):
        return self._foreseen.get(growth, self.best_seconds)


def learned(searches, *, sizes=(10, 10, 20, 40), affordable=lambda more, labels: True):
    """How many portions were labelled, and the search that came out."""
    portions = [(Block(np.arange(n), training=True),) for n in sizes]
    taken = []

    def gather(portion):
        taken.append(portion)
        total = sum(len(block.ordinals) for blocks in taken for block in blocks)
        return SimpleNamespace(ordinals=np.arange(total))

    search = learn(portions, gather, lambda _: searches[len(taken) - 1], affordable)
    return len(taken), search


@pytest.mark.parametrize(
    ("searches", "portions"),
    [
        # The best that could be is hardly better: one portion will do.
        ([Found(0.2, at_best=0.195)], 1),
        # A second portion is always tried; it changed nothing, and nothing is foreseen.
        ([Found(0.5), Found(0.5)], 2),
        # What it improved, another doubling improves by half: more than 20 labels cost.
        ([Found(0.9), Found(0.5), Found(0.5)], 3),
        # Not where each of them takes ten times as long to decode.
        ([Found(0.9), Found(0.5, decoding=10.0)], 2),
        # Eight times the sample would do: that costs 140 labels and saves 400.
        ([Found(0.5), Found(0.5, foreseen={8.0: 100.0}), Found(0.5)], 3),
        # It would save less than it costs.
        ([Found(0.5), Found(0.5, foreseen={8.0: 480.0})], 2),
    ],
)
def test_portions_are_labelled_while_they_pay(searches, portions):
    taken, search = learned(searches)
    assert taken == portions
    assert search is searches[portions - 1]


def test_no_portion_follows_once_it_is_late():
    """More labels would pay, but a training was ended by the DEADLINE."""
    searches = [Found(0.9), Found(0.5), Found(0.5)]
    searches[1].late = True
    taken, search = learned(searches)
    assert taken == 2
    assert search is searches[1]


def test_all_portions_may_be_needed():
    falling = [Found(share) for share in (0.9, 0.6, 0.4, 0.3)]
    assert learned(falling) == (4, falling[-1])


def test_the_allowance_ends_the_labelling():
    searches = [Found(0.9), Found(0.5)]
    taken, _ = learned(searches, affordable=lambda more, labels: labels + more <= 20)
    assert taken == 2


def test_what_was_found_before_the_allowance_ended_counts():
    first = Found(0.9)
    portions = [(Block(np.arange(10), training=True),)] * 2
    gathered = iter([SimpleNamespace(ordinals=np.arange(10))])

    def gather(portion):
        for evidence in gathered:
            return evidence
        raise SpentError

    assert learn(portions, gather, lambda _: first, lambda more, labels: True) is first


def test_without_a_frame_there_is_no_search():
    portions = [(Block(np.arange(10), training=True),)]
    assert learn(portions, lambda _: None, lambda _: Found(1), lambda more, labels: True) is None
