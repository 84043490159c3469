"""From decisions to explained plans."""

from __future__ import annotations

from collections.abc import Iterable

from vqe.planner.cost import StagePrediction
from vqe.planner.decision import REFINEMENT, Alternative, Decision
from vqe.planner.explanation import ExplainedPlan, Predicted, Step, Taken
from vqe.runtime.metrics import StageMetrics

SELECTION = "on the selection set, which no model has seen"
COARSER = "of a grid twice as coarse, for visits like those found"


def plans_of(
    decision: Decision, measured: Iterable[StageMetrics] = ()
) -> tuple[ExplainedPlan, ...]:
    """The plan that was decided on, with what its steps have taken, and the rejected ones."""
    refined = decision.name == REFINEMENT
    rates = decision.measured.rates if decision.measured else ()
    chosen = ExplainedPlan(
        name=decision.name,
        verdict="chosen",
        reason=decision.reason,
        steps=_steps(
            decision.predictions, measured, {stage.name: stage.rule for stage in decision.cascade}
        ),
        seconds=seconds_of(decision.predictions),
        cpu_seconds=cpu_seconds_of(decision.predictions),
        errors=decision.rates if refined else rates,
        errors_of=COARSER if refined else SELECTION if rates else "",
        certificate=decision.certificate,
        shortfall=decision.shortfall,
    )
    return (chosen, *map(_rejected, decision.alternatives))


def _rejected(other: Alternative) -> ExplainedPlan:
    rates = other.measured.rates if other.measured else ()
    return ExplainedPlan(
        name=other.name,
        verdict="rejected",
        reason=other.reason,
        steps=_steps(other.predictions),
        seconds=other.seconds,
        cpu_seconds=cpu_seconds_of(other.predictions),
        errors=rates,
        errors_of=SELECTION if rates else "",
    )


def _steps(
    predictions: tuple[StagePrediction, ...],
    measured: Iterable[StageMetrics] = (),
    rules: dict[str, str] | None = None,
) -> tuple[Step, ...]:
    """Of both, the measured ones in their order and then those that did not come to pass."""
    predicted = {
        step.name: Predicted(step.frames_in, step.seconds, step.cpu_seconds) for step in predictions
    }
    taken = {step.name: Taken(step.frames_in, step.decided, step.seconds) for step in measured}
    return tuple(
        Step(name, predicted.get(name), taken.get(name), (rules or {}).get(name, ""))
        for name in dict.fromkeys([*taken, *predicted])
    )


def seconds_of(predictions: tuple[StagePrediction, ...]) -> float | None:
    """All steps added up; None where nothing was predicted."""
    return sum(step.seconds for step in predictions) if predictions else None


def cpu_seconds_of(predictions: tuple[StagePrediction, ...]) -> float | None:
    """The same in CPU seconds."""
    return sum(step.cpu_seconds for step in predictions) if predictions else None


def added_up(plans: Iterable[ExplainedPlan]) -> list[Step]:
    """The steps of the plans of several videos, those of one name added up; what answers last is
    last."""
    total: dict[str, Step] = {}
    last: dict[str, None] = {}
    for plan in plans:
        for step in plan.steps:
            so_far = total.get(step.name, Step(step.name))
            predicted = _add_predicted(so_far.predicted, step.predicted)
            measured = _add_taken(so_far.measured, step.measured)
            total[step.name] = Step(step.name, predicted, measured)
        last |= dict.fromkeys(step.name for step in plan.steps[-1:])
    return sorted(total.values(), key=lambda step: (step.name == "fill", step.name in last))


def _add_predicted(one: Predicted | None, other: Predicted | None) -> Predicted | None:
    """Seconds that are not known of one of them are not known of both."""
    if one is None or other is None:
        return one or other
    return Predicted(
        one.frames + other.frames,
        _add(one.seconds, other.seconds),
        _add(one.cpu_seconds, other.cpu_seconds),
    )


def _add(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _add_taken(one: Taken | None, other: Taken | None) -> Taken | None:
    if one is None or other is None:
        return one or other
    return Taken(
        one.frames + other.frames, one.decided + other.decided, one.seconds + other.seconds
    )
