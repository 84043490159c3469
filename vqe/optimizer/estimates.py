"""What a condition costs on a row, and how many rows it leaves, where nothing else is known."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from vqe.plan.expressions import Call, Column, Constant, Expression

COSTS: Final = {
    "cast": 2.0,
    "divide_checked": 3.0,
    "remainder": 5.0,
    "round_binary": 5.0,
    "time_bucket": 10.0,
    "if_else": 2.0,
    "coalesce": 2.0,
}
"""What kernels take for a value, the comparison of two whole numbers being 1; others count as
that."""

TEXT_COST: Final = 8.0
"""Of a kernel that reads strings."""

SELECTIVITIES: Final = {
    "equal": 0.1,
    "not_equal": 0.9,
    "less": 0.4,
    "less_equal": 0.4,
    "greater": 0.4,
    "greater_equal": 0.4,
    "is_null": 0.1,
}
"""Shares of rows for which comparisons hold, by default."""


def cost_of(expression: Expression) -> float:
    """Of one row, in comparisons of two whole numbers."""
    if not isinstance(expression, Call):
        return 0.0
    own = COSTS.get(expression.function, 1.0)
    if any(_is_text(arg.type) for arg in expression.args):
        own = TEXT_COST
    return own + sum(map(cost_of, expression.args))


def selectivity_of(condition: Expression) -> float:  # noqa: PLR0911 - one per kind
    """The share of rows for which the condition is true, from 0 to 1."""
    match condition:
        case Constant(value):
            return 1.0 if value else 0.0
        case Column():
            return 0.5
        case Call("and_kleene", (left, right)):
            return selectivity_of(left) * selectivity_of(right)
        case Call("or_kleene", (left, right)):
            return 1 - (1 - selectivity_of(left)) * (1 - selectivity_of(right))
        case Call("invert", (operand,)):
            return 1 - selectivity_of(operand)
        case Call(function, _):
            return SELECTIVITIES.get(function, 0.5)
    return 0.5


def rank_of(condition: Expression) -> float:
    """Cost for each row that is ruled out: of independent conditions that all must hold, the least
    work is done where the one with the lowest rank comes first."""
    ruled_out = 1 - selectivity_of(condition)
    return cost_of(condition) / ruled_out if ruled_out > 0 else float("inf")


def _is_text(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_dictionary(type_))
