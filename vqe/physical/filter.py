"""WHERE above a scan."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import pyarrow as pa

from vqe.optimizer.conjunctions import split_conjunctions
from vqe.physical.evaluate import evaluate_column
from vqe.physical.operator import Operator
from vqe.plan.expressions import Expression
from vqe.runtime.context import Context


@dataclass(frozen=True, repr=False)
class FilterExec(Operator):
    """The rows for which `condition` is true; its parts are asked one after the other, each of the
    rows that the earlier ones left: those that can fail may rely on that."""

    condition: Expression
    child: Operator

    @property
    def schema(self) -> pa.Schema:
        return self.child.schema

    def headline(self) -> str:
        return f"Filter {self.condition}"

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        parts = list(split_conjunctions(self.condition))
        for batch in self.child.execute(context):
            rows = batch
            for part in parts:
                if rows.num_rows:
                    rows = rows.filter(evaluate_column(part, rows))
            yield rows
