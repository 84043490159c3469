"""A cascade learned and put to use on stored frames: their thumbnails, and the network's answers.

Detectors and models are trained once for a group of replays, and all frames are scored by them.
Each replay draws blocks portion after portion, chooses thresholds, tries links and decides, by the
planner's own code. Only what frames look like is smaller: thumbnails of 32 × 32 pixels.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import product

import numpy as np
from numpy.typing import NDArray

from benchmarks.stored_frames import DECODING, KEY_FRAMES, Stored, StoredInquiry, luma
from benchmarks.tables import Results
from vqe.models.kernel_model import SIZE
from vqe.models.specialized import ARCHITECTURES, Architecture, convolutional
from vqe.physical.earlier import EarlierFrameStage
from vqe.physical.stages import ABSENT, PRESENT, UNKNOWN, ScoringStage
from vqe.plan.accuracy import Accuracy
from vqe.planner.candidates import (
    DetectorCandidate,
    ModelCandidate,
    fit_detectors,
    train_model,
)
from vqe.planner.cost import Costs, NetworkCost
from vqe.planner.evidence import Evidence
from vqe.planner.learning import Gathering, learn
from vqe.planner.sampling import Block, cut, draw_blocks, draw_portions
from vqe.planner.search import Search
from vqe.planner.training import Trainer
from vqe.planner.turns import find_turns
from vqe.runtime.context import Context
from vqe.statistics.units import count_errors, unit_of
from vqe.video.decode_plan import DecodeWork
from vqe.video.strategies import EveryFrame

SMALL = (
    ARCHITECTURES["linear 32"],
    Architecture("cnn 32×16", SIZE, partial(convolutional, SIZE, 16, 32), 200, 2e-3),
)
"""The models of a replay: the engine's own, as far as thumbnails are large enough."""

REFERENCE_SECONDS = 0.05
"""Of the reference network, per frame, on two cores."""
DIFFERENCE_SECONDS, SCORING_SECONDS = 0.0003, 0.0007
"""What else a cascade takes per frame, of 720 lines: as measured, so that all replays agree."""


class Sample:
    """What the planner's own collection would have gathered, from stored frames."""

    def __init__(self, frames: Stored) -> None:
        self.frames = frames
        self.blocks: list[Block] = []
        self.reference: NDArray[np.float32] | None = None

    @property
    def ordinals(self) -> NDArray[np.int64]:
        """All frames labelled so far, int64 ascending."""
        return np.concatenate([block.ordinals for block in self.blocks])

    def add(self, blocks: tuple[Block, ...]) -> Evidence:
        """All that is known with these blocks."""
        frames = self.frames
        self.blocks = sorted([*self.blocks, *blocks], key=lambda block: int(block.ordinals[0]))
        ordinals = self.ordinals
        number = np.repeat(np.arange(len(self.blocks)), [len(b.ordinals) for b in self.blocks])
        training = np.array([block.training for block in self.blocks])[number]
        present = frames.present[ordinals]
        pictures = frames.thumbnails[ordinals]
        if self.reference is None and (training & ~present).any():
            self.reference = np.rint(luma(pictures[training & ~present]).mean(axis=0))
        image = None if self.reference is None else self.reference.astype(np.uint8)
        differences = (
            None if self.reference is None else frames.differences(ordinals, self.reference)
        )
        return Evidence(
            ordinals=ordinals,
            block=number,
            present=present,
            training=training,
            drawn=np.array([block.drawn for block in self.blocks])[number],
            thumbnails={SIZE: pictures},
            reference=image,
            differences=differences,
            looks=None,
            thumbnail_seconds={},
            difference_seconds=DIFFERENCE_SECONDS,
        )


