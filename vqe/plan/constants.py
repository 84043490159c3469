"""Python values, and the text of durations and moments, as constants of a plan."""

from __future__ import annotations

import datetime
import math
import numbers
from typing import Final

import numpy as np
import pyarrow as pa

from vqe.plan.expressions import Constant
from vqe.sql.literals import moment_us, parse_interval, parse_moment

INTEGER: Final = pa.int64()
FLOAT: Final = pa.float64()
STRING: Final = pa.string()
DURATION: Final = pa.duration("us")
TIMESTAMP: Final = pa.timestamp("us")
BOOLEAN: Final = pa.bool_()
NULL: Final = pa.null()

PARSERS: Final = {DURATION: parse_interval, TIMESTAMP: parse_moment}
"""How a string is read where a value of the type is wanted."""

_MICROSECOND = datetime.timedelta(microseconds=1)


def constant(value: object) -> Constant:
    """The constant for a Python or NumPy value.

    Raises ValueError that says what is wrong with the value.
    """
    match value:
        case None:
            return Constant(None, NULL)
        case bool() | np.bool_():
            return Constant(bool(value), BOOLEAN)
        case str():
            return Constant(str(value), STRING)
        case datetime.timedelta():
            return Constant(value // _MICROSECOND, DURATION)
        case datetime.datetime():
            return Constant(moment_us(value), TIMESTAMP)
    return _number(value)


def moment_of(value: object) -> int:
    """Microseconds since 1970 of a datetime, or of its text in ISO 8601.

    Raises ValueError that says what is possible; a time zone is converted to UTC.
    """
    match value:
        case str():
            return parse_moment(value)
        case datetime.datetime():
            return moment_us(value)
    raise ValueError(f"a date and time such as '2024-05-17 08:30:00' is wanted, got {value!r}")


def _number(value: object) -> Constant:
    if isinstance(value, numbers.Integral):
        integer = int(value)
        if not -(2**63) <= integer < 2**63:
            raise ValueError(f"{integer} does not fit into 64 bits")
        return Constant(integer, INTEGER)
    if isinstance(value, numbers.Real):
        if not math.isfinite(value):
            raise ValueError(f"{value} is not a finite number")
        return Constant(float(value), FLOAT)
    raise ValueError(
        f"a value of type {type(value).__name__} cannot be used; "
        "use a number, string, bool, datetime, timedelta or None"
    )
