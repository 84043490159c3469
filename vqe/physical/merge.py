"""Several scans of one video as one, in frame order."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, closing
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from vqe.physical.operator import Operator
from vqe.physical.rows import schema_of
from vqe.runtime.context import Context
from vqe.schema import SCAN_SCHEMA


@dataclass(frozen=True, repr=False)
class MergeExec(Operator):
    """The `columns` of the rows of all `scans`, which know the frame, none that of another."""

    scans: tuple[Operator, ...]
    columns: tuple[str, ...] = tuple(SCAN_SCHEMA.names)

    @property
    def schema(self) -> pa.Schema:
        return schema_of(self.columns)

    def headline(self) -> str:
        return "Merge in frame order"

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        with ExitStack() as stack:
            streams = [stack.enter_context(closing(scan.execute(context))) for scan in self.scans]
            heads = [_next(stream) for stream in streams]
            while any(head is not None for head in heads):
                # Up to the first frame after which some scan may still have others.
                until = min(head["frame"][-1].as_py() for head in heads if head is not None)
                ready = []
                for i, head in enumerate(heads):
                    if head is None:
                        continue
                    mine = pc.sum(pc.less_equal(head["frame"], until)).as_py()
                    ready.append(head.slice(0, mine))
                    heads[i] = head.slice(mine) if mine < head.num_rows else _next(streams[i])
                rows = pa.Table.from_batches(ready).sort_by("frame").select(self.columns)
                yield from rows.combine_chunks().to_batches()


def _next(stream: Generator[pa.RecordBatch]) -> pa.RecordBatch | None:
    """The next batch with rows; None where there is none."""
    return next((batch for batch in stream if batch.num_rows), None)