@dataclass(frozen=True)
class Group:
    """What was trained on the blocks `trained_on` of one sample, with the numbers it gives to all N
    frames, float (N,)."""

    frames: Stored
    trained_on: tuple[Block, ...]
    reference: NDArray[np.uint8]
    detectors: tuple[DetectorCandidate, ...]
    models: tuple[ModelCandidate, ...]
    training_seconds: float

    @cached_property
    def labelled(self) -> NDArray[np.int64]:
        """The frames that were trained on, int64 ascending."""
        return np.concatenate([block.ordinals for block in self.trained_on])

    def evidence(self, blocks: Sequence[Block]) -> Evidence:
        """Of blocks, in any order."""
        blocks = sorted(blocks, key=lambda block: int(block.ordinals[0]))
        ordinals = np.concatenate([block.ordinals for block in blocks])
        number = np.repeat(np.arange(len(blocks)), [len(block.ordinals) for block in blocks])
        return Evidence(
            ordinals=ordinals,
            block=number,
            present=self.frames.present[ordinals],
            training=np.array([block.training for block in blocks])[number],
            drawn=np.array([block.drawn for block in blocks])[number],
            thumbnails={},
            reference=self.reference,
            differences=None,
            looks=None,
            thumbnail_seconds={},
            difference_seconds=DIFFERENCE_SECONDS,
        )


def train_group(frames: Stored, accuracy: Accuracy, seed: int) -> Group:
    """Trains on the usual sample of blocks, with the ends of the visits that it met."""
    strip = cut(frames.index, np.arange(len(frames.present)), accuracy.unit_us)
    sample = Sample(frames)
    gathering = Gathering(strip, sample.add, frames.answers)
    evidence = gathering.add(draw_blocks(frames.index, strip.frames, accuracy.unit_us, seed))
    if evidence is None or evidence.reference is None:
        raise ValueError("a sample without an empty frame")
    everything = frames.differences(strip.frames, evidence.reference.astype(np.float32))
    clock = time.perf_counter()
    models = [train_model(arch, evidence, seed=seed, device="cpu") for arch in SMALL]
    seconds = time.perf_counter() - clock
    return Group(
        frames,
        tuple(block for block in sample.blocks if block.training),
        evidence.reference,
        tuple(
            replace(candidate, distance=candidate.detector.distance(everything))
            for candidate in fit_detectors(evidence)
        ),
        tuple(ModelCandidate(m, m.score(frames.thumbnails).astype(np.float64)) for m in models),
        seconds,
    )


def seconds_without(frames: int) -> float:
    """What the reference network alone takes for so many frames, and decoding them."""
    return frames * REFERENCE_SECONDS + DECODING.seconds(_work(frames, frames))


def _work(packets: int, frames: int) -> DecodeWork:
    """Frames out of so many packets, one of KEY_FRAMES a key frame."""
    keys = frames // KEY_FRAMES
    return DecodeWork(packets=packets, keys=keys, others=frames - keys)


class Replayed(Search):
    """A search among stages that are trained already."""

    def __init__(self, group: Group, evidence: Evidence, accuracy: Accuracy) -> None:
        n = len(group.frames.present)
        left = n - len(group.labelled) - len(evidence.ordinals)
        super().__init__(
            index=group.frames.index,
            evidence=evidence,
            accuracy=accuracy,
            costs=Costs(
                DECODING,
                NetworkCost(REFERENCE_SECONDS, 1.0),
                DIFFERENCE_SECONDS,
                {each.model.name: SCORING_SECONDS for each in group.models},
            ),
            frames=left,
            work=_work(n, left),
            reference_name="reference",
        )
        self.group = group
        self.training_seconds = group.training_seconds

    def explore(self, context: Context, trainer: Trainer | None = None) -> None:
        """Finds the thresholds of all plans."""
        rows = self.evidence.ordinals
        detectors = [replace(d, distance=d.distance[rows]) for d in self.group.detectors]
        models = [replace(m, score=m.score[rows]) for m in self.group.models]
        for detector, model in product((None, *detectors), (None, *models)):
            if detector or model:
                self.consider(detector, model)


