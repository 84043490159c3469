"""How the Arrow compute functions that plans name are run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from vqe.errors import ExecutionError
from vqe.plan.expressions import Call

OPTIONS: Final = {
    # Halves are rounded away from zero, as SQL has it; Arrow rounds them to even.
    "round_binary": pc.RoundBinaryOptions(round_mode="half_towards_infinity"),
}
"""Options of functions whose defaults are not what SQL means."""

SIGNING: Final = ("multiply_checked", "divide_checked", "negate_checked", "round_binary")
"""Functions that may yield a zero below zero. There is one zero here: Arrow says that both are
equal, and yet makes two groups of them."""

BUCKET_ORIGIN_US: Final = 946_857_600 * 1_000_000
"""Buckets of a date and time begin here, on Monday 2000-01-03, as in DuckDB; weeks on Mondays."""


def run_kernel(call: Call, args: Sequence[Any]) -> Any:
    """The Arrow array or scalar that `call` yields for the values of its arguments.

    Raises ExecutionError where there is no value: division by zero, overflow.
    """
    try:
        if call.function == "cast":
            return pc.cast(args[0], call.type)
        if call.function == "time_bucket":
            return _time_bucket(*args)
        if call.function == "remainder":
            return _remainder(*args)
        value = pc.call_function(call.function, list(args), options=OPTIONS.get(call.function))
    except pa.ArrowException as error:
        raise ExecutionError(f"{call} has no value: {error}") from error
    if call.function in SIGNING and pa.types.is_floating(value.type):
        return pc.add(value, pa.scalar(0.0, value.type))
    return value


def _remainder(whole: Any, divisor: Any) -> Any:
    """What is left of whole numbers after division; Arrow has had it for too short a time."""
    parts = pc.multiply(pc.divide_checked(whole, divisor), divisor)  # no larger than `whole`
    return pc.subtract(whole, parts)


def _time_bucket(width: Any, moments: Any) -> Any:
    """The start of the bucket of `width` that each duration or timestamp lies in."""
    origin = BUCKET_ORIGIN_US if pa.types.is_timestamp(moments.type) else 0
    width_us = pc.cast(width, pa.int64())
    since_us = pc.subtract_checked(pc.cast(moments, pa.int64()), origin)
    # Arrow divides towards zero; buckets before the origin begin one further down.
    whole = pc.multiply(pc.divide(since_us, width_us), width_us)
    below = pc.if_else(pc.less(since_us, whole), width_us, 0)
    start_us = pc.add_checked(pc.subtract_checked(whole, below), origin)
    return pc.cast(start_us, moments.type)
