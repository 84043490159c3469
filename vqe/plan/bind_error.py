"""`ERROR WITHIN e`: averages and sums of what is seen, estimated from a sample of the frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from vqe.errors import BindError
from vqe.plan.bind_expressions import bind_number
from vqe.plan.expressions import columns_of
from vqe.plan.nodes import Aggregate, Annotate, Node
from vqe.plan.scope import Scope
from vqe.sql import ast

HINT = "SELECT avg(objects('car')) FROM 'video.mp4' ERROR WITHIN 0.1"


def with_error(plan: Node, clauses: Sequence[ast.Clause], scope: Scope) -> Node:
    """The groups of a query, with the error that their averages and sums may have."""
    clause = _clause(clauses)
    if clause is None:
        return plan
    error = bind_number(clause.value, scope, "ERROR WITHIN")
    if not error > 0:
        raise BindError(
            f"ERROR WITHIN {error:g} is no error that an estimate can keep",
            hint="leave it out for the exact value",
            offset=clause.value.offset,
        )
    exact = next((other for other in clauses if isinstance(other, ast.Exact)), None)
    if exact is not None:
        raise BindError("EXACT leaves nothing to estimate", offset=clause.offset)
    match plan:
        case Aggregate(keys, aggregates, Annotate(columns=sights)):
            seen = {name for name, _ in sights}
    if not isinstance(plan, Aggregate) or not isinstance(plan.child, Annotate):
        raise BindError(
            "ERROR WITHIN is about averages and sums of what is seen in the frames",
            hint=HINT,
            offset=clause.offset,
        )
    for name, key in keys:
        if columns_of(key) & seen:
            raise BindError(
                f"ERROR WITHIN needs groups that are known without the network, not {name}",
                hint="group by columns of the video",
                offset=clause.offset,
            )
    for _, call in aggregates:
        of_seen = call.argument is not None and columns_of(call.argument) & seen
        if of_seen and call.function not in ("avg", "sum"):
            raise BindError(
                f"{call.function}() of what is seen cannot be estimated from a sample",
                hint="ERROR WITHIN is for avg() and sum()",
                offset=clause.offset,
            )
        if of_seen and pa.types.is_temporal(call.type):
            raise BindError(
                f"{call.function}() of durations and moments is not estimated",
                hint="ERROR WITHIN is for numbers",
                offset=clause.offset,
            )
    return replace(plan, error=error)


def refuse_error(clauses: Sequence[ast.Clause]) -> None:
    """Raises BindError for ERROR WITHIN in a query whose rows are not grouped."""
    clause = _clause(clauses)
    if clause is not None:
        raise BindError(
            "ERROR WITHIN is about averages and sums of what is seen in the frames",
            hint=HINT,
            offset=clause.offset,
        )


def _clause(clauses: Sequence[ast.Clause]) -> ast.Bound | None:
    found = (c for c in clauses if isinstance(c, ast.Bound) and c.measure == "ERROR")
    return next(found, None)