def replay(group: Group, accuracy: Accuracy, seed: int) -> Results:
    """Learns a cascade and answers all frames by it.

    Labels, calls of the network for the rest, and linked frames, as shares of the frames; the
    seconds that learning and answering take by the cost model; and the errors, None where no
    cascade came out.
    """
    frames, index, context = group.frames, group.frames.index, Context()
    n, blocks, probed, portions = len(frames.present), list[Block](), set[int](), [0]

    def collect(further: tuple[Block, ...]) -> Evidence:
        blocks.extend(further)
        return group.evidence(blocks)

    def probe(ordinals: NDArray[np.int64]) -> NDArray[np.bool_]:
        probed.update(ordinals.tolist())
        return frames.answers(ordinals)

    def explored(evidence: Evidence) -> Search:
        portions[0] += 1
        search = Replayed(group, evidence, accuracy)
        search.explore(context)
        return search

    strip = cut(index, np.arange(n), accuracy.unit_us)
    drawn = (
        tuple(b for b in portion if not b.training and b.ordinals[0] not in group.labelled)
        for portion in draw_portions(index, strip.frames, accuracy.unit_us, seed)
    )
    gathering = Gathering(strip, collect, probe)
    gathering.taken.update(strip.numbers(group.labelled).tolist())
    search = learn(drawn, gathering.add, explored, lambda more, labels: True)
    if search is None:
        raise ValueError(f"{n} frames are too few to learn from")
    inquiry, everything = StoredInquiry(frames), group.evidence([*group.trained_on, *blocks])
    search.consider_links(context, partial(find_turns, inquiry, everything))
    decision = search.decide()
    labelled = np.union1d(everything.ordinals, [*probed, *inquiry.labelled]).astype(np.int64)
    answer = answers(group, decision.stages)
    answer[labelled] = np.where(frames.present[labelled], PRESENT, ABSENT)
    anchor = np.arange(n)
    if decision.link is not None:
        anchor = anchors(frames, decision.link, answer == UNKNOWN, labelled)
    linked = anchor != np.arange(n)
    asked = int((answer == UNKNOWN).sum() - linked.sum())
    said = np.where(answer == UNKNOWN, frames.present[anchor], answer == PRESENT)
    unit = unit_of(index.timestamps_us, accuracy.unit_us)
    return {
        "plan": decision.name,
        "link": decision.link is not None,
        "portions": portions[0],
        "labels": len(labelled) / n,
        "asked": asked / n,
        "linked": float(linked.mean()),
        "seconds": (len(labelled) + asked) * REFERENCE_SECONDS
        + portions[0] * group.training_seconds
        + inquiry.seconds
        + sum(step.seconds for step in decision.predictions[:-1]),
        "errors": count_errors(frames.present, said, unit) if decision.cascade else None,
    }


def answers(group: Group, stages: tuple[ScoringStage, ...]) -> NDArray[np.int8]:
    """What the stages say of each frame, int8 (N,)."""
    values = {each.detector.name: each.distance for each in group.detectors}
    values |= {each.model.name: each.score for each in group.models}
    answer = np.full(len(group.frames.present), UNKNOWN, np.int8)
    for stage in stages:
        left = answer == UNKNOWN
        answer[left] = stage.judge(values[stage.name][left])
    return answer


def anchors(
    frames: Stored,
    link: EarlierFrameStage,
    left: NDArray[np.bool_],
    labelled: NDArray[np.int64],
) -> NDArray[np.int64]:
    """The frame that each is linked to, int64 (N,), its own for one that is not: as the executor
    follows them, segment by segment. `left`: bool (N,), frames left to the link; `labelled`, int64
    ascending, are anchors as well."""
    anchor = np.arange(len(left))
    known = np.zeros(len(left), np.bool_)
    known[labelled] = True
    values = link.detector.values(frames.means)
    for segment in EveryFrame().plan(frames.index, anchor.copy()).segments():
        rows = segment.ordinals[(left | known)[segment.ordinals]]
        anchor[rows] = link.trace()(rows, values[rows], known[rows])
    return anchor
