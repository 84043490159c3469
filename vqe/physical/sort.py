"""ORDER BY."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass

import pyarrow as pa

from vqe.physical.operator import Operator
from vqe.physical.ordering import in_order
from vqe.plan.nodes import SortKey
from vqe.runtime.context import Context


@dataclass(frozen=True, repr=False)
class SortExec(Operator):
    """All rows in the order of `keys`, of which it must hold every one."""

    keys: tuple[SortKey, ...]
    child: Operator

    @property
    def schema(self) -> pa.Schema:
        return self.child.schema

    def headline(self) -> str:
        return f"Sort {', '.join(map(str, self.keys))}"

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        waiting = []
        with closing(self.child.execute(context)) as batches:
            for batch in batches:
                context.check()
                waiting.append(batch)
        if waiting:
            yield in_order(pa.concat_batches(waiting), self.keys)
