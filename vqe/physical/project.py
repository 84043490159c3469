"""The select list."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import pyarrow as pa

from vqe.physical.evaluate import evaluate_column
from vqe.physical.operator import Operator
from vqe.plan.expressions import Expression
from vqe.runtime.context import Context


@dataclass(frozen=True, repr=False)
class ProjectExec(Operator):
    """One output column per (name, expression)."""

    columns: tuple[tuple[str, Expression], ...]
    child: Operator

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([(name, expression.type) for name, expression in self.columns])

    def headline(self) -> str:
        return f"Project {', '.join(name for name, _ in self.columns)}"

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        schema = self.schema
        for batch in self.child.execute(context):
            values = [evaluate_column(expression, batch) for _, expression in self.columns]
            yield pa.RecordBatch.from_arrays(values, schema=schema)
