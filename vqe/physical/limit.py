"""LIMIT."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass

import pyarrow as pa

from vqe.physical.operator import Operator
from vqe.runtime.context import Context


@dataclass(frozen=True, repr=False)
class LimitExec(Operator):
    """The first `count` rows; closes its child as soon as it has them."""

    count: int
    child: Operator

    @property
    def schema(self) -> pa.Schema:
        return self.child.schema

    def headline(self) -> str:
        return f"Limit {self.count}"

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        missing = self.count
        if missing == 0:
            return
        with closing(self.child.execute(context)) as batches:
            for batch in batches:
                yield batch.slice(0, missing)
                missing -= min(missing, batch.num_rows)
                if missing == 0:
                    return
