"""Rule: what does not depend on the row is computed once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa

from vqe.errors import ExecutionError
from vqe.plan.aggregates import AggregateCall
from vqe.plan.constants import DURATION, TIMESTAMP
from vqe.plan.expressions import Call, Constant, Expression
from vqe.plan.kernels import run_kernel
from vqe.plan.nodes import Aggregate, Filter, Node, Project, Sort, TopN


def fold_constants(node: Node) -> Node | None:  # noqa: PLR0911 - one per node
    """Calls whose arguments are all constants become constants."""
    match node:
        case Filter(condition, _):
            folded = _fold(condition)
            return None if folded is condition else replace(node, condition=folded)
        case Project(columns, _):
            values = [_fold(value) for _, value in columns]
            if all(new is old for new, (_, old) in zip(values, columns, strict=True)):
                return None
            names = (name for name, _ in columns)
            return replace(node, columns=tuple(zip(names, values, strict=True)))
        case Sort(keys, _) | TopN(_, keys, _):
            folded_keys = tuple(replace(key, expression=_fold(key.expression)) for key in keys)
            return None if folded_keys == keys else replace(node, keys=folded_keys)
        case Aggregate(keys=groups, aggregates=calls):
            folded_groups = tuple((name, _fold(key)) for name, key in groups)
            folded_calls = tuple((name, _fold_argument(call)) for name, call in calls)
            if (folded_groups, folded_calls) == (groups, calls):
                return None
            return replace(node, keys=folded_groups, aggregates=folded_calls)
    return None


def _fold_argument(call: AggregateCall) -> AggregateCall:
    return call if call.argument is None else replace(call, argument=_fold(call.argument))


def _fold(expression: Expression) -> Expression:
    """The expression itself, the same object, where there is nothing to fold."""
    if not isinstance(expression, Call):
        return expression
    args = tuple(_fold(arg) for arg in expression.args)
    unchanged = all(new is old for new, old in zip(args, expression.args, strict=True))
    call = expression if unchanged else replace(expression, args=args)
    values = [pa.scalar(a.value, a.type) for a in call.args if isinstance(a, Constant)]
    if len(values) < len(call.args):
        return call
    try:
        result = run_kernel(call, values)
    except ExecutionError:
        return call  # it fails when a row asks for it, or never
    return Constant(_python(result), call.type)


def _python(scalar: Any) -> Any:
    # Durations and moments stay the integers they are in a plan.
    return scalar.value if scalar.type in (DURATION, TIMESTAMP) else scalar.as_py()
