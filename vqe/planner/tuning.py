"""Thresholds for the stages of a plan, found on the selection set of a search."""

from __future__ import annotations

from dataclasses import dataclass

from vqe.physical.stages import ScoringStage
from vqe.plan.accuracy import Accuracy
from vqe.planner.candidate_plan import Plan
from vqe.planner.candidates import DetectorCandidate, ModelCandidate
from vqe.planner.cost import Costs
from vqe.planner.evidence import Evidence
from vqe.planner.selection import Selection
from vqe.planner.thresholds import Thresholds, choose

STRICTER = (0.1, 0.4)
"""Parts of the bounds that stricter plans are tuned for: a proof begins with the strictest, which
errors hardly ever stop."""


@dataclass(frozen=True)
class Tuning:
    """On `selection`, for bounds that were `promised`, by measured `costs`."""

    selection: Selection
    promised: Accuracy
    costs: Costs

    def thresholds(
        self, detector: DetectorCandidate | None, model: ModelCandidate | None, part: float = 1.0
    ) -> Thresholds | None:
        """Those that keep a part of the bounds. None where the two save nothing, or one of them
        hands on every frame: it only costs, and the plan without it is considered anyway."""
        thresholds = choose(
            self.selection,
            detector.distance if detector else None,
            model.score if model else None,
            self.promised.scaled(part),
            (
                self.costs.specialized[model.model.name] if model else 0.0,
                self.costs.reference.seconds_per_frame,
            ),
            promised=self.promised,
        )
        if thresholds is None:
            return None
        idle = (detector and thresholds.detector_passes == 1) or (
            model and thresholds.model_passes == 1
        )
        return None if idle else thresholds

    def stricter(self, plan: Plan, evidence: Evidence) -> tuple[tuple[ScoringStage, ...], ...]:
        """The plan without its link, and with thresholds for parts of the bounds, the smallest part
        first."""
        if plan.thresholds is None:
            return ()
        found = {}
        for part in STRICTER:
            thresholds = self.thresholds(plan.detector, plan.model, part)
            if thresholds is not None:
                stages = plan.stages(evidence, thresholds)
                found[thresholds.difference, thresholds.low, thresholds.high] = stages
        chosen = plan.thresholds
        if plan.link is None:
            found.pop((chosen.difference, chosen.low, chosen.high), None)
        return tuple(found.values())
