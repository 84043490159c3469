"""What the planner decided for a scan, and why."""

from __future__ import annotations

from dataclasses import dataclass

from vqe.physical.answers import Answers
from vqe.physical.earlier import EarlierFrameStage
from vqe.physical.fill_scan import Fill
from vqe.physical.stages import ScoringStage
from vqe.physical.watch import Watch
from vqe.planner.certificate import Certificate
from vqe.planner.cost import ScanCost, StagePrediction
from vqe.planner.shortfall import Shortfall
from vqe.runtime.metrics import StageMetrics
from vqe.statistics.rates import ErrorRate
from vqe.statistics.units import ErrorCounts

NO_CASCADE = "no cascade"
REFINEMENT = "refinement"


@dataclass(frozen=True)
class Measured:
    """Errors of a plan on the selection set, over metric units and over frames.

    `blocks`: stretches of video that the sample comes from; frames of one are near copies. 0 where
    that is not known: each unit then counts as a draw of its own.
    """

    units: ErrorCounts
    frames: ErrorCounts
    blocks: int = 0

    @property
    def rates(self) -> tuple[ErrorRate, ...]:
        """Over metric units, those that something could go wrong in."""
        counts = self.units
        worth = min(self.blocks / counts.units, 1.0) if self.blocks and counts.units else 1.0
        returned = counts.true_positives + counts.false_positives
        negatives = counts.false_positives + counts.true_negatives
        of = (
            ("FNR", counts.fnr, counts.positives),
            ("FPR", counts.fpr, negatives),
            ("FDR", counts.fdr, returned),
        )
        return tuple(
            ErrorRate(measure, rate, units, units * worth)
            for measure, rate, units in of
            if rate is not None
        )


@dataclass(frozen=True)
class Alternative:
    """A plan that was considered: predicted seconds for what is still to do, and the verdict.

    `seconds` is None for a plan that was not priced, such as a model that was not even trained;
    `predictions` for each step, decoding first, and `measured` errors, where they are known.
    """

    name: str
    seconds: float | None
    reason: str
    predictions: tuple[StagePrediction, ...] = ()
    measured: Measured | None = None


@dataclass(frozen=True)
class Decision:
    """The cascade of a scan.

    `stages` before the reference network, and between them and it a `link`, where there is one
    (neither: it answers every frame); `cost` and from it
    `predictions` for each step of the scan, decoding first; `measured` is None where nothing was
    estimated; `labels` were spent to decide. With `fill` nothing is left to decode: the frames that
    were asked about answer for the others, `rates` says what a grid twice as coarse would have
    got wrong, and `spent` what these steps have taken. `one_off_cpu_seconds` had been spent
    when the predictions were made. `stricter`: the same stages with thresholds that leave more to
    the reference network, the strictest first. With `answers` nothing else is left to be said of
    the frames: they were proved, as the `certificate` tells, or the allowance ended before the
    bounds were met, by the `shortfall`. `watch`: what notices that the scene no longer looks as it
    did in the labelled frames; None where that cannot be told. `until`: the frame from which on the
    plan was given up, and the rest has another; None where it holds for all.
    """

    stages: tuple[ScoringStage, ...]
    reason: str
    cost: ScanCost | None = None
    predictions: tuple[StagePrediction, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    measured: Measured | None = None
    labels: int = 0
    fill: Fill | None = None
    rates: tuple[ErrorRate, ...] = ()
    spent: tuple[StageMetrics, ...] = ()
    one_off_cpu_seconds: float = 0.0
    stricter: tuple[tuple[ScoringStage, ...], ...] = ()
    certificate: Certificate | None = None
    shortfall: Shortfall | None = None
    answers: Answers | None = None
    watch: Watch | None = None
    until: int | None = None
    link: EarlierFrameStage | None = None

    @property
    def cascade(self) -> tuple[ScoringStage | EarlierFrameStage, ...]:
        """All stages before the reference network, in order."""
        return self.stages if self.link is None else (*self.stages, self.link)

    @property
    def to_prove(self) -> bool:
        """Whether frames are answered by anything but the reference network."""
        return bool(self.cascade) or self.fill is not None

    @property
    def complete(self) -> bool:
        """Whether every frame has its answer: nobody is asked any more."""
        return self.fill is not None or self.answers is not None

    @property
    def name(self) -> str:
        """The stages in order."""
        if self.fill is not None:
            return REFINEMENT
        return " → ".join(stage.name for stage in self.cascade) or NO_CASCADE
