"""GROUP BY and aggregates."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from vqe.physical.accumulators import Accumulator, accumulator_of, valid
from vqe.physical.chunks import CHUNK_ROWS, chunks
from vqe.physical.evaluate import evaluate_column
from vqe.physical.groups import ROW, Groups
from vqe.physical.operator import Operator
from vqe.plan.aggregates import AggregateCall
from vqe.plan.expressions import Expression
from vqe.plan.nodes import aggregate_text
from vqe.runtime.context import Context


@dataclass(frozen=True, repr=False)
class AggregateExec(Operator):
    """A row for each group, in the order in which they begin; it holds the groups, not their rows.

    Rows are aggregated a chunk at a time, and the results merged. Chunks are cut by number: sums of
    doubles do not depend on the batches that the rows came in.
    """

    keys: tuple[tuple[str, Expression], ...]
    aggregates: tuple[tuple[str, AggregateCall], ...]
    child: Operator
    chunk_rows: int = field(default=CHUNK_ROWS, repr=False)

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([(name, value.type) for name, value in (*self.keys, *self.aggregates)])

    def headline(self) -> str:
        return aggregate_text(self.keys, self.aggregates)

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        keys = [expression for _, expression in self.keys]
        running = _Running(keys, [call for _, call in self.aggregates])
        running.add(pa.RecordBatch.from_pylist([], self.child.schema))
        with closing(self.child.execute(context)) as batches:
            for chunk in chunks(batches, context, self.chunk_rows):
                running.add(chunk)
        yield pa.RecordBatch.from_arrays(running.columns(), schema=self.schema)


class _Running:
    """The groups seen so far. A DISTINCT has groups of its own: the keys with each value."""

    def __init__(self, keys: Sequence[Expression], calls: Sequence[AggregateCall]) -> None:
        self.keys = {f"key {i}": key for i, key in enumerate(keys)}
        self.calls = calls
        self.accumulators = [accumulator_of(call) for call in calls]
        self.groups = Groups(
            list(self.keys),
            {
                name: function
                for i, accumulator in enumerate(self.accumulators)
                if not calls[i].distinct
                for name, function in zip(
                    _names(i, accumulator), accumulator.functions, strict=True
                )
            },
        )
        self.rows = 0
        self.distinct = {
            i: Groups([*self.keys, "value"], {}) for i, call in enumerate(calls) if call.distinct
        }

    def add(self, rows: pa.RecordBatch) -> None:
        """Takes further rows of the child in."""
        keys = {name: evaluate_column(key, rows) for name, key in self.keys.items()}
        keys[ROW] = pa.array(np.arange(self.rows, self.rows + rows.num_rows))
        self.rows += rows.num_rows
        parts = dict(keys)
        for i, (call, accumulator) in enumerate(zip(self.calls, self.accumulators, strict=True)):
            values = _argument(call, rows)
            if call.distinct:
                self.distinct[i].add(pa.table({**keys, "value": values}))
            else:
                names = _names(i, accumulator)
                parts.update(zip(names, accumulator.parts(values), strict=True))
        self.groups.add(pa.table(parts))

    def columns(self) -> list[pa.Array]:
        """The keys and the aggregates of all groups."""
        merged = self.groups.merged()
        columns = [merged[name].combine_chunks() for name in self.keys]
        for i, accumulator in enumerate(self.accumulators):
            if i in self.distinct:
                parts = [self._count_distinct(self.distinct[i])]
            else:
                parts = [merged[name].combine_chunks() for name in _names(i, accumulator)]
            columns.append(accumulator.finish(parts))
        return columns

    def _count_distinct(self, distinct: Groups) -> pa.Array:
        """How many values each group has; the first row of a group has the first of them."""
        values = distinct.merged()
        counted = Groups(list(self.keys), {"count": "sum"})
        keys = {name: values[name] for name in (*self.keys, ROW)}
        counted.add(pa.table({**keys, "count": valid(values["value"].combine_chunks())}))
        return counted.merged()["count"].combine_chunks()


def _argument(call: AggregateCall, rows: pa.RecordBatch) -> pa.Array:
    if call.argument is None:
        return pa.repeat(pa.scalar(True), rows.num_rows)
    return evaluate_column(call.argument, rows)


def _names(position: int, accumulator: Accumulator) -> list[str]:
    return [f"{position} {function} {i}" for i, function in enumerate(accumulator.functions)]
