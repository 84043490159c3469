"""Operators above a scan: invariant to the batches that rows come in, bounded, and easy to stop."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vqe.errors import ExecutionError, QueryCancelledError
from vqe.physical.aggregate import AggregateExec
from vqe.physical.chunks import chunks
from vqe.physical.events import EventsExec
from vqe.physical.filter import FilterExec
from vqe.physical.limit import LimitExec
from vqe.physical.operator import Operator
from vqe.physical.rows import with_reached
from vqe.physical.sort import SortExec
from vqe.physical.top_n import TopNExec
from vqe.physical.values import ValuesExec
from vqe.plan.aggregates import AggregateCall, aggregate_of
from vqe.plan.constants import FLOAT, INTEGER, STRING
from vqe.plan.expressions import Call, Column, Constant
from vqe.plan.nodes import SortKey
from vqe.runtime.context import Context

ROWS = pa.schema([("k", STRING), ("x", INTEGER), ("f", FLOAT), ("d", pa.duration("us"))])
K, X, F, D = (Column(field.name, field.type) for field in ROWS)


@dataclass(frozen=True, repr=False)
class Given(Operator):
    """Rows cut into batches at `cuts`; notes how many batches were pulled, and the end."""

    rows: pa.RecordBatch
    cuts: tuple[int, ...] = ()
    log: list[str] = field(default_factory=list, compare=False)

    @property
    def schema(self) -> pa.Schema:
        return self.rows.schema

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        places = sorted(min(cut, len(self.rows)) for cut in self.cuts)
        try:
            for start, stop in zip([0, *places], [*places, len(self.rows)], strict=True):
                self.log.append("batch")
                yield self.rows.slice(start, stop - start)
        finally:
            self.log.append("closed")


def run(operator: Operator, context: Context | None = None) -> pa.Table:
    batches = list(operator.execute(context or Context()))
    for batch in batches:
        assert batch.schema.equals(operator.schema)
    return pa.Table.from_batches(batches, operator.schema).combine_chunks()


def batch_of(*rows: Sequence[Any]) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) or [()] * len(ROWS)
    arrays = [pa.array(c, f.type) for c, f in zip(columns, ROWS, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=ROWS)


rows = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", None]),
        st.none() | st.integers(-5, 5),
        st.none() | st.floats(-1e6, 1e6, width=32),
        st.none() | st.integers(0, 10**9),
    ),
    max_size=30,
).map(lambda lines: batch_of(*lines))
cuts = st.lists(st.integers(0, 30), max_size=4).map(tuple)

CALLS = tuple(
    (str(i), aggregate_of(function, argument, distinct=distinct))
    for i, (function, argument, distinct) in enumerate(
        [
            ("count", None, False),
            *(("count", column, False) for column in (K, X, D)),
            *((f, column, False) for f in ("sum", "avg") for column in (X, F, D)),
            *((f, column, False) for f in ("min", "max") for column in (K, X, F, D)),
            *(("count", column, True) for column in (K, X, D)),
        ]
    )
)


def by_hand(call: AggregateCall, lines: list[dict[str, Any]]) -> Any:
    if call.argument is None:
        return len(lines)
    assert isinstance(call.argument, Column)
    values = [line[call.argument.name] for line in lines if line[call.argument.name] is not None]
    if call.function == "count":
        return len(set(values)) if call.distinct else len(values)
    if not values:
        return None
    if call.function in ("min", "max"):
        return min(values) if call.function == "min" else max(values)
    total = sum(values[1:], start=values[0])
    return total if call.function == "sum" else total / len(values)


def same(found: Any, expected: Any) -> bool:
    if isinstance(expected, timedelta):
        return abs(found - expected) <= timedelta(microseconds=1)
    if isinstance(expected, float):
        return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-6)
    return bool(found == expected)


@given(rows, cuts, st.booleans(), st.integers(1, 40))
@settings(max_examples=25, deadline=None)
def test_aggregates_are_those_of_each_group(
    given_rows: pa.RecordBatch, at: tuple[int, ...], grouped: bool, chunk_rows: int
) -> None:
    keys = (("key", K),) if grouped else ()
    found = run(AggregateExec(keys, CALLS, Given(given_rows, at), chunk_rows)).to_pylist()
    lines = given_rows.to_pylist()
    groups: dict[Any, list[dict[str, Any]]] = {} if grouped else {None: []}
    for line in lines:
        groups.setdefault(line["k"] if grouped else None, []).append(line)
    assert [row.get("key") for row in found] == list(groups)
    for row, members in zip(found, groups.values(), strict=True):
        for name, call in CALLS:
            assert same(row[name], by_hand(call, members))


@given(rows, cuts)
@settings(max_examples=40, deadline=None)
def test_sums_of_doubles_do_not_depend_on_batches(
    given_rows: pa.RecordBatch, at: tuple[int, ...]
) -> None:
    keys, calls = (("key", K),), CALLS[4:10]
    whole = run(AggregateExec(keys, calls, Given(given_rows), 7))
    assert run(AggregateExec(keys, calls, Given(given_rows, at), 7)).equals(whole)


def test_groups_merge_as_they_come_and_the_last_ones_are_not_lost() -> None:
    n = 1000
    many = batch_of(*((str(i % 300), i, float(i), i) for i in range(n)))
    calls = (("n", aggregate_of("count", None, distinct=False)),)
    found = run(AggregateExec((("key", K),), calls, Given(many), 64))
    assert found["key"].to_pylist() == [str(i) for i in range(300)]
    assert found["n"].to_pylist() == [4 if i < 100 else 3 for i in range(300)]


def test_a_sum_beyond_64_bits_is_an_error_and_one_that_comes_back_is_none() -> None:
    large = 2**62
    calls = (("s", aggregate_of("sum", X, distinct=False)),)
    back = batch_of(("a", large, 0, 0), ("a", large, 0, 0), ("a", -large, 0, 0))
    assert run(AggregateExec((), calls, Given(back)))["s"].to_pylist() == [large]
    with pytest.raises(ExecutionError, match=r"sum\(x\) does not fit into 64 bits"):
        run(AggregateExec((), calls, Given(back.slice(0, 2))))


KEYS = st.lists(
    st.builds(SortKey, st.sampled_from([K, X, D]), st.booleans(), st.booleans()),
    min_size=1,
    max_size=3,
).map(tuple)


def in_order(lines: list[dict[str, Any]], keys: tuple[SortKey, ...]) -> list[dict[str, Any]]:
    for key in reversed(keys):
        assert isinstance(key.expression, Column)
        name = key.expression.name
        known = [line for line in lines if line[name] is not None]
        unknown = [line for line in lines if line[name] is None]
        groups: dict[Any, list[dict[str, Any]]] = {}
        for line in known:
            groups.setdefault(line[name], []).append(line)
        values = sorted(groups, reverse=key.descending)
        ordered = [line for value in values for line in groups[value]]
        lines = [*unknown, *ordered] if key.nulls_first else [*ordered, *unknown]
    return lines


@given(rows, cuts, KEYS)
@settings(max_examples=40, deadline=None)
def test_sorting_keeps_the_order_of_equals(
    given_rows: pa.RecordBatch, at: tuple[int, ...], keys: tuple[SortKey, ...]
) -> None:
    found = run(SortExec(keys, Given(given_rows, at)))
    assert found.to_pylist() == in_order(given_rows.to_pylist(), keys)


@given(rows, cuts, KEYS, st.integers(0, 12), st.integers(1, 12))
@settings(max_examples=40, deadline=None)
def test_the_first_rows_are_those_of_a_sort(
    given_rows: pa.RecordBatch,
    at: tuple[int, ...],
    keys: tuple[SortKey, ...],
    count: int,
    chunk_rows: int,
) -> None:
    found = run(TopNExec(count, keys, Given(given_rows, at), chunk_rows))
    assert found.to_pylist() == in_order(given_rows.to_pylist(), keys)[:count]


def test_sorting_by_an_expression_and_by_a_constant() -> None:
    given_rows = batch_of(*(("a", x, 0, 0) for x in (1, -2, 3)))
    square = Call("multiply_checked", (X, X), INTEGER)
    found = run(SortExec((SortKey(square, descending=True),), Given(given_rows)))
    assert found["x"].to_pylist() == [3, -2, 1]
    found = run(SortExec((SortKey(Constant(7, INTEGER)),), Given(given_rows)))
    assert found["x"].to_pylist() == [1, -2, 3]


FRAMES = pa.schema(
    [
        ("video", STRING),
        ("frame", INTEGER),
        ("timestamp", pa.duration("us")),
        ("time", pa.timestamp("us")),
        ("stop", pa.duration("us")),
        ("score", pa.float32()),
    ]
)
DURATION_US = 100
START_US = 10**15
START = datetime(1970, 1, 1) + timedelta(microseconds=START_US)


def frames_of(numbers: dict[str, list[int]]) -> pa.RecordBatch:
    lines = [(video, number) for video, several in numbers.items() for number in sorted(several)]
    columns = [
        [video for video, _ in lines],
        [number for _, number in lines],
        [number * DURATION_US for _, number in lines],
        [START_US + number * DURATION_US for _, number in lines],
        [(number + 1) * DURATION_US for _, number in lines],
        [None if number % 3 == 0 else number / 64 for _, number in lines],
    ]
    arrays = [pa.array(c, f.type) for c, f in zip(columns, FRAMES, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=FRAMES)


class Telling(Given):
    """Frames in batches that tell when the next one is shown."""

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        given = 0
        for batch in super().execute(context):
            given += batch.num_rows
            later = self.rows["timestamp"].cast(INTEGER)[given:].to_pylist()
            yield with_reached(batch, later[0]) if later else batch


def events_by_hand(numbers: list[int], gap: int, least: int) -> list[list[int]]:
    """The frames of each event; `gap` and `least` in frames."""
    events: list[list[int]] = []
    for number in sorted(numbers):
        if events and number - (events[-1][-1] + 1) <= gap:
            events[-1].append(number)
        else:
            events.append([number])
    return [event for event in events if event[-1] + 1 - event[0] >= least]


@given(
    st.dictionaries(st.sampled_from(["a", "b", "c"]), st.sets(st.integers(0, 25)).map(list)),
    st.lists(st.integers(0, 60), max_size=5).map(tuple),
    st.integers(0, 4),
    st.integers(0, 4),
    st.sampled_from([Given, Telling]),
)
@settings(max_examples=100, deadline=None)
def test_events_are_stretches_of_frames(
    numbers: dict[str, list[int]], at: tuple[int, ...], gap: int, least: int, kind: type[Given]
) -> None:
    child = kind(frames_of(numbers), at)
    found = run(EventsExec(gap * DURATION_US, least * DURATION_US, child)).to_pylist()
    expected = [
        (video, i, event)
        for video, several in numbers.items()
        for i, event in enumerate(events_by_hand(several, gap, least))
    ]
    assert [(row["video"], row["event"]) for row in found] == [(v, i) for v, i, _ in expected]
    for row, (_, _, frames) in zip(found, expected, strict=True):
        scores = [number / 64 for number in frames if number % 3]
        assert (row["start_frame"], row["stop_frame"]) == (frames[0], frames[-1] + 1)
        assert row["stop"] - row["start"] == row["duration"]
        assert row["start"].microseconds == frames[0] * DURATION_US
        assert row["stop"].microseconds == (frames[-1] + 1) * DURATION_US
        assert row["time"] == START + row["start"]
        assert (row["frames"], row["max_score"]) == (len(frames), max(scores, default=None))


def test_an_event_leaves_when_the_next_one_begins() -> None:
    child = Given(frames_of({"a": [1, 2, 5, 6, 9]}), (1, 2, 3, 4))
    stream = EventsExec(0, 0, child).execute(Context())
    first = next(batch for batch in stream if batch.num_rows)
    assert first["stop_frame"].to_pylist() == [3]
    assert child.log == ["batch"] * 3
    stream.close()
    assert child.log[-1] == "closed"


@pytest.mark.parametrize(("gap", "batches"), [(0, 2), (1, 2), (2, 3)])
def test_an_event_leaves_when_nothing_can_follow(gap: int, batches: int) -> None:
    child = Telling(frames_of({"a": [1, 2, 5, 9]}), (1, 2, 3))
    stream = EventsExec(gap * DURATION_US, 0, child).execute(Context())
    first = next(batch for batch in stream if batch.num_rows)
    assert first["start_frame"].to_pylist() == [1]
    assert child.log == ["batch"] * batches


def test_limit_over_events_closes_the_scan() -> None:
    child = Given(frames_of({"a": list(range(0, 50, 2))}), tuple(range(1, 25)))
    found = run(LimitExec(3, EventsExec(0, 0, child)))
    assert found["start_frame"].to_pylist() == [0, 2, 4]
    assert child.log == [*["batch"] * 4, "closed"]


BLOCKING = [
    SortExec((SortKey(X),), Given(batch_of())),
    TopNExec(3, (SortKey(X),), Given(batch_of())),
    AggregateExec((("k", K),), CALLS[:1], Given(batch_of())),
]


@pytest.mark.parametrize("operator", BLOCKING, ids=lambda operator: type(operator).__name__)
def test_cancelling_ends_the_work_below(operator: Any) -> None:
    context = Context()
    child = Given(batch_of(*(("a", i, 0, 0) for i in range(9))), (3, 6))
    context.cancelled.set()
    running = type(operator)(*(getattr(operator, name) for name in _fields(operator)), child)
    with pytest.raises(QueryCancelledError):
        run(running, context)
    assert child.log == ["batch", "closed"]


def _fields(operator: Any) -> list[str]:
    names = list(operator.__dataclass_fields__)
    return names[: names.index("child")]


@given(st.lists(st.integers(0, 9), max_size=8), st.integers(1, 7))
def test_chunks_have_their_size_whatever_the_batches(sizes: list[int], size: int) -> None:
    numbers = pa.RecordBatch.from_pydict({"x": pa.array(range(sum(sizes)), INTEGER)})
    batches, start = [], 0
    for n in sizes:
        batches.append(numbers.slice(start, n))
        start += n
    found = list(chunks(batches, Context(), size))
    assert all(len(chunk) == size for chunk in found[:-1])
    assert [x for chunk in found for x in chunk["x"].to_pylist()] == list(range(sum(sizes)))


def test_a_filter_asks_its_parts_in_order_of_the_rows_that_are_left() -> None:
    given_rows = batch_of(("a", 0, 0, 0), ("a", 2, 0, 0), ("a", 5, 0, 0))
    some = Call("not_equal", (X, Constant(0, INTEGER)), pa.bool_())
    part = Call("divide_checked", (Constant(10, INTEGER), X), INTEGER)
    large = Call("greater", (part, Constant(3, INTEGER)), pa.bool_())
    guarded = Call("and_kleene", (some, large), pa.bool_())
    assert run(FilterExec(guarded, Given(given_rows)))["x"].to_pylist() == [2]
    unguarded = Call("and_kleene", (large, some), pa.bool_())
    with pytest.raises(ExecutionError, match="10 // x"):
        run(FilterExec(unguarded, Given(given_rows)))


def test_without_from_there_is_one_row() -> None:
    (batch,) = ValuesExec().execute(Context())
    assert (batch.num_rows, batch.num_columns) == (1, 0)
