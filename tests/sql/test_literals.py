"""Durations and moments as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqe.sql.literals import (
    format_interval,
    format_moment,
    moment_us,
    parse_interval,
    parse_moment,
    parse_time,
)

SECOND = 1_000_000


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("90 seconds", 90 * SECOND),
        ("1 second", SECOND),
        ("500 ms", SECOND // 2),
        ("2 minutes", 120 * SECOND),
        ("1 hour 30 minutes", 5400 * SECOND),
        ("1h30m", 5400 * SECOND),
        (" 1.5 S ", 3 * SECOND // 2),
        ("2 days", 172_800 * SECOND),
        ("250 µs", 250),
        ("3 milliseconds", 3000),
        ("00:01:30", 90 * SECOND),
    ],
)
def test_intervals(text: str, us: int) -> None:
    assert parse_interval(text) == us


@pytest.mark.parametrize(
    ("text", "us"), [("00:01:30.5", 90_500_000), ("1:02", 62 * SECOND), ("100:00:00", 36 * 10**10)]
)
def test_times(text: str, us: int) -> None:
    assert parse_time(text) == us


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a duration"),
        ("90", "is not a duration"),
        ("seconds", "is not a duration"),
        ("1 second and", "is not a duration"),
        ("-1 second", "is not a duration"),
        ("3 parsecs", "'parsecs' is not a unit of time"),
        ("0.5 us", "finer than a microsecond"),
        ("999999999999 days", "longer than can be counted"),
        ("00:61:00", "stop at 59"),
    ],
)
def test_what_is_no_interval(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_interval(text)


@given(st.integers(0, 2**63 - 1))
def test_formatted_intervals_come_back(us: int) -> None:
    assert parse_interval(format_interval(us)) == us


@given(st.datetimes(timezones=st.none()))
def test_formatted_moments_come_back(moment: datetime) -> None:
    us = moment_us(moment)
    assert parse_moment(format_moment(us)) == us


def test_a_moment_with_a_zone_counts_as_utc() -> None:
    noon = datetime(2024, 5, 17, 12, tzinfo=UTC)
    shifted = noon.astimezone(timezone(timedelta(hours=2)))
    assert moment_us(shifted) == moment_us(noon) == parse_moment("2024-05-17 12:00:00")
