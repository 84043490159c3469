"""The pull loop: operators yield batches of any size, the caller gets batches of its own."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing

import pyarrow as pa

from vqe.physical.damage import raise_damage
from vqe.physical.operator import Operator
from vqe.runtime.context import Context


def run(root: Operator, context: Context) -> Generator[pa.RecordBatch]:
    """The rows of `root` in batches of at most `settings.batch_size`, none of them empty.

    Rows leave as soon as they are found. Closing the generator stops the work below it. What
    damage the scans have met is raised behind the last row, so that none is lost to it.
    """
    size = context.settings.batch_size
    with closing(root.execute(context)) as batches:
        for batch in batches:
            for start in range(0, batch.num_rows, size):
                part = batch.slice(start, size)
                context.metrics.rows += part.num_rows
                yield part
    raise_damage(context)


class Stopwatch:
    """Adds up the time in which the query works, not that in which its caller does."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def __enter__(self) -> None:
        self.start, self.start_cpu = time.perf_counter(), time.process_time()

    def __exit__(self, *exc: object) -> None:
        self.context.metrics.wall_seconds += time.perf_counter() - self.start
        self.context.metrics.cpu_seconds += time.process_time() - self.start_cpu
