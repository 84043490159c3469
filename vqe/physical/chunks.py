"""Batches of any size as chunks of a fixed one, or as one table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from vqe.runtime.context import Context

CHUNK_ROWS = 2**16


def chunks(
    batches: Iterable[pa.RecordBatch], context: Context, rows: int = CHUNK_ROWS
) -> Iterator[pa.RecordBatch]:
    """The rows in batches of exactly `rows`, but for the last: where results could depend on how
    rows are cut, they must not depend on how they came."""
    waiting: list[pa.RecordBatch] = []
    n = 0
    for batch in batches:
        context.check()
        waiting.append(batch)
        n += batch.num_rows
        while n >= rows:
            whole = pa.concat_batches(waiting)
            yield whole.slice(0, rows)
            waiting, n = [whole.slice(rows)], n - rows
    if n:
        yield pa.concat_batches(waiting)
