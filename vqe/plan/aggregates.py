"""Aggregates: one value from the rows of a group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from vqe.errors import BindError
from vqe.plan.constants import DURATION, FLOAT, INTEGER, NULL, TIMESTAMP
from vqe.plan.expressions import Expression, to_sql
from vqe.plan.operators import NUMBERS, cast, comparable, describe, plain
from vqe.sql import ast
from vqe.sql.unparse import unparse_expression

AGGREGATES: Final = ("count", "sum", "avg", "min", "max")


@dataclass(frozen=True)
class AggregateCall:
    """`function(argument)` over a group; without an argument it counts rows.

    Nulls do not count. The sum, average, smallest and largest of no value are null.
    """

    function: str
    argument: Expression | None
    type: pa.DataType
    distinct: bool = False

    def __str__(self) -> str:
        argument = ast.Star() if self.argument is None else to_sql(self.argument)
        return unparse_expression(ast.Function(self.function, (argument,), distinct=self.distinct))


def aggregate_of(function: str, argument: Expression | None, *, distinct: bool) -> AggregateCall:
    """The aggregate with its type. Raises BindError where the argument has the wrong one."""
    if argument is None:
        return AggregateCall(function, None, INTEGER)
    if distinct or function in ("min", "max"):
        argument = comparable(argument, f"{function}()")
    argument = plain(argument)
    if argument.type == NULL:
        argument = cast(argument, INTEGER)
    if function == "count":
        return AggregateCall(function, argument, INTEGER, distinct)
    if distinct:
        raise BindError(f"{function}() takes no DISTINCT", hint="count(DISTINCT x) does")
    if function in ("min", "max"):
        return AggregateCall(function, argument, argument.type)
    if argument.type in NUMBERS:
        whole = function == "sum" and argument.type == INTEGER
        return AggregateCall(function, argument, INTEGER if whole else FLOAT)
    if argument.type == DURATION or (argument.type == TIMESTAMP and function == "avg"):
        return AggregateCall(function, argument, argument.type)
    kinds = "numbers or durations" if function == "sum" else "numbers, durations or timestamps"
    hint = "count(CASE WHEN … THEN 1 END) counts where a condition holds"
    raise BindError(
        f"{function}() takes {kinds}, got {describe(argument)}",
        hint=hint if pa.types.is_boolean(argument.type) else "",
    )
