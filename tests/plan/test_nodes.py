"""Ranges, and plans that cannot exist."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from language import VIDEO

from vqe.errors import PlanError
from vqe.plan.accuracy import EXACT
from vqe.plan.expressions import Column, Contains
from vqe.plan.nodes import EMPTY, Filter, Limit, Range, Scan

spans = st.tuples(st.integers(0, 20), st.none() | st.integers(0, 20)).map(
    lambda span: (span[0], None if span[1] is None else span[0] + span[1])
)
ranges = st.builds(lambda frames, us: Range(*frames, *us), spans, spans)


def members(range_: Range) -> set[tuple[int, int]]:
    frames = range(range_.start_frame, 50 if range_.stop_frame is None else range_.stop_frame)
    moments = range(range_.start_us, 50 if range_.stop_us is None else range_.stop_us)
    return {(frame, us) for frame in frames for us in moments}


@given(ranges, ranges)
def test_intersection_is_what_is_in_both(a: Range, b: Range) -> None:
    assert members(a.intersect(b)) == members(a) & members(b)
    assert a.intersect(b).empty == (not members(a) & members(b))


def test_ranges_print_what_they_restrict() -> None:
    assert str(Range()) == ""
    assert str(Range(10)) == "frames 10.."
    assert str(Range(0, 5, 1_500_000, 90_000_000)) == "frames 0..5 timestamp 1.5s..90s"
    assert str(EMPTY) == "frames 0..0"


@pytest.mark.parametrize("bounds", [(-1, None), (5, 4), (0, None, -1), (0, None, 3, 2)])
def test_ranges_that_run_backwards(bounds: tuple[int, ...]) -> None:
    with pytest.raises(PlanError):
        Range(*bounds)


def test_plans_that_cannot_exist() -> None:
    scan = Scan(VIDEO, EXACT)
    with pytest.raises(PlanError, match="reference network"):
        Scan(VIDEO, EXACT, predicate=Contains("bus", 0.5))
    with pytest.raises(PlanError, match="boolean"):
        Filter(Column("frame", pa.int64()), scan)
    with pytest.raises(PlanError, match="negative"):
        Limit(-1, scan)
