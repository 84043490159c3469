"""One cascade that the search considers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.physical.stages import DifferenceStage, ScoringStage, SpecializedStage
from vqe.planner.candidates import DetectorCandidate, ModelCandidate
from vqe.planner.cost import Costs, StageCost
from vqe.planner.evidence import Evidence
from vqe.planner.linking import Link
from vqe.planner.thresholds import Thresholds, judged
from vqe.statistics.units import ErrorCounts


@dataclass(frozen=True)
class Plan:
    """A cascade with its thresholds; each of `detector`, `model` and `link` may be None.

    `thresholds` are those of the detector and the model, None where there is neither.
    """

    detector: DetectorCandidate | None
    model: ModelCandidate | None
    thresholds: Thresholds | None
    link: Link | None = None

    @property
    def name(self) -> str:
        """The stages in order."""
        parts = [
            self.detector and self.detector.detector.name,
            self.model and self.model.model.name,
            self.link and self.link.stage.name,
        ]
        return " → ".join(part for part in parts if part)

    @property
    def risk(self) -> float:
        """Expected to go wrong per positive, by the models of the margins."""
        parts = self.thresholds, self.link
        return sum(part.risk for part in parts if part is not None)

    @property
    def errors(self) -> tuple[ErrorCounts, ErrorCounts]:
        """On the selection set, over metric units and over frames."""
        counted = self.link or self.thresholds
        assert counted is not None
        return counted.errors, counted.frame_errors

    def answers(self, present: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """What it says of n selection frames without its link, and which of them it leaves open,
        both bool (n,); `present` is their truth."""
        if self.thresholds is None:
            return present, np.ones(len(present), np.bool_)
        nothing, levels = np.zeros(len(present)), self.thresholds
        return judged(
            present,
            nothing if self.detector is None else self.detector.distance,
            nothing if self.model is None else self.model.score,
            (levels.difference, levels.low, levels.high),
        )

    def costs(self, costs: Costs) -> list[StageCost]:
        """Of its stages, in order."""
        stages = []
        if self.detector is not None and self.thresholds is not None:
            name, passes = self.detector.detector.name, self.thresholds.detector_passes
            stages.append(StageCost(name, costs.difference, passes))
        if self.model is not None and self.thresholds is not None:
            name, passes = self.model.model.name, self.thresholds.model_passes
            stages.append(StageCost(name, costs.specialized[name], passes))
        if self.link is not None:
            stages.append(StageCost(self.link.stage.name, costs.earlier, self.link.passes))
        return stages

    def stages(self, evidence: Evidence, thresholds: Thresholds | None) -> tuple[ScoringStage, ...]:
        """Those before the link, with these thresholds."""
        stages: list[ScoringStage] = []
        if thresholds is None:
            return ()
        if self.detector is not None and evidence.reference is not None:
            detector, delta = self.detector.detector, thresholds.difference
            stages.append(DifferenceStage(detector, evidence.reference, delta))
        if self.model is not None:
            low, high = thresholds.low, thresholds.high
            stages.append(SpecializedStage(self.model.model, low, high))
        return tuple(stages)
