"""Buckets of time, as DuckDB has them."""

from __future__ import annotations

from datetime import datetime, timedelta

import duckdb
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from vqe.plan.constants import DURATION, TIMESTAMP
from vqe.plan.expressions import Call, Column
from vqe.plan.kernels import run_kernel

widths = st.integers(1, 10**12)
MICROSECOND = timedelta(microseconds=1)
DUCKDB = duckdb.connect()


def buckets(width_us: int, moments: pa.Array) -> list[object]:
    call = Call("time_bucket", (Column("w", DURATION), Column("t", moments.type)), moments.type)
    found = run_kernel(call, [pa.scalar(width_us, DURATION), moments])
    assert found.type == moments.type
    return list(found.to_pylist())


@given(widths, st.lists(st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1))))
@settings(max_examples=50, deadline=None)
def test_moments(width_us: int, moments: list[datetime | None]) -> None:
    DUCKDB.register("given", pa.table({"t": pa.array(moments, TIMESTAMP)}))
    sql = f"SELECT time_bucket(to_microseconds({width_us}), t) FROM given"
    expected = [row[0] for row in DUCKDB.execute(sql).fetchall()]
    assert buckets(width_us, pa.array(moments, TIMESTAMP)) == expected


@given(widths, st.lists(st.integers(-(10**13), 10**13), min_size=1))
@settings(max_examples=50, deadline=None)
def test_durations_count_from_zero(width_us: int, durations: list[int]) -> None:
    found = buckets(width_us, pa.array(durations, DURATION))
    assert found == [us // width_us * width_us * MICROSECOND for us in durations]


def test_weeks_begin_on_mondays() -> None:
    week_us = 7 * 86_400 * 1_000_000
    thursday = pa.array([datetime(2024, 5, 16, 8, 30)], TIMESTAMP)
    assert buckets(week_us, thursday) == [datetime(2024, 5, 13)]
