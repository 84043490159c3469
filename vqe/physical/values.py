"""A query without FROM."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import pyarrow as pa

from vqe.physical.operator import Operator
from vqe.runtime.context import Context


@dataclass(frozen=True, repr=False)
class ValuesExec(Operator):
    """One row without columns."""

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([])

    def headline(self) -> str:
        return "Values 1 row"

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        context.check()
        yield pa.RecordBatch.from_struct_array(pa.array([{}], pa.struct([])))
