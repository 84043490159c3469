"""One run of a query: plan it, then pull its rows."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass

import pyarrow as pa

from vqe.executor.executor import Stopwatch, run
from vqe.optimizer import Rewrite
from vqe.plan.nodes import Node
from vqe.planner.explanation import Explanation
from vqe.planner.planner import PhysicalPlan, Planner
from vqe.planner.resources import Resources
from vqe.runtime.context import Context


@dataclass
class Query:
    """An optimised logical plan on its way to rows; `physical` is set once it is planned.

    `rewrites`: what the optimizer did, in its order; `sql`: the text that it came from.
    """

    logical: Node
    resources: Resources
    context: Context
    rewrites: tuple[Rewrite, ...] = ()
    physical: PhysicalPlan | None = None
    sql: str = ""

    @property
    def schema(self) -> pa.Schema:
        """Of the rows."""
        return self.logical.schema

    def run(self) -> Generator[pa.RecordBatch]:
        """Plans, labels and trains at the first pull; then the rows as they are found."""
        watch = Stopwatch(self.context)
        self.context.running = True
        try:
            with watch:
                self.physical = Planner(self.resources, self.context).plan(self.logical)
            with closing(run(self.physical.root, self.context)) as batches:
                while True:
                    with watch:
                        batch = next(batches, None)
                    if batch is None:
                        return
                    yield batch
        finally:
            self.context.progress.close()

    def preview(self) -> Explanation:
        """What EXPLAIN knows before the query runs."""
        return Planner(self.resources, self.context).preview(self.logical)
