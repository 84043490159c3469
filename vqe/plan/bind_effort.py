"""BUDGET and DEADLINE: what a query may spend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vqe.errors import BindError
from vqe.plan.bind_expressions import bind_constant, bind_duration
from vqe.plan.constants import INTEGER
from vqe.plan.effort import UNLIMITED, Effort
from vqe.plan.operators import describe
from vqe.plan.scope import Scope, pointing_at
from vqe.sql import ast


def bind_effort(clauses: Sequence[ast.Clause], scope: Scope) -> Effort:
    """The limits that the clauses set; none where they name none."""
    effort = UNLIMITED
    exact = any(isinstance(clause, ast.Exact) for clause in clauses)
    for clause in clauses:
        if not isinstance(clause, ast.Budget | ast.Deadline):
            continue
        if exact:
            raise BindError(
                "EXACT asks about every frame, whatever it takes",
                hint="leave out EXACT, or the limit",
                offset=clause.offset,
            )
        with pointing_at(clause):
            if isinstance(clause, ast.Budget):
                effort = replace(effort, calls=_calls(clause, scope))
            else:
                us = bind_duration(clause.duration, scope, "DEADLINE")
                effort = replace(effort, deadline_us=us)
    return effort


def _calls(clause: ast.Budget, scope: Scope) -> int:
    count = bind_constant(clause.calls, scope, "BUDGET")
    if count.type != INTEGER:
        raise BindError(f"BUDGET must be a whole number of calls, got {describe(count)}")
    return int(count.value)
