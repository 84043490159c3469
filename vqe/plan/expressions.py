"""Bound expressions: every name resolved, every type known; `str` gives them as SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, Final

import pyarrow as pa

from vqe.errors import BindError
from vqe.schema import DETECTIONS_TYPE
from vqe.sql import ast
from vqe.sql.literals import format_moment
from vqe.sql.unparse import unparse_expression

BOOLEAN: Final = pa.bool_()
INTEGER: Final = pa.int64()
BINARY: Final = pa.binary()

SYMBOLS: Final = {
    "add_checked": "+",
    "subtract_checked": "-",
    "multiply_checked": "*",
    "divide_checked": "/",
    "remainder": "%",
    "equal": "=",
    "not_equal": "<>",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "and_kleene": "AND",
    "or_kleene": "OR",
}
"""Functions of two arguments that SQL writes between them."""

CHAINS: Final = ("and_kleene", "or_kleene")
"""Those whose arguments may be grouped in any way."""

PREFIXES: Final = {"negate_checked": "-", "invert": "NOT"}


DEEPEST: Final = 150
"""Levels of calls: whoever walks an expression may recurse."""

MOST_CALLS: Final = 100_000
"""In one expression: BETWEEN, IN and CASE use an operand more than once, so that nesting
them multiplies it."""


class _Printed:
    """Prints itself as SQL."""

    def __str__(self) -> str:
        return unparse_expression(to_sql(self))  # type: ignore[arg-type]  # all are Expressions


@dataclass(frozen=True)
class Column(_Printed):
    """A column of the child's schema; `means` is what it was made of, and is printed in its
    place."""

    name: str
    type: pa.DataType
    means: ast.Expression | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Constant(_Printed):
    """A literal or a parameter; durations and timestamps (since 1970) are in microseconds, null
    is None."""

    value: Any
    type: pa.DataType


@dataclass(frozen=True)
class Call(_Printed):
    """An Arrow compute function, by its registered name, applied to its arguments.

    `vqe.plan.kernels.run_kernel` calls it: `cast` takes its target from `type`, some functions
    run with options of ours, and `remainder` and `time_bucket` are made of several of Arrow's.
    """

    function: str
    args: tuple[Expression, ...]
    type: pa.DataType
    depth: int = field(init=False, compare=False, repr=False)
    calls: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        inner = [arg for arg in self.args if isinstance(arg, Call)]
        depth = 1 + max((call.depth for call in inner), default=0)
        if depth > DEEPEST:
            raise BindError("the expression is nested too deeply")
        calls = 1 + sum(call.calls for call in inner)
        if calls > MOST_CALLS:
            raise BindError(f"the expression comes to more than {MOST_CALLS:,} operations")
        object.__setattr__(self, "depth", depth)
        object.__setattr__(self, "calls", calls)


@dataclass(frozen=True)
class Contains(_Printed):
    """Whether the reference network sees `label` in the frame with at least `min_score`.

    `region` is (x0, y0, x1, y1) in pixels and asks for the centre of the box; None is the whole
    frame.
    """

    label: str
    min_score: float
    region: tuple[float, float, float, float] | None = None
    type: pa.DataType = BOOLEAN


@dataclass(frozen=True)
class Objects(_Printed):
    """How many objects `contains` with the same arguments is about."""

    label: str
    min_score: float
    region: tuple[float, float, float, float] | None = None
    type: pa.DataType = INTEGER


@dataclass(frozen=True)
class Detected(_Printed):
    """The objects that the reference network sees in the frame, from the highest score to the
    lowest; of every label where `label` is None."""

    label: str | None
    min_score: float
    region: tuple[float, float, float, float] | None = None
    type: pa.DataType = DETECTIONS_TYPE


@dataclass(frozen=True)
class Picture(_Printed):
    """The frame as a JPEG file, `width` pixels wide; None is its own width."""

    width: int | None = None
    type: pa.DataType = BINARY


Sight = Contains | Objects | Detected | Picture
"""What is to be seen in a frame."""

SIGHT_NAMES: Final = {Contains: "contains", Objects: "objects", Detected: "detections"}

Expression = Column | Constant | Call | Sight


def operands(expression: Expression, function: str) -> Iterator[Expression]:
    """From left to right what calls of `function`, one inside the other, are applied to."""
    if isinstance(expression, Call) and expression.function == function:
        for arg in expression.args:
            yield from operands(arg, function)
    else:
        yield expression


def columns_of(expression: Expression) -> set[str]:
    """Names of the columns that the expression reads."""
    match expression:
        case Column(name):
            return {name}
        case Call(_, args):
            return set().union(*map(columns_of, args))
    return set()


def sights_of(expression: Expression) -> tuple[Sight, ...]:
    """What the expression asks the reference network, each once, from left to right."""
    match expression:
        case Contains() | Objects() | Detected() | Picture():
            return (expression,)
        case Call(_, args):
            return tuple(dict.fromkeys(sight for arg in args for sight in sights_of(arg)))
    return ()


def is_visual(expression: Expression) -> bool:
    """Whether the expression asks what is to be seen in the frame."""
    return bool(sights_of(expression))


def rewritten(
    expression: Expression, better: Callable[[Expression], Expression | None]
) -> Expression:
    """The expression with `better` in place of each part for which it is not None; the outermost
    first, and nothing inside what was replaced."""
    new = better(expression)
    if new is not None:
        return new
    if isinstance(expression, Call):
        args = tuple(rewritten(arg, better) for arg in expression.args)
        if args != expression.args:
            return replace(expression, args=args)
    return expression


def to_sql(expression: Expression) -> ast.Expression:
    """The expression as the statement would spell it."""
    match expression:
        case Column(name, _, means):
            return means or ast.Name(name)
        case Constant():
            return _constant_to_sql(expression)
        case Contains() | Objects() | Detected():
            return _sight_to_sql(expression)
        case Picture(width):
            given = () if width is None else (ast.Named("width", ast.Literal(width)),)
            return ast.Function("image", (), given)
        case Call("if_else"):
            return _case_to_sql(expression)
        case Call():
            return _call_to_sql(expression)


def _sight_to_sql(sight: Contains | Objects | Detected) -> ast.Function:
    named = [ast.Named("min_score", ast.Literal(sight.min_score))]
    if sight.region is not None:
        corners = tuple(
            _number_to_sql(int(corner) if corner == int(corner) else corner)
            for corner in sight.region
        )
        named.append(ast.Named("region", ast.Function("box", corners)))
    labels = () if sight.label is None else (ast.Literal(sight.label),)
    return ast.Function(SIGHT_NAMES[type(sight)], labels, tuple(named))


def _call_to_sql(call: Call) -> ast.Expression:
    function = call.function
    if function in CHAINS:
        parts = map(to_sql, operands(call, function))
        return reduce(lambda left, right: ast.Binary(SYMBOLS[function], left, right), parts)
    if function in SYMBOLS:
        return _operator_to_sql(call)
    args = tuple(to_sql(arg) for arg in call.args)
    if function == "invert" and isinstance(args[0], ast.IsNull):
        return ast.IsNull(args[0].operand, negated=True)
    if function in PREFIXES:
        return ast.Unary(PREFIXES[function], *args)
    if function == "is_null":
        return ast.IsNull(args[0])
    return ast.Function(str(call.type) if function == "cast" else function, args)


def _operator_to_sql(call: Call) -> ast.Binary:
    left, right = call.args
    whole_number = call.function == "divide_checked" and pa.types.is_integer(call.type)
    symbol = "//" if whole_number else SYMBOLS[call.function]
    return ast.Binary(symbol, to_sql(left), to_sql(right))


def _case_to_sql(call: Expression) -> ast.Case:
    """A chain of if_else as one CASE; a null condition counts as false, by `coalesce`."""
    whens = []
    while isinstance(call, Call) and call.function == "if_else":
        condition, value, call = call.args
        if isinstance(condition, Call) and condition.function == "coalesce":
            condition = condition.args[0]
        whens.append((to_sql(condition), to_sql(value)))
    return ast.Case(None, tuple(whens), to_sql(call))


def _constant_to_sql(constant: Constant) -> ast.Expression:
    value, type_ = constant.value, constant.type
    if value is None or isinstance(value, bool | str):
        return ast.Literal(value)
    if pa.types.is_timestamp(type_):
        return ast.Literal(format_moment(value))
    if pa.types.is_duration(type_):
        interval = ast.Interval(abs(value))
        return ast.Unary("-", interval) if value < 0 else interval
    return _number_to_sql(value)


def _number_to_sql(value: float) -> ast.Expression:
    return ast.Unary("-", ast.Literal(-value)) if value < 0 else ast.Literal(value)
