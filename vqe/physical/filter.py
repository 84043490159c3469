"""WHERE above a scan."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import pyarrow as pa

from vqe.physical.evaluate import evaluate_column
from vqe.physical.operator import Operator
from vqe.plan.expressions import Expression
from vqe.runtime.context import Context


@dataclass(frozen=True, repr=False)
class FilterExec(Operator):
    """The rows for which `condition` is true."""

    condition: Expression
    child: Operator

    @property
    def schema(self) -> pa.Schema:
        return self.child.schema

    def headline(self) -> str:
        return f"Filter {self.condition}"

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        for batch in self.child.execute(context):
            yield batch.filter(evaluate_column(self.condition, batch))
