"""How each aggregate is put together from sums, smallest and largest values of parts of its rows.

These three merge: that of all rows is that of the parts' results. An accumulator says which of them
an aggregate needs, of which values, and what it makes of the merged ones in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from vqe.errors import ExecutionError
from vqe.plan.aggregates import AggregateCall

COUNTED: Final = pa.int64()
EXACT_SUM: Final = pa.decimal128(38, 0)
"""Whole numbers are added in 128 bits: 64 would overflow in silence."""


@dataclass(frozen=True)
class Accumulator:
    """`parts` turns the values of the argument into columns, each merged by the function that
    stands at its place in `functions`; `finish` makes the aggregates of the groups of these."""

    functions: tuple[str, ...]
    parts: Callable[[pa.Array], Sequence[pa.Array]]
    finish: Callable[[Sequence[pa.Array]], pa.Array]


def accumulator_of(call: AggregateCall) -> Accumulator:
    """How `call` is computed; its DISTINCT is left to the caller."""
    type_ = call.type
    match call.function:
        case "count":
            return Accumulator(("sum",), lambda x: [valid(x)], lambda parts: _count(parts[0]))
        case "sum":
            return Accumulator(
                ("sum",), lambda x: [_addends(x)], lambda parts: _narrowed(parts[0], call)
            )
        case "avg":
            return Accumulator(
                ("sum", "sum"),
                lambda x: [_addends(x), valid(x)],
                lambda parts: _average(parts[0], parts[1], type_),
            )
    return Accumulator(
        (call.function,), lambda x: [_comparable(x)], lambda parts: parts[0].cast(type_)
    )


def valid(values: pa.Array) -> pa.Array:
    """1 where there is a value, 0 where it is null."""
    return values.is_valid().cast(COUNTED)


def _count(counts: pa.Array) -> pa.Array:
    return pc.fill_null(counts, 0)  # of no row there is no sum


def _comparable(values: pa.Array) -> pa.Array:
    """Durations and timestamps as numbers: Arrow does not aggregate the former."""
    return values.cast(COUNTED) if pa.types.is_temporal(values.type) else values


def _addends(values: pa.Array) -> pa.Array:
    values = _comparable(values)
    return values.cast(pa.float64() if pa.types.is_floating(values.type) else EXACT_SUM)


def _narrowed(sums: pa.Array, call: AggregateCall) -> pa.Array:
    if pa.types.is_floating(sums.type):
        return sums
    try:
        return sums.cast(COUNTED).cast(call.type)
    except pa.ArrowInvalid as error:
        raise ExecutionError(f"{call} does not fit into 64 bits") from error


def _average(sums: pa.Array, counts: pa.Array, type_: pa.DataType) -> pa.Array:
    averages = pc.divide(sums.cast(pa.float64()), counts.cast(pa.float64()))
    if pa.types.is_temporal(type_):
        return pc.round(averages).cast(COUNTED).cast(type_)
    return averages
