"""What the planner decided for a scan, and why."""

from __future__ import annotations

from dataclasses import dataclass

from vqe.physical.answers import Answers
from vqe.physical.fill_scan import Fill
from vqe.physical.stages import ScoringStage
from vqe.physical.watch import Watch
from vqe.planner.certificate import Certificate
from vqe.planner.cost import ScanCost, StagePrediction
from vqe.planner.shortfall import Shortfall
from vqe.statistics.units import ErrorCounts

NO_CASCADE = "no cascade"
REFINEMENT = "refinement"


@dataclass(frozen=True)
class Alternative:
    """A plan that was considered: predicted seconds for what is still to do, and the verdict.

    `seconds` is None for a model that was not even trained.
    """

    name: str
    seconds: float | None
    reason: str


@dataclass(frozen=True)
class Measured:
    """Errors of the chosen plan on the selection set, over metric units and over frames."""

    units: ErrorCounts
    frames: ErrorCounts


@dataclass(frozen=True)
class Decision:
    """The cascade of a scan.

    `stages` before the reference network (none: it answers every frame); `cost` and from it
    `predictions` for each step of the scan, decoding first; `measured` is None where nothing was
    estimated; `labels` were spent to decide. With `fill` nothing is left to decode: the frames that
    were asked about answer for the others. `stricter`: the same stages with thresholds that leave
    more to the reference network, the strictest first. With `answers` nothing else
    is left to be said of the frames: they were proved, as the `certificate` tells, or the allowance
    ended before the bounds were met, by the `shortfall`. `watch`: what notices that the scene no
    longer looks as it did in the labelled frames; None where that cannot be told.
    """

    stages: tuple[ScoringStage, ...]
    reason: str
    cost: ScanCost | None = None
    predictions: tuple[StagePrediction, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    measured: Measured | None = None
    labels: int = 0
    fill: Fill | None = None
    stricter: tuple[tuple[ScoringStage, ...], ...] = ()
    certificate: Certificate | None = None
    shortfall: Shortfall | None = None
    answers: Answers | None = None
    watch: Watch | None = None

    @property
    def to_prove(self) -> bool:
        """Whether frames are answered by anything but the reference network."""
        return bool(self.stages) or self.fill is not None

    @property
    def complete(self) -> bool:
        """Whether every frame has its answer: nobody is asked any more."""
        return self.fill is not None or self.answers is not None

    @property
    def name(self) -> str:
        """The stages in order."""
        if self.fill is not None:
            return REFINEMENT
        return " → ".join(stage.name for stage in self.stages) or NO_CASCADE
