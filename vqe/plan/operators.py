"""Which Arrow kernel an operator runs for which types, and what it yields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from vqe.errors import BindError
from vqe.plan.constants import (
    BOOLEAN,
    DURATION,
    FLOAT,
    INTEGER,
    NULL,
    PARSERS,
    STRING,
    TIMESTAMP,
)
from vqe.plan.expressions import Call, Column, Constant, Expression
from vqe.sql.unparse import unparse_literal

ARITHMETIC: Final = {
    ("+", INTEGER, INTEGER): ("add_checked", INTEGER),
    ("+", FLOAT, FLOAT): ("add_checked", FLOAT),
    ("+", DURATION, DURATION): ("add_checked", DURATION),
    ("+", TIMESTAMP, DURATION): ("add_checked", TIMESTAMP),
    ("+", DURATION, TIMESTAMP): ("add_checked", TIMESTAMP),
    ("-", INTEGER, INTEGER): ("subtract_checked", INTEGER),
    ("-", FLOAT, FLOAT): ("subtract_checked", FLOAT),
    ("-", DURATION, DURATION): ("subtract_checked", DURATION),
    ("-", TIMESTAMP, DURATION): ("subtract_checked", TIMESTAMP),
    ("-", TIMESTAMP, TIMESTAMP): ("subtract_checked", DURATION),
    ("*", INTEGER, INTEGER): ("multiply_checked", INTEGER),
    ("*", FLOAT, FLOAT): ("multiply_checked", FLOAT),
    ("*", DURATION, INTEGER): ("multiply_checked", DURATION),
    ("*", INTEGER, DURATION): ("multiply_checked", DURATION),
    ("/", FLOAT, FLOAT): ("divide_checked", FLOAT),
    ("/", DURATION, INTEGER): ("divide_checked", DURATION),
    ("/", DURATION, DURATION): ("divide_checked", FLOAT),
    ("//", INTEGER, INTEGER): ("divide_checked", INTEGER),
    ("%", INTEGER, INTEGER): ("remainder", INTEGER),
}
"""(operator, left, right) to (kernel, result), once numbers are int64 or double."""

COMPARISONS: Final = {
    "=": "equal",
    "<>": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
}
"""Both sides of one type, or both numbers."""

CONNECTIVES: Final = {"AND": "and_kleene", "OR": "or_kleene"}

MOST_SHOWN: Final = 80
"""Characters of an expression in a message."""

SINGLE: Final = pa.float32()
LARGEST_WHOLE_SINGLE: Final = 2**24
"""Up to here a single holds each whole number."""

NUMBERS: Final = (INTEGER, FLOAT, SINGLE)


def arithmetic(operator: str, left: Expression, right: Expression) -> Expression:
    """`left operator right` for + - * / // %."""
    given = (left, right)
    left, right = _numbers(operator, *_one_null(_read_strings([left, right])))
    try:
        kernel, type_ = ARITHMETIC[operator, left.type, right.type]
    except KeyError:
        hint = _number_hint(left, right)
        if hint and operator in "*/":
            hint = "a duration takes a whole number here"
        wanted = f" {operator} ".join(map(describe, given))
        raise BindError(f"{wanted} has no meaning", hint=hint) from None
    return Call(kernel, (left, right), type_)


def compare(operator: str, left: Expression, right: Expression) -> Expression:
    """`left operator right` for the six comparisons."""
    given = (left, right)
    left, right = _one_null(_read_strings([left, right]))
    # Arrow compares numbers of different types by itself; a cast would hide the column.
    if left.type != right.type and not (left.type in NUMBERS and right.type in NUMBERS):
        wanted = " with ".join(map(describe, given))
        raise BindError(f"cannot compare {wanted}", hint=_number_hint(left, right))
    left, right = _as_precise(left, right), _as_precise(right, left)
    return Call(COMPARISONS[operator], (left, right), BOOLEAN)


def _as_precise(expression: Expression, other: Expression) -> Expression:
    """A constant beside a single as a single too: a score of 0.7 is no double of 0.7."""
    if isinstance(expression, Constant) and (expression.type, other.type) == (FLOAT, SINGLE):
        return Constant(expression.value, SINGLE)
    return expression


def connect(operator: str, conditions: Sequence[Expression]) -> Expression:
    """The conditions joined by AND or OR, in a balanced tree: long chains do not nest deeply."""
    if len(conditions) == 1:
        return condition(conditions[0])
    half = (len(conditions) + 1) // 2
    sides = connect(operator, conditions[:half]), connect(operator, conditions[half:])
    return Call(CONNECTIVES[operator], sides, BOOLEAN)


def condition(expression: Expression, what: str = "a condition") -> Expression:
    """The expression, which must be true, false or null."""
    if expression.type not in (BOOLEAN, NULL):
        raise BindError(
            f"{what} must be true or false, got {describe(expression)}",
            hint="compare it with a value",
        )
    return cast(expression, BOOLEAN)


