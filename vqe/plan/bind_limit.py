"""`LIMIT n`, and `LIMIT n GAP d`."""

from __future__ import annotations

from vqe.errors import BindError
from vqe.plan.bind_expressions import bind_constant, bind_duration
from vqe.plan.constants import INTEGER
from vqe.plan.gap import Gap
from vqe.plan.grouping import holds_aggregate
from vqe.plan.nodes import Node, SpacedLimit
from vqe.plan.operators import describe
from vqe.plan.scope import Scope
from vqe.sql import ast


def bind_count(limit: ast.Limit, scope: Scope) -> int:
    """The rows that LIMIT lets through."""
    return _whole_number(limit.count, scope, "LIMIT")


def bind_spaced_limit(query: ast.Query, frames: Node, scope: Scope) -> Node:
    """So many of the frames, far apart."""
    assert query.limit is not None
    gap = query.limit.gap
    assert gap is not None
    if not scope.pixels:
        raise BindError(
            "GAP is about the frames of a video",
            hint="write LIMIT … GAP in the query that reads the video",
            offset=gap.offset,
        )
    listed = query.selection if isinstance(query.selection, tuple) else ()
    others: dict[str, ast.Located | None] = {
        "SELECT EVENTS": query.selection if isinstance(query.selection, ast.Events) else None,
        "GROUP BY": query.group_by,
        "HAVING": query.having,
        "ORDER BY": query.order_by,
        "an aggregate": listed[0] if holds_aggregate(listed) else None,
    }
    for name, node in others.items():
        if node is not None:
            raise BindError(
                f"LIMIT … GAP finds frames, and does not go with {name}",
                hint="its rows come in frame order; put it into a query in FROM",
                offset=gap.offset,
            )
    count = bind_count(query.limit, scope)
    if gap.unit == "frames":
        return SpacedLimit(count, Gap(frames=_whole_number(gap.value, scope, "GAP")), frames)
    us = bind_duration(gap.value, scope, "GAP")
    if us < 0:
        raise BindError("GAP cannot be negative", offset=gap.value.offset)
    return SpacedLimit(count, Gap(us=us), frames)


def _whole_number(node: ast.Expression, scope: Scope, what: str) -> int:
    value = bind_constant(node, scope, what)
    if value.type != INTEGER or value.value < 0:
        raise BindError(
            f"{what} must be a whole number from 0, got {describe(value)}", offset=node.offset
        )
    return int(value.value)
