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
    """The `columns` of the rows of all `scans`, which know the frame, none that of another.

    `first`: the first frame that each of them may have. A scan is not begun before that is reached.
    """

    scans: tuple[Operator, ...]
    first: tuple[int, ...]
    columns: tuple[str, ...] = tuple(SCAN_SCHEMA.names)

    @property
    def schema(self) -> pa.Schema:
        return schema_of(self.columns)

    def headline(self) -> str:
        return "Merge in frame order"

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        with ExitStack() as stack:
            streams = [
                _Stream(stack.enter_context(closing(scan.execute(context))), first)
                for scan, first in zip(self.scans, self.first, strict=True)
            ]
            while streams:
                # Rows that are there leave before a scan works on frames behind them.
                nearest = min(streams, key=lambda stream: (stream.next, stream.head is not None))
                if nearest.head is None:
                    if not nearest.pull():
                        streams.remove(nearest)
                    continue
                until = min(stream.until for stream in streams)
                ready = [stream.taken(until) for stream in streams if stream.next <= until]
                rows = pa.Table.from_batches(ready).sort_by("frame").select(self.columns)
                rows = rows.replace_schema_metadata(None)  # how far one of the scans has come
                yield from rows.combine_chunks().to_batches()


@dataclass(eq=False)
class _Stream:
    """The rows of a scan, of which `head` is at hand, and `next` is the first frame that may come:
    that of the head, or an earlier bound where none was pulled."""

    batches: Generator[pa.RecordBatch]
    next: int
    head: pa.RecordBatch | None = None

    @property
    def until(self) -> int:
        """The frame up to which all rows are at hand."""
        return self.next - 1 if self.head is None else int(self.head["frame"][-1].as_py())

    def pull(self) -> bool:
        """Fetches the next rows; whether there are any."""
        self.head = next((batch for batch in self.batches if batch.num_rows), None)
        if self.head is None:
            return False
        self.next = int(self.head["frame"][0].as_py())
        return True

    def taken(self, until: int) -> pa.RecordBatch:
        """The rows at hand up to a frame, which are let go."""
        assert self.head is not None
        head, n = self.head, pc.sum(pc.less_equal(self.head["frame"], until)).as_py()
        if n < head.num_rows:
            self.head = head.slice(n)
            self.next = int(self.head["frame"][0].as_py())
        else:
            self.head, self.next = None, self.until + 1
        return head.slice(0, n)
