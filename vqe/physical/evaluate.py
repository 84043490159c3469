"""Bound expressions over record batches, by Arrow's compute kernels."""

from __future__ import annotations

import pyarrow as pa

from vqe.errors import PlanError
from vqe.plan.expressions import Call, Column, Constant, Expression
from vqe.plan.kernels import run_kernel


def evaluate(expression: Expression, batch: pa.RecordBatch) -> pa.Array | pa.Scalar:
    """The expression's value for each row; a scalar where it is the same for all."""
    match expression:
        case Column(name):
            return batch.column(name)
        case Constant(value, type_):
            return pa.scalar(value, type_)
        case Call(_, args):
            return run_kernel(expression, [evaluate(arg, batch) for arg in args])
        case _:
            raise PlanError(f"{expression} was not pushed down into a scan")


def evaluate_column(expression: Expression, batch: pa.RecordBatch) -> pa.Array:
    """The expression's value for each row, as an array of the batch's length."""
    value = evaluate(expression, batch)
    return value if isinstance(value, pa.Array) else pa.repeat(value, batch.num_rows)
