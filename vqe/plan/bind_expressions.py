"""Scalar expressions of the statement, bound to columns, constants and Arrow kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import pyarrow as pa

from vqe.errors import BindError, did_you_mean
from vqe.plan import operators
from vqe.plan.aggregates import AGGREGATES
from vqe.plan.constants import BOOLEAN, DURATION, INTEGER, NULL, STRING, TIMESTAMP
from vqe.plan.constants import constant as constant_of
from vqe.plan.expressions import Call, Column, Constant, Expression
from vqe.plan.scope import Scope, pointing_at
from vqe.sql import ast
from vqe.sql.literals import parse_interval

SIGHTS: Final = ("contains", "objects", "detections", "image")
"""Functions of what is to be seen in a frame."""

NO_AGGREGATES: Final = {
    "WHERE": "WHERE looks at single rows; a condition on groups goes into HAVING",
    "GROUP BY": "group by what is known of each row",
    "an aggregate": "put the inner one into a query in FROM",
}
"""Where no aggregate may stand, and what to do instead."""

MOST_DIGITS: Final = 18
"""That an int64 is sure to hold."""

FALSE: Final = Constant(False, BOOLEAN)


def bind_expression(node: ast.Expression | ast.Star, scope: Scope) -> Expression:  # noqa: PLR0911 - one per kind
    """The expression with names resolved and types checked."""
    with pointing_at(node):
        if scope.groups is not None and (found := scope.groups.resolve(node)) is not None:
            return found
        match node:
            case ast.Literal(value):
                return constant_of(value)
            case ast.Interval(us):
                return Constant(us, DURATION)
            case ast.Parameter():
                return scope.parameters.constant(node)
            case ast.Name(name):
                return _column(name, scope)
            case ast.Unary() | ast.Binary():
                return _operator(node, scope)
            case ast.Between() | ast.In() | ast.IsNull():
                return _predicate(node, scope)
            case ast.Case():
                return _case(node, scope)
            case ast.Function():
                return _function(node, scope)
            case ast.Star():
                raise BindError("* is not a value")


def bind_chain(node: ast.Binary, bind: Callable[[ast.Expression], Expression]) -> Expression:
    """`a AND b AND …` or `a OR b OR …`, each of them bound by `bind`."""
    conditions = []
    for operand in ast.operands(node, node.operator):
        bound = bind(operand)
        with pointing_at(operand):
            conditions.append(operators.condition(bound))
    return operators.connect(node.operator, conditions)


def bind_constant(node: ast.Expression, scope: Scope, what: str) -> Constant:
    """The expression, which must be a literal or a parameter."""
    bound = bind_expression(node, scope)
    if not isinstance(bound, Constant):
        raise BindError(f"{what} must be a constant, got {bound}", offset=node.offset)
    return bound


def bind_number(node: ast.Expression, scope: Scope, what: str) -> float:
    """The value of an expression that must be a constant number."""
    bound = bind_constant(node, scope, what)
    if bound.type not in operators.NUMBERS:
        raise BindError(
            f"{what} must be a number, got {operators.describe(bound)}", offset=node.offset
        )
    return float(bound.value)


def bind_duration(node: ast.Expression, scope: Scope, what: str, sign: str = "") -> int:
    """Microseconds of an expression that must be a constant duration, or the text of one; `sign` is
    what stands between it and `what`."""
    bound = bind_constant(node, scope, what)
    if bound.type == STRING:
        try:
            return parse_interval(bound.value)
        except ValueError as error:
            raise BindError(str(error), offset=node.offset) from error
    if bound.type != DURATION:
        n = bound.value if bound.type in operators.NUMBERS else 2
        raise BindError(
            f"{what} must be a duration, got {operators.describe(bound)}",
            hint=f"write {what}{sign} INTERVAL '{n:g} second{'' if n == 1 else 's'}'",
            offset=node.offset,
        )
    return int(bound.value)


def _column(name: str, scope: Scope) -> Expression:
    column = scope.column(name)
    if column is None:
        if name.casefold() in scope.aliases:
            return scope.aliases[name.casefold()]
        if not scope.columns.names:
            raise BindError(f"unknown column '{name}'", hint="there are none without FROM")
        known = ", ".join(scope.columns.names)
        hint = did_you_mean(name, scope.columns.names) or f"there are: {known}"
        raise BindError(f"unknown column '{name}'", hint=hint)
    if column in scope.later:
        raise BindError(
            f"column {column} is known only after the condition was answered",
            hint="select it, and write the condition into a query around this one",
        )
    return Column(column, scope.columns.field(column).type)


def _operator(node: ast.Unary | ast.Binary, scope: Scope) -> Expression:
    match node:
        case ast.Unary("NOT", operand):
            return _invert(bind_expression(operand, scope))
        case ast.Unary(sign, operand):
            return operators.signed(sign, bind_expression(operand, scope))
        case ast.Binary("AND" | "OR"):
            return bind_chain(node, lambda operand: bind_expression(operand, scope))
        case ast.Binary(operator, left_node, right_node):
            left, right = bind_expression(left_node, scope), bind_expression(right_node, scope)
    if operator in operators.COMPARISONS:
        return operators.compare(operator, left, right)
    return operators.arithmetic(operator, left, right)


def _predicate(node: ast.Between | ast.In | ast.IsNull, scope: Scope) -> Expression:
    operand = bind_expression(node.operand, scope)
    match node:
        case ast.Between(_, low, high):
            reached = operators.compare(">=", operand, bind_expression(low, scope))
            passed = operators.compare("<=", operand, bind_expression(high, scope))
            bound = operators.connect("AND", [reached, passed])
        case ast.In(_, options):
            values = [bind_expression(option, scope) for option in options]
            bound = operators.connect(
                "OR", [operators.compare("=", operand, value) for value in values]
            )
        case ast.IsNull():
            bound = Call("is_null", (operand,), BOOLEAN)
    return _invert(bound) if node.negated else bound


def _case(node: ast.Case, scope: Scope) -> Expression:
    operand = None if node.operand is None else bind_expression(node.operand, scope)
    conditions = [_when(operand, condition, scope) for condition, _ in node.whens]
    values = [bind_expression(value, scope) for _, value in node.whens]
    otherwise = bind_expression(node.otherwise or ast.Literal(None), scope)
    *values, result = operators.unify([*values, otherwise])
    for condition, value in zip(reversed(conditions), reversed(values), strict=True):
        # if_else yields null for a null condition, where CASE goes on to the next.
        decided = Call("coalesce", (condition, FALSE), BOOLEAN)
        result = Call("if_else", (decided, value, result), result.type)
    return result


def _when(operand: Expression | None, node: ast.Expression, scope: Scope) -> Expression:
    bound = bind_expression(node, scope)
    with pointing_at(node):
        if operand is None:
            return operators.condition(bound, "WHEN")
        return operators.compare("=", operand, bound)


def _function(node: ast.Function, scope: Scope) -> Expression:
    if node.name in AGGREGATES:
        where = f"in {scope.clause}" if scope.clause else "here"
        hint = NO_AGGREGATES.get(scope.clause, "")
        raise BindError(f"{node.name}() cannot stand {where}", hint=hint)
    if node.name in SIGHTS and not scope.pixels:
        raise BindError(
            f"{node.name}() looks at the frames of a video, and there are none here",
            hint="put it into the query that reads the video",
        )
    if node.name in SIGHTS:
        if scope.sight is None:
            raise BindError(f"{node.name}() needs the frames of a video")
        return scope.sight(node, scope)
    if node.name == "box":
        raise BindError("box() is the value of region", hint="region => box(x0, y0, x1, y1)")
    if node.name not in FUNCTIONS:
        known = (*FUNCTIONS, *AGGREGATES, *SIGHTS)
        hint = FUNCTIONS_ELSEWHERE.get(node.name) or did_you_mean(node.name, known)
        hint = hint or f"there are: {', '.join(known)}"
        raise BindError(f"unknown function '{node.name}'", hint=hint)
    if node.named:
        raise BindError(
            f"{node.name}() takes no argument '{node.named[0].name}'", offset=node.named[0].offset
        )
    if node.distinct:
        raise BindError(f"{node.name}() takes no DISTINCT", hint="count(DISTINCT x) does")
    return FUNCTIONS[node.name]([bind_expression(arg, scope) for arg in node.args])


def _coalesce(args: Sequence[Expression]) -> Expression:
    if not args:
        raise BindError("coalesce() takes at least one argument")
    args = operators.unify(args)
    if args[0].type == NULL:
        return Constant(None, NULL)
    return Call("coalesce", tuple(args), args[0].type)


def _round(args: Sequence[Expression]) -> Expression:
    if len(args) not in (1, 2):
        raise BindError(f"round() takes a number and digits, got {len(args)} arguments")
    value, digits = args[0], args[1] if len(args) == 2 else Constant(0, INTEGER)
    if value.type not in operators.NUMBERS:
        raise BindError(f"round() takes a number, got {operators.describe(value)}")
    if not isinstance(digits, Constant) or digits.type != INTEGER:
        raise BindError(f"round() takes digits as a whole number, got {operators.describe(digits)}")
    if not -MOST_DIGITS <= digits.value <= MOST_DIGITS:
        raise BindError(
            f"round() takes from -{MOST_DIGITS} to {MOST_DIGITS} digits, got {digits.value}"
        )
    return Call("round_binary", (value, Constant(digits.value, pa.int32())), value.type)


def _time_bucket(args: Sequence[Expression]) -> Expression:
    if len(args) != 2:
        raise BindError(
            f"time_bucket() takes a duration and a time, got {len(args)} arguments",
            hint="time_bucket(INTERVAL '1 minute', timestamp)",
        )
    width, moment = args
    if isinstance(width, Constant) and width.type == STRING:
        width = operators.read_string(width, DURATION)
    if not isinstance(width, Constant) or width.type != DURATION or width.value <= 0:
        raise BindError(
            f"time_bucket() takes a constant duration above zero, got {operators.describe(width)}",
            hint="time_bucket(INTERVAL '1 minute', timestamp)",
        )
    if moment.type not in (DURATION, TIMESTAMP):
        raise BindError(
            f"time_bucket() sorts times into buckets, got {operators.describe(moment)}",
            hint="time_bucket(INTERVAL '1 minute', timestamp)",
        )
    return Call("time_bucket", (width, moment), moment.type)


FUNCTIONS: Final[dict[str, Callable[[Sequence[Expression]], Expression]]] = {
    "coalesce": _coalesce,
    "round": _round,
    "time_bucket": _time_bucket,
}


FUNCTIONS_ELSEWHERE: Final = {
    **dict.fromkeys(
        (
            "date",
            "date_part",
            "date_trunc",
            "day",
            "extract",
            "hour",
            "minute",
            "month",
            "strftime",
        ),
        "time_bucket(INTERVAL '1 hour', time) is the hour that a moment lies in",
    ),
    **dict.fromkeys(
        ("array_length", "cardinality", "len", "length", "list_count", "unnest"),
        "objects('label') counts what is seen; DuckDB takes the lists of a result apart",
    ),
    **dict.fromkeys(("date_diff", "datediff", "epoch"), "two moments are subtracted by -"),
    **dict.fromkeys(("if", "iff", "ifnull", "nvl"), "CASE WHEN … THEN … ELSE … END, or coalesce()"),
}
"""Functions that other dialects have, and what to write instead."""


def _invert(operand: Expression) -> Expression:
    return Call("invert", (operators.condition(operand),), BOOLEAN)
