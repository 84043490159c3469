"""Bound expressions over record batches, by Arrow's compute kernels."""

from __future__ import annotations

import pyarrow as pa

from vqe.errors import ExecutionError, PlanError
from vqe.physical.guarded import GUARDS, reached_by, spread
from vqe.plan.expressions import Call, Column, Constant, Expression
from vqe.plan.kernels import run_kernel


def evaluate(expression: Expression, batch: pa.RecordBatch) -> pa.Array | pa.Scalar:
    """The expression's value for each row; a scalar where it is the same for all.

    CASE, coalesce(), AND and OR guard: what fails on rows that none of them leads to does not
    fail. Kernels take all rows at once, so that only what has failed is done with care.
    """
    try:
        return _of_all_rows(expression, batch)
    except ExecutionError:
        return _of_rows_reached(expression, batch)


def evaluate_column(expression: Expression, batch: pa.RecordBatch) -> pa.Array:
    """The expression's value for each row, as an array of the batch's length."""
    return _column(evaluate(expression, batch), batch)


def _of_all_rows(expression: Expression, batch: pa.RecordBatch) -> pa.Array | pa.Scalar:
    match expression:
        case Column(name):
            return batch.column(name)
        case Constant(value, type_):
            return pa.scalar(value, type_)
        case Call(_, args):
            return run_kernel(expression, [_of_all_rows(arg, batch) for arg in args])
        case _:
            raise PlanError(f"{expression} was not pushed down into a scan")


def _of_rows_reached(expression: Expression, batch: pa.RecordBatch) -> pa.Array | pa.Scalar:
    if not isinstance(expression, Call):
        return _of_all_rows(expression, batch)
    if expression.function not in GUARDS:
        return run_kernel(expression, [_of_rows_reached(arg, batch) for arg in expression.args])
    values: list[pa.Array] = []
    for arg in expression.args:
        reached = reached_by(expression.function, values, batch.num_rows)
        rows = batch.filter(reached)
        if rows.num_rows:
            value = _column(_of_rows_reached(arg, rows), rows)
            values.append(spread(value, reached))
        else:  # not even a constant is worked out
            values.append(pa.nulls(batch.num_rows, arg.type))
    return run_kernel(expression, values)


def _column(value: pa.Array | pa.Scalar, batch: pa.RecordBatch) -> pa.Array:
    return value if isinstance(value, pa.Array) else pa.repeat(value, batch.num_rows)
