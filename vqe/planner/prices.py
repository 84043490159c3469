"""What the plans of a search take: seconds of the frames that are left, by the costs measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vqe.planner.candidate_plan import Plan
from vqe.planner.cost import Costs, ScanCost, StageCost, StagePrediction
from vqe.video.decode_plan import DecodeWork


@dataclass(frozen=True)
class Prices:
    """For `frames` still to be answered, and the `work` of the decoder that this takes;
    `reference`: what plans call the reference network."""

    costs: Costs
    frames: int
    work: DecodeWork
    reference: str

    def seconds(self, plan: Plan | None) -> float:
        """Of a plan with the reference network behind it; None is that alone."""
        return self.total(self.cost(plan).stages)

    def cost(self, plan: Plan | None) -> ScanCost:
        """Of the steps of a plan."""
        stages = [] if plan is None else plan.costs(self.costs)
        return ScanCost(self.costs.decode, (*stages, self._reference))

    def predictions(self, plan: Plan | None) -> tuple[StagePrediction, ...]:
        """Of the steps of a plan, decoding first."""
        return self.cost(plan).predict(self.frames, self.work)

    def at_best(self, decided: float, seconds_per_frame: float = 0.0) -> float:
        """Seconds of a cascade whose one stage answers such a share of the frames."""
        return self.total([StageCost("", seconds_per_frame, 1 - decided), self._reference])

    def total(self, stages: Sequence[StageCost]) -> float:
        """Seconds of decoding and such stages."""
        cost = ScanCost(self.costs.decode, tuple(stages))
        return sum(step.seconds for step in cost.predict(self.frames, self.work))

    @property
    def _reference(self) -> StageCost:
        cost = self.costs.reference
        return StageCost(self.reference, cost.seconds_per_frame, 0, cost.cores)
