"""Durations and moments as text: `90 seconds`, `1 hour 30 minutes`, `00:01:30`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal

UNITS_US = {
    "us": 1,
    "microsecond": 1,
    "ms": 1_000,
    "millisecond": 1_000,
    "s": 1_000_000,
    "sec": 1_000_000,
    "second": 1_000_000,
    "m": 60_000_000,
    "min": 60_000_000,
    "minute": 60_000_000,
    "h": 3_600_000_000,
    "hour": 3_600_000_000,
    "d": 86_400_000_000,
    "day": 86_400_000_000,
}
"""Microseconds in each unit; a plural `s` is understood."""

EPOCH = datetime(1970, 1, 1)
LONGEST_US = 2**63 - 1

_PART = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-zµ]+)\s*", re.ASCII | re.IGNORECASE)
_CLOCK = re.compile(r"(?:(\d{1,12}):)?(\d{1,2}):(\d{1,2}(?:\.\d{1,6})?)", re.ASCII)


def parse_interval(text: str) -> int:
    """Microseconds of `90 seconds`, `500 ms` or `1 hour 30 minutes`, or of a time `00:01:30`.

    Raises ValueError that says what is wrong and what is possible.
    """
    if _CLOCK.fullmatch(text.strip()):
        return parse_time(text)
    total, position = Decimal(0), 0
    while part := _PART.match(text, position):
        total += Decimal(part[1]) * _unit_us(part[2])
        position = part.end()
    if position == 0 or position < len(text):
        raise ValueError(f"'{text}' is not a duration; write '90 seconds' or '1 hour 30 minutes'")
    return _checked(total, text)


def parse_time(text: str) -> int:
    """Microseconds of `hours:minutes:seconds` or `minutes:seconds`, seconds with a fraction."""
    clock = _CLOCK.fullmatch(text.strip())
    if clock is None:
        raise ValueError(f"'{text}' is not a time; write '00:01:30' or '00:01:30.5'")
    hours, minutes, seconds = int(clock[1] or 0), int(clock[2]), Decimal(clock[3])
    if minutes >= 60 or seconds >= 60:
        raise ValueError(f"'{text}' is not a time: minutes and seconds stop at 59")
    return _checked((hours * 3600 + minutes * 60 + seconds) * 1_000_000, text)


def format_interval(us: int) -> str:
    """The canonical text of a duration: the largest of seconds, ms and us that gives a whole."""
    for size, unit in ((1_000_000, "second"), (1_000, "ms")):
        if us % size == 0:
            plural = "s" if unit == "second" and abs(us) != size else ""
            return f"{us // size} {unit}{plural}"
    return f"{us} us"


def format_seconds(us: int) -> str:
    """A duration for a plan: `1.5s`."""
    return f"{Decimal(us) / 1_000_000:f}s"


def parse_moment(text: str) -> int:
    """Microseconds since 1970 of an ISO 8601 date and time without a time zone."""
    try:
        return moment_us(datetime.fromisoformat(text))
    except ValueError as error:
        raise ValueError(f"'{text}' is not a date and time; write '2024-05-17 08:30:00'") from error


def moment_us(moment: datetime) -> int:
    """Microseconds since 1970; one with a time zone counts as UTC."""
    ahead = moment.utcoffset() or timedelta()
    return (moment.replace(tzinfo=None) - EPOCH - ahead) // timedelta(microseconds=1)


def format_moment(us: int) -> str:
    """`2024-05-17 08:30:00`, with a fraction only where there is one; in microseconds since 1970
    where that is before the year 1 or after 9999."""
    try:
        return (EPOCH + timedelta(microseconds=us)).isoformat(sep=" ")
    except OverflowError:
        return f"1970-01-01 {us:+} us"


def _unit_us(name: str) -> int:
    folded = name.lower().replace("µ", "u")
    unit = UNITS_US.get(folded) or UNITS_US.get(folded.removesuffix("s"))
    if unit is None:
        raise ValueError(
            f"'{name}' is not a unit of time; known are days, hours, minutes, seconds, ms and us"
        )
    return unit


def _checked(us: Decimal, text: str) -> int:
    if us > LONGEST_US:
        raise ValueError(f"'{text}' is longer than can be counted in microseconds")
    if us != us.to_integral_value():
        raise ValueError(f"'{text}' is finer than a microsecond")
    return int(us)
