"""The choice among the plans that a search has found: the safest of the cheapest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vqe.plan.accuracy import Accuracy
from vqe.planner.candidate_plan import Plan
from vqe.planner.decision import NO_CASCADE, Alternative, Decision, Measured
from vqe.planner.evidence import Evidence
from vqe.planner.prices import Prices
from vqe.planner.scene import watch_of
from vqe.planner.selection import Selection
from vqe.planner.thresholds import allowance


def chosen(plans: Sequence[Plan], prices: Prices) -> Plan | None:
    """One of the plans, or None for the reference network alone."""
    ranked = _ranked(plans, prices)
    enough = allowance(prices.seconds(ranked[0]), prices.seconds(None))
    return min(
        (plan for plan in ranked if prices.seconds(plan) <= enough),
        key=lambda plan: plan.risk if plan else 0.0,
    )


def _ranked(plans: Sequence[Plan], prices: Prices) -> list[Plan | None]:
    """From the cheapest to the dearest; None is the reference network alone."""
    return sorted([None, *plans], key=prices.seconds)


def decision_on(
    best: Plan | None,
    plans: Sequence[Plan],
    prices: Prices,
    evidence: Evidence,
    selection: Selection,
) -> Decision:
    """The chosen plan with its predictions, and why it is none of the others; without a reason
    where it is None."""
    alternatives = [
        Alternative(
            plan.name if plan else NO_CASCADE,
            prices.seconds(plan),
            "dearer" if prices.seconds(plan) > prices.seconds(best) else "as good, less safe",
            prices.predictions(plan),
            _measured(plan, selection),
        )
        for plan in _ranked(plans, prices)
        if plan is not best
    ]
    return Decision(
        stages=best.stages(evidence, best.thresholds) if best else (),
        link=best.link.stage if best and best.link else None,
        reason="cheapest plan that keeps the bounds" if best else "",
        cost=prices.cost(best),
        predictions=prices.predictions(best),
        alternatives=tuple(alternatives),
        measured=_measured(best, selection),
        watch=watch_of(evidence) if best else None,
    )


def why_none(selection: Selection, accuracy: Accuracy) -> str:
    """Why no plan is better than the reference network alone."""
    present = selection.present
    if present.all() or not present.any():
        what = "all" if present.all() else "none"
        return f"{what} of the {len(present)} selection frames are positive"
    if accuracy.fnr is not None and not selection.enough_positives(accuracy.fnr):
        visits = len(selection.hits)
        return f"{visits} visits were met: too few to know by what others look like"
    return "no cheaper plan keeps the bounds"


def _measured(plan: Plan | None, selection: Selection) -> Measured | None:
    if plan is None:
        return None
    return Measured(*plan.errors, len(np.unique(selection.block)))