def signed(sign: str, operand: Expression) -> Expression:
    """`+operand` or `-operand`; a constant at once."""
    operand = plain(operand)
    if operand.type not in (*NUMBERS, DURATION, NULL):
        raise BindError(f"{sign}{describe(operand)} has no meaning")
    if sign == "+":
        return operand
    if isinstance(operand, Constant):
        negative = operand.value and -operand.value
        if type(negative) is int and negative == 2**63:
            raise BindError(f"-({operand.value}) does not fit into 64 bits")
        return Constant(negative, operand.type)
    return Call("negate_checked", (operand,), operand.type)


def unify(expressions: Sequence[Expression]) -> list[Expression]:
    """The expressions, cast to the one type that holds them all."""
    known = _read_strings(expressions)
    types = [e.type for e in known if e.type != NULL] or [NULL]
    common = types[0] if len(set(types)) == 1 else FLOAT
    if SINGLE in types and all(e.type == SINGLE or _may_be_single(e) for e in known):
        common = SINGLE
    elif common == FLOAT and not all(type_ in NUMBERS for type_ in types):
        given = ", ".join(map(describe, expressions))
        raise BindError(f"these have no type in common: {given}")
    return [cast(expression, common) for expression in known]


def _may_be_single(expression: Expression) -> bool:
    """Whether it is a number, or null, that is as good as a single beside one: a constant."""
    if expression.type == INTEGER and isinstance(expression, Constant):
        return bool(abs(expression.value) <= LARGEST_WHOLE_SINGLE)
    return isinstance(expression, Constant) and expression.type in (FLOAT, NULL)


def cast(expression: Expression, type_: pa.DataType) -> Expression:
    """The expression as `type_`, which must be able to hold it; a constant at once."""
    if expression.type == type_:
        return expression
    if isinstance(expression, Constant):
        value = expression.value
        is_number = type_ in (FLOAT, SINGLE) and value is not None
        return Constant(float(value) if is_number else value, type_)
    return Call("cast", (expression,), type_)


def plain(expression: Expression) -> Expression:
    """The expression with dictionary-encoded strings as strings."""
    is_encoded = pa.types.is_dictionary(expression.type)
    return cast(expression, STRING) if is_encoded else expression


def comparable(expression: Expression, what: str) -> Expression:
    """The expression, whose values must be equal or in an order: no lists and no pictures."""
    if pa.types.is_nested(expression.type) or pa.types.is_binary(expression.type):
        kind = "a picture" if pa.types.is_binary(expression.type) else "a list"
        raise BindError(f"{what} needs values that can be compared, got {kind}")
    return expression


def describe(expression: Expression) -> str:
    """`frame (int64)`, for messages."""
    type_ = expression.type
    name = "duration" if type_ == DURATION else "timestamp" if type_ == TIMESTAMP else str(type_)
    if type_ == NULL:
        return "NULL"
    text = expression.name if isinstance(expression, Column) else str(expression)
    return f"{text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + '…'} ({name})"


def _read_strings(expressions: Sequence[Expression]) -> list[Expression]:
    """Constant strings beside durations or timestamps become such."""
    known = [plain(expression) for expression in expressions]
    # The first type that strings can be read as decides; a mixture is refused later.
    target = next((e.type for e in known if e.type in PARSERS), None)
    if target is None:
        return known
    return [read_string(e, target) if isinstance(e, Constant) else e for e in known]


def read_string(constant: Constant, target: pa.DataType) -> Constant:
    """A constant string as a value of `target`, a duration or timestamp; others as they are."""
    if constant.type != STRING:
        return constant
    try:
        return Constant(PARSERS[target](constant.value), target)
    except ValueError as error:
        raise BindError(str(error)) from error


def _one_null(pair: Sequence[Expression]) -> tuple[Expression, Expression]:
    """A NULL takes the type of the other side."""
    left, right = pair
    types = [e.type for e in pair if e.type != NULL] or [INTEGER]
    if left.type == NULL:
        left = cast(left, types[0])
    if right.type == NULL:
        right = cast(right, types[0])
    return left, right


def _numbers(operator: str, left: Expression, right: Expression) -> tuple[Expression, Expression]:
    """Two numbers become two doubles, unless they can stay two integers."""
    if left.type not in NUMBERS or right.type not in NUMBERS:
        return left, right
    if left.type == right.type == INTEGER and operator != "/":
        return left, right
    return cast(left, FLOAT), cast(right, FLOAT)


def _number_hint(left: Expression, right: Expression) -> str:
    """What to write instead of a bare number of seconds, or of a time of day."""
    types = {left.type, right.type}
    if types == {DURATION, TIMESTAMP}:
        return "column timestamp counts from the first frame, column time is the time of day"
    if DURATION not in types or not types & set(NUMBERS):
        return ""
    number = left if left.type in NUMBERS else right
    seconds = number.value if isinstance(number, Constant) else 5
    return f"write a duration: INTERVAL {unparse_literal(f'{seconds:g} seconds')}"
