"""What a finished query did, as data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from vqe.executor.query import Query
from vqe.planner.cost import StagePrediction
from vqe.planner.decision import Alternative, Measured
from vqe.runtime.metrics import StageMetrics


@dataclass(frozen=True)
class Profile:
    """Seconds are wall-clock; a prediction covers what was still to do when the plan was chosen."""

    plan: str
    reason: str
    rows: int
    wall_seconds: float
    phases: dict[str, float]
    """Seconds of the one-off work: index, labelling, training, search."""
    stages: tuple[StageMetrics, ...]
    predictions: tuple[StagePrediction, ...]
    alternatives: tuple[Alternative, ...]
    measured: Measured | None
    """Errors of the plan on the selection set; None where nothing was estimated."""
    reference_calls: int
    """Frames that the reference network was asked about, to plan and to answer."""
    labels_to_plan: int
    labels_from_store: int

    @property
    def one_off_seconds(self) -> float:
        """All phases before the scan."""
        return sum(self.phases.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)


def profile(query: Query) -> Profile:
    """The profile of a query as far as it has run."""
    metrics = query.context.metrics
    decision = query.physical.decision if query.physical else None
    return Profile(
        plan=_plan_name(query),
        reason=decision.reason if decision else "",
        rows=metrics.rows,
        wall_seconds=metrics.wall_seconds,
        phases=dict(metrics.phases),
        stages=tuple(metrics.stages),
        predictions=decision.predictions if decision else (),
        alternatives=decision.alternatives if decision else (),
        measured=decision.measured if decision else None,
        reference_calls=metrics.labels_from_reference,
        labels_to_plan=decision.labels if decision else 0,
        labels_from_store=metrics.labels_from_store,
    )


def _plan_name(query: Query) -> str:
    if query.physical is None:
        return "not planned yet"
    decision = query.physical.decision
    return decision.name if decision else "packet index"
