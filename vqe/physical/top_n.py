"""ORDER BY … LIMIT."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass

import pyarrow as pa

from vqe.physical.chunks import CHUNK_ROWS, chunks
from vqe.physical.operator import Operator
from vqe.physical.ordering import in_order
from vqe.plan.nodes import SortKey
from vqe.runtime.context import Context


@dataclass(frozen=True, repr=False)
class TopNExec(Operator):
    """The first `count` rows in the order of `keys`; it holds these and a chunk of others."""

    count: int
    keys: tuple[SortKey, ...]
    child: Operator
    chunk_rows: int = CHUNK_ROWS

    @property
    def schema(self) -> pa.Schema:
        return self.child.schema

    def headline(self) -> str:
        return f"TopN {self.count} by {', '.join(map(str, self.keys))}"

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        best = None
        with closing(self.child.execute(context)) as batches:
            for chunk in chunks(batches, context, self.chunk_rows):
                # Earlier rows stand first, so that they win where keys are equal.
                rows = chunk if best is None else pa.concat_batches([best, chunk])
                best = in_order(rows, self.keys).slice(0, self.count)
        if best is not None:
            yield best
