"""EXACT, bounds and PER: what the user allows a cascade to get wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from vqe.errors import BindError
from vqe.plan.accuracy import DEFAULT_ACCURACY, EXACT, Accuracy
from vqe.plan.bind_expressions import bind_number
from vqe.plan.scope import Scope, pointing_at
from vqe.sql import ast


def bind_accuracy(clauses: Sequence[ast.Clause], scope: Scope) -> Accuracy:
    """The accuracy that the clauses ask for; the default bounds where they name none."""
    seen: dict[str, ast.Clause] = {}
    for clause in clauses:
        name = clause_name(clause)
        if name in seen:
            raise BindError(f"{name} is given twice", offset=clause.offset)
        seen[name] = clause
    per, confidence = seen.get("PER"), seen.get("CONFIDENCE")
    # ERROR WITHIN is about aggregates: see `vqe.plan.bind_error`.
    bounds = [c for c in seen.values() if isinstance(c, ast.Bound) and c.measure != "ERROR"]
    if "EXACT" in seen:
        for contradiction in (*bounds, *filter(None, [per, confidence])):
            raise BindError(
                "EXACT allows no error, so that it has no bounds",
                hint="leave out EXACT or the bounds",
                offset=contradiction.offset,
            )
        return EXACT
    accuracy = EXACT if bounds else DEFAULT_ACCURACY
    if isinstance(per, ast.Per):
        with pointing_at(per):
            unit_us = per.interval.us if per.interval else None
            accuracy = replace(accuracy, unit_us=unit_us)
    for bound in bounds:
        share: Any = bind_number(bound.value, scope, bound.measure)
        with pointing_at(bound.value):
            accuracy = replace(accuracy, **{bound.measure.lower(): share})
    if isinstance(confidence, ast.Confidence):
        level = bind_number(confidence.value, scope, "CONFIDENCE")
        with pointing_at(confidence.value):
            accuracy = replace(accuracy, confidence=level)
    return accuracy


def clause_name(clause: ast.Clause) -> str:
    """What an error calls the clause."""
    match clause:
        case ast.Bound(measure):
            return f"{measure} WITHIN"
        case ast.UsingModel():
            return "USING MODEL"
    return type(clause).__name__.upper()
