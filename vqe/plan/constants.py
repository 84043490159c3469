"""Python values, and the text of durations and moments, as constants of a plan."""

from __future__ import annotations

import datetime
import math
import numbers
from typing import Final

import numpy as np
import pyarrow as pa

from vqe.errors import BindError
from vqe.plan.expressions import Constant
from vqe.sql.literals import format_moment, moment_us, parse_interval, parse_moment

INTEGER: Final = pa.int64()
FLOAT: Final = pa.float64()
STRING: Final = pa.string()
DURATION: Final = pa.duration("us")
TIMESTAMP: Final = pa.timestamp("us")
BOOLEAN: Final = pa.bool_()
NULL: Final = pa.null()

PARSERS: Final = {DURATION: parse_interval, TIMESTAMP: parse_moment}
"""How a string is read where a value of the type is wanted."""

EARLIEST_US: Final = moment_us(datetime.datetime(1900, 1, 1))
LATEST_US: Final = moment_us(datetime.datetime(2200, 1, 1))

_MICROSECOND = datetime.timedelta(microseconds=1)


def constant(value: object) -> Constant:  # noqa: PLR0911 - one per kind
    """The constant for a Python or NumPy value.

    Raises ValueError that says what is wrong with the value.
    """
    match value:
        case None:
            return Constant(None, NULL)
        case bool() | np.bool_():
            return Constant(bool(value), BOOLEAN)
        case str():
            return Constant(_encodable(str(value)), STRING)
        case np.timedelta64() | np.datetime64():
            return _numpy_time(value)
        case datetime.timedelta() | datetime.datetime() if _is_nat(value):
            return Constant(None, NULL)
        case datetime.timedelta():
            return Constant(_in_64_bits(value // _MICROSECOND, value), DURATION)
        case datetime.datetime():
            return Constant(moment_us(value), TIMESTAMP)
        case datetime.date():
            return Constant(moment_us(datetime.datetime.combine(value, datetime.time())), TIMESTAMP)
    return _number(value)


def starting_moment(value: object) -> int:
    """Microseconds since 1970 of the datetime, or the text in ISO 8601, at which a video starts.

    Raises ValueError that says what is possible; a time zone is converted to UTC.
    """
    us = moment_of(value)
    if not EARLIEST_US <= us < LATEST_US:
        raise ValueError(f"no video starts at {format_moment(us)}; possible are 1900 to 2199")
    return us


def _encodable(text: str) -> str:
    """The text, which Arrow and everyone else store as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BindError(f"{text!r} has characters that are no valid text") from None
    return text


def _is_nat(value: object) -> bool:
    """Whether it is the missing time of pandas, which alone does not equal itself."""
    return value != value  # noqa: PLR0124


def _numpy_time(value: np.timedelta64 | np.datetime64) -> Constant:
    if np.isnat(value):
        return Constant(None, NULL)
    is_duration = isinstance(value, np.timedelta64)
    unit, _ = np.datetime_data(value.dtype)
    us = value.astype("m8[us]" if is_duration else "M8[us]")
    # Years and months have no length, and what overflows or is cut off does not come back.
    if unit in ("generic", *("YM" if is_duration else "")) or us.astype(value.dtype) != value:
        raise ValueError(f"{value!r} is no whole number of microseconds in 64 bits")
    return Constant(int(us.astype(np.int64)), DURATION if is_duration else TIMESTAMP)


def _in_64_bits(integer: int, given: object) -> int:
    if not -(2**63) <= integer < 2**63:
        raise ValueError(f"{given!s:.40} does not fit into 64 bits")
    return integer


def moment_of(value: object) -> int:
    """Microseconds since 1970 of a datetime or date, or of its text in ISO 8601.

    Raises ValueError that says what is possible; a time zone is converted to UTC.
    """
    if isinstance(value, str):
        return parse_moment(value)
    if isinstance(value, datetime.date | np.datetime64):  # a datetime is a date
        bound = constant(value)
        if bound.value is not None:
            return int(bound.value)
    raise ValueError(f"a date and time such as '2024-05-17 08:30:00' is wanted, got {value!r}")


def _number(value: object) -> Constant:
    if isinstance(value, numbers.Integral):
        return Constant(_in_64_bits(int(value), value), INTEGER)
    if isinstance(value, numbers.Real):
        if not math.isfinite(value):
            raise ValueError(f"{value} is not a finite number")
        return Constant(float(value) + 0.0, FLOAT)  # no zero below zero
    raise ValueError(
        f"a value of type {type(value).__name__} cannot be used; "
        "use a number, string, bool, datetime, date, timedelta or None"
    )
