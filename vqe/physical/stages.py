"""The stages of a cascade: each answers where it is sure and hands on the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vqe.detections import Detections, concatenate
from vqe.detectors.difference import DifferenceDetector, block_differences
from vqe.models.reference import ReferenceNetwork
from vqe.models.specialized import SpecializedModel
from vqe.physical.question import Question
from vqe.schema import DecidedBy
from vqe.storage.labels import LabelStore
from vqe.video.frames import FrameBatch

ABSENT: Final = 0
PRESENT: Final = 1
UNKNOWN: Final = -1


@dataclass(frozen=True)
class Verdict:
    """Per frame: ABSENT, PRESENT or UNKNOWN, int8 (N,); the mark of its label, float32 (N,), NaN
    where the reference network was not asked."""

    answer: NDArray[np.int8]
    mark: NDArray[np.float32]


Decide = Callable[[FrameBatch], Verdict]
Values: TypeAlias = NDArray[np.float32] | NDArray[np.float64]


class Stage(Protocol):
    """A step of a cascade."""

    @property
    def name(self) -> str:
        """How EXPLAIN calls it."""

    @property
    def rule(self) -> str:
        """When it answers, in words."""

    @property
    def decided_by(self) -> DecidedBy:
        """Its origin in column `decided_by`."""

    def start(self) -> Decide:
        """Decides the frames of one segment, handed over in order; may keep state between calls."""


class ScoringStage(Stage, Protocol):
    """A stage that compares a number with thresholds: others may compare the same number."""

    def measure(self, frames: FrameBatch) -> Values:
        """The number, float (N,). `start` comes first."""

    def judge(self, values: Values) -> NDArray[np.int8]:
        """ABSENT, PRESENT or UNKNOWN for such numbers, int8 (N,)."""


@dataclass(frozen=True)
class DifferenceStage:
    """Absent where the frame is nearer than `threshold` to the reference image, uint8 (H, W)."""

    detector: DifferenceDetector
    reference: NDArray[np.uint8]
    threshold: float
    decided_by: DecidedBy = "difference"

    @property
    def name(self) -> str:
        return self.detector.name

    @property
    def rule(self) -> str:
        return f"absent below {self.threshold:.2f}"

    def start(self) -> Decide:
        return _by_measure(self)

    def measure(self, frames: FrameBatch) -> Values:
        return self.detector.distance(block_differences(frames, self.reference))

    def judge(self, values: Values) -> NDArray[np.int8]:
        return np.where(values < self.threshold, ABSENT, UNKNOWN).astype(np.int8)


@dataclass(frozen=True)
class SpecializedStage:
    """Absent below `low`, present above `high`, in log-odds."""

    model: SpecializedModel
    low: float
    high: float
    decided_by: DecidedBy = "specialized"

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def rule(self) -> str:
        rules = []
        if np.isfinite(self.low):
            rules.append(f"absent below {self.low:.2f}")
        if np.isfinite(self.high):
            rules.append(f"present above {self.high:.2f}")
        return ", ".join(rules)

    def start(self) -> Decide:
        self.model.start()
        return _by_measure(self)

    def measure(self, frames: FrameBatch) -> Values:
        return self.model.score(frames.thumbnails(self.model.size))

    def judge(self, values: Values) -> NDArray[np.int8]:
        answer = np.full(len(values), UNKNOWN, np.int8)
        answer[values < self.low] = ABSENT
        answer[values > self.high] = PRESENT
        return answer


def _by_measure(stage: ScoringStage) -> Decide:
    """Decides by the number that a stage measures, which is no label."""

    def decide(frames: FrameBatch) -> Verdict:
        answer = stage.judge(stage.measure(frames))
        return Verdict(answer, np.full(len(frames), np.nan, np.float32))

    return decide


@dataclass(frozen=True)
class ReferenceStage:
    """The reference network's own answer; keeps its labels in `labels`."""

    network: ReferenceNetwork
    question: Question
    labels: LabelStore | None
    decided_by: DecidedBy = "reference"

    @property
    def name(self) -> str:
        return self.network.name

    @property
    def rule(self) -> str:
        return "answers"

    def start(self) -> Decide:
        def decide(frames: FrameBatch) -> Verdict:
            detections = detect(self.network, frames)
            if self.labels is not None:
                self.labels.add(frames.ordinals, detections)
            marks = self.question.marks(frames.ordinals, detections)
            return Verdict(self.question.holds(marks).astype(np.int8), marks)

        return decide


def detect(network: ReferenceNetwork, frames: FrameBatch) -> Detections:
    """What the network sees in N frames; at most one batch of them is in RGB at a time."""
    parts = []
    for start in range(0, len(frames), network.batch_size):
        rows = range(start, min(start + network.batch_size, len(frames)))
        parts.append(network.detect([frames.rgb(row) for row in rows]))
    return concatenate(parts)
