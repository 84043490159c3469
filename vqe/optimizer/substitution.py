"""Expressions about the columns of a node, as ones about the rows that these are computed from."""

from __future__ import annotations

from collections.abc import Mapping

from vqe.errors import BindError
from vqe.plan.expressions import Column, Expression, rewritten


def substituted(expression: Expression, values: Mapping[str, Expression]) -> Expression | None:
    """The expression with the value of each column in its place; None where it would become deeper
    than a plan may be."""

    def value(part: Expression) -> Expression | None:
        return values[part.name] if isinstance(part, Column) else None

    try:
        return rewritten(expression, value)
    except BindError:
        return None
