"""Which expressions may have no value for some row, so that evaluating them raises."""

from __future__ import annotations

import math
from typing import Final

import pyarrow as pa

from vqe.plan.constants import FLOAT
from vqe.plan.expressions import Call, Column, Constant, Expression, Objects

LARGEST: Final = {"frame": 2.0**31, "timestamp": 2.0**51, "time": 2.0**53, "pts": 2.0**48}
"""Magnitudes that the columns of no video reach: two years of frames, seventy of microseconds, and
the moments from 1685 to 2255."""

MOST_OBJECTS: Final = 2.0**20
"""No network sees as many in a frame."""


def can_fail(expression: Expression) -> bool:
    """Whether the expression may divide by zero, or leave its type, on some row of a video.

    A divisor must be a constant. Overflow is told from the magnitudes of constants and of columns:
    `frame * 1000` cannot fail, `frame * 9000000000000000000` can.
    """
    if not isinstance(expression, Call):
        return False
    if any(map(can_fail, expression.args)):
        return True
    if expression.function in ("divide_checked", "remainder"):
        divisor = expression.args[1]
        if not (isinstance(divisor, Constant) and divisor.value):
            return True
    return _magnitude(expression) >= _limit(expression)


def _limit(call: Call) -> float:
    if call.function == "cast" and call.type == FLOAT:
        return 2.0**53  # Arrow refuses whole numbers that a double cannot tell apart
    return 2.0**63 if _is_whole(call.type) else math.inf


def _is_whole(type_: pa.DataType) -> bool:
    return bool(pa.types.is_integer(type_) or pa.types.is_temporal(type_))


def _magnitude(expression: Expression) -> float:  # noqa: PLR0911 - one per kind
    """What no absolute value of the expression exceeds; 0 where it is no number."""
    match expression:
        case Column(name):
            return LARGEST.get(name, 0.0)
        case Objects():
            return MOST_OBJECTS
        case Constant(int() | float() as value):
            return abs(float(value))
        case Call("add_checked" | "subtract_checked", (left, right)):
            return _magnitude(left) + _magnitude(right)
        case Call("multiply_checked", (left, right)):
            return _magnitude(left) * _magnitude(right)
        case Call("divide_checked", (left, right)):
            return _magnitude(left) / _magnitude(right)
        case Call("remainder", (left, right)):
            return min(_magnitude(left), _magnitude(right))
        case Call(_, args):
            return max(map(_magnitude, args), default=0.0)
    return 0.0
