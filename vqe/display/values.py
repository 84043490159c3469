"""One value of a table, as text or HTML."""

from __future__ import annotations

import base64
import datetime
import html
import math
from collections.abc import Mapping
from decimal import Decimal

NULL = "–"
JPEG = b"\xff\xd8\xff"


def is_number(value: object) -> bool:
    """Whether `value` stands right in its column: a number, a duration, a time of day."""
    if isinstance(value, bool):
        return False
    return isinstance(value, int | float | Decimal | datetime.timedelta | datetime.datetime)


def text_value(value: object, *, whole_seconds: bool = False) -> str:
    """`value` for people: thousands are separated, fractions short, durations as clock time, of
    `whole_seconds` where that is said."""
    text = str(value)
    match value:
        case None:
            text = NULL
        case bool():
            text = text.lower()
        case int():
            text = f"{value:,}"
        case float():
            text = float_text(value)
        case Decimal():
            text = f"{value:,}"  # its digits are meant
        case datetime.timedelta():
            text = duration_text(value // datetime.timedelta(microseconds=1))
            text = text.removesuffix(".000") if whole_seconds else text
        case datetime.datetime():
            text = value.isoformat(" ", "milliseconds" if value.microsecond else "seconds")
        case bytes():
            text = f"{len(value):,} bytes"
        case Mapping():
            text = "{" + ", ".join(f"{k}: {text_value(v)}" for k, v in value.items()) + "}"
        case list() | tuple():
            text = "[" + ", ".join(text_value(item) for item in value) + "]"
    return text


def html_value(value: object) -> str:
    """`value` as HTML; the bytes of a JPEG as the picture."""
    if isinstance(value, bytes) and value.startswith(JPEG):
        data = base64.b64encode(value).decode()
        return f'<img src="data:image/jpeg;base64,{data}" style="max-width:240px">'
    return html.escape(text_value(value))


def float_text(value: float) -> str:
    """Four significant digits, or the whole part where that is longer: 0.9134, 12,345."""
    if not math.isfinite(value):
        return str(value)
    magnitude = math.floor(math.log10(abs(value))) if value else 0
    if not -5 <= magnitude <= 9:
        return f"{value:.3e}"
    text = f"{value:,.{max(0, 3 - magnitude)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def duration_text(us: int) -> str:
    """Microseconds as hours, minutes, seconds and milliseconds: 00:01:23.400."""
    sign = "-" if us < 0 else ""
    ms = (abs(us) + 500) // 1000
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours:02}:{minutes:02}:{seconds:02}.{ms:03}"
