"""Several videos as one relation."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field

import pyarrow as pa

from vqe.display.counted import counted
from vqe.errors import VideoError
from vqe.physical.damage import report_unreadable
from vqe.physical.operator import Operator
from vqe.physical.rows import schema_of
from vqe.runtime.context import Context
from vqe.schema import SCAN_SCHEMA


@dataclass(frozen=True, repr=False)
class ConcatExec(Operator):
    """The rows of one video after the other.

    `open` plans the i-th when its turn comes; it is told how many rows the earlier ones have given.
    A video that cannot be read ends the query, or is skipped with a warning, as `on_damage` says.
    """

    pattern: str
    videos: tuple[str, ...]
    open: Callable[[int, int], Operator] = field(compare=False)
    columns: tuple[str, ...] = tuple(SCAN_SCHEMA.names)

    @property
    def schema(self) -> pa.Schema:
        return schema_of(self.columns)

    def headline(self) -> str:
        n = len(self.videos)
        return f"Concat '{self.pattern}' {counted(n, 'file')}, one after the other"

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        rows = 0
        for i, video in enumerate(self.videos):
            context.check()
            context.progress.part(i, len(self.videos))
            try:
                with closing(self.open(i, rows).execute(context)) as batches:
                    for batch in batches:
                        rows += batch.num_rows
                        yield batch
            except VideoError as error:
                report_unreadable(video, error, context)
