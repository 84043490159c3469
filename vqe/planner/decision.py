"""What the planner decided for a scan, and why."""

from __future__ import annotations

from dataclasses import dataclass

from vqe.physical.fill_scan import Fill
from vqe.physical.stages import Stage
from vqe.physical.watch import Watch
from vqe.planner.cost import ScanCost, StagePrediction
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
    were asked about answer for the others. `watch`: what notices that the scene no longer looks as
    it did in the labelled frames; None where that cannot be told.
    """

    stages: tuple[Stage, ...]
    reason: str
    cost: ScanCost | None = None
    predictions: tuple[StagePrediction, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    measured: Measured | None = None
    labels: int = 0
    fill: Fill | None = None
    watch: Watch | None = None

    @property
    def name(self) -> str:
        """The stages in order."""
        if self.fill is not None:
            return REFINEMENT
        return " → ".join(stage.name for stage in self.stages) or NO_CASCADE
