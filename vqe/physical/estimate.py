"""Averages and sums of what is seen, from a sample of the rows of each group."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vqe.errors import AccuracyWarning, ExecutionError
from vqe.physical.aggregate import aggregated
from vqe.physical.annotate import Affordable, Annotator, Footage
from vqe.physical.evaluate import evaluate_column
from vqe.physical.operator import Operator
from vqe.plan.aggregates import AggregateCall
from vqe.plan.expressions import Expression, Sight, columns_of
from vqe.plan.nodes import aggregate_text
from vqe.runtime.context import Context
from vqe.runtime.metrics import EstimateMetrics
from vqe.runtime.warning import warn
from vqe.statistics.mean_estimates import PILOT, MeanEstimate

CONFIDENCE = 0.95

FIRST_ROWS = 32
GROWTH = 4
"""So many rows are drawn before it is known what one takes, and then so many times those drawn."""


@dataclass(frozen=True, repr=False)
class EstimateExec(Operator):
    """As AggregateExec over AnnotateExec, where averages and sums of what is seen may be off by
    `error`, in each group, with a confidence of 95 %.

    Rows of a group are drawn without replacement until Student's interval is narrow enough, or the
    `allowance` ends. All rows of the child are held, without what is seen.
    """

    keys: tuple[tuple[str, Expression], ...]
    aggregates: tuple[tuple[str, AggregateCall], ...]
    error: float
    sights: tuple[tuple[str, Sight], ...]
    child: Operator
    footage: Callable[[str], Footage] = field(compare=False)
    affordable: Affordable = field(compare=False)

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([(name, value.type) for name, value in (*self.keys, *self.aggregates)])

    def headline(self) -> str:
        text = aggregate_text(self.keys, self.aggregates)
        return text.replace("Aggregate", "Estimate", 1) + f" within {self.error:g}"

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        rows = self._rows(context)
        plain = tuple(call for call in self.aggregates if not self._is_seen(call[1]))
        columns = aggregated(self.keys, plain, rows) if self.keys or plain else {}
        group, n_groups = self._numbered(rows)
        columns |= _Sampling(self, rows, group, n_groups, context).run()
        ordered = [columns[name] for name, _ in (*self.keys, *self.aggregates)]
        yield pa.RecordBatch.from_arrays(ordered, schema=self.schema)

    def _is_seen(self, call: AggregateCall) -> bool:
        return call.argument is not None and bool(
            columns_of(call.argument) & {name for name, _ in self.sights}
        )

    def _rows(self, context: Context) -> pa.RecordBatch:
        with closing(self.child.execute(context)) as batches:
            parts = [pa.RecordBatch.from_pylist([], self.child.schema)]
            for batch in batches:
                context.check()
                parts.append(batch)
        return pa.concat_batches(parts)

    def _numbered(self, rows: pa.RecordBatch) -> tuple[NDArray[np.int64], int]:
        """The number of each row's group, int64 (N,), in the order in which they begin."""
        if not self.keys:
            return np.zeros(rows.num_rows, np.int64), 1
        codes = [
            evaluate_column(key, rows).dictionary_encode(null_encoding="encode").indices.to_numpy()
            for _, key in self.keys
        ]
        _, first, number = np.unique(
            np.stack(codes, axis=1), axis=0, return_index=True, return_inverse=True
        )
        rank = np.empty(len(first), np.int64)
        rank[np.argsort(first)] = np.arange(len(first))
        return rank[number.reshape(-1)], len(first)


class _Sampling:
    """The rows that were drawn so far, and what was seen in them."""

    def __init__(
        self,
        operator: EstimateExec,
        rows: pa.RecordBatch,
        group: NDArray[np.int64],
        n_groups: int,
        context: Context,
    ) -> None:
        self.operator = operator
        self.rows = rows
        self.context = context
        self.calls = {n: call for n, call in operator.aggregates if operator._is_seen(call)}
        rng = np.random.default_rng(context.settings.seed)
        order = rng.permutation(rows.num_rows)
        order = order[np.argsort(group[order], kind="stable")]
        bounds = np.searchsorted(group[order], np.arange(n_groups + 1))
        self.members = [order[start:stop] for start, stop in pairwise(bounds.tolist())]
        self.values = {name: np.full(rows.num_rows, np.nan) for name in self.calls}
        self.drawn = np.zeros(n_groups, np.int64)
        self.annotator = Annotator(operator.sights, operator.footage, operator.affordable, context)
        self.seconds = 0.0

    def run(self) -> dict[str, pa.Array]:
        """The estimates of each aggregate, for all groups."""
        wanted = np.array([min(PILOT, len(members)) for members in self.members], np.int64)
        ended = False
        while (wanted > self.drawn).any() and not ended:
            ended = self._draw(wanted)
            wanted = np.array([self._wanted(number) for number in range(len(self.members))])
        self.annotator.report_damage()
        found = {
            name: [self._estimate(name, number) for number in range(len(self.members))]
            for name in self.calls
        }
        self._report(found)
        return {name: self._column(name, estimates) for name, estimates in found.items()}

    def _column(self, name: str, estimates: list[MeanEstimate | None]) -> pa.Array:
        type_ = self.calls[name].type
        values = [None if one is None else one.mean for one in estimates]
        if pa.types.is_integer(type_):
            return pa.array([None if value is None else round(value) for value in values], type_)
        return pa.array(values, type_)

    def _draw(self, wanted: NDArray[np.int64]) -> bool:
        """Draws from each group towards so many rows of it; whether the effort ended."""
        done = int(self.drawn.sum())
        most = self.operator.affordable(self.seconds / done if done else None)
        missing = np.maximum(wanted - self.drawn, 0)
        ended = bool(missing.sum() > most)
        # No more at a time than tells in time what a frame takes.
        most = min(most, max(FIRST_ROWS, GROWTH * done))
        if missing.sum() > most:
            missing = np.ceil(missing * (most / missing.sum())).astype(np.int64)
            ended = ended and most < FIRST_ROWS
        clock = time.perf_counter()
        rows = np.sort(
            np.concatenate(
                [
                    members[done : done + more]
                    for members, done, more in zip(self.members, self.drawn, missing, strict=True)
                ]
            )
        )
        self.drawn += missing
        for part in self.annotator.annotated(self.rows.take(pa.array(rows))):
            here, rows = rows[: part.num_rows], rows[part.num_rows :]
            for name, call in self.calls.items():
                assert call.argument is not None
                value = evaluate_column(call.argument, part).cast(pa.float64())
                self.values[name][here] = value.to_numpy(zero_copy_only=False)
                if np.isinf(self.values[name][here]).any():
                    raise ExecutionError(f"{call} is beyond what a double can hold")
        self.seconds += time.perf_counter() - clock
        return ended

    def _estimate(self, name: str, number: int) -> MeanEstimate | None:
        """Of the average, or of the sum, in a group; None where it has no value."""
        members = self.members[number]
        values = self.values[name][members[: self.drawn[number]]]
        known = values[~np.isnan(values)]
        drawn_all = len(values) == len(members)
        if not len(known) and (drawn_all or self.calls[name].function == "avg" or not len(values)):
            return None
        if self.calls[name].function == "avg":
            # Nulls do not count: of all rows of the group, as many as in the sample.
            size = len(known)
            if not drawn_all:
                size = max(round(len(members) * len(known) / len(values)), len(known) + 1)
            return MeanEstimate.of(known, size, CONFIDENCE)
        return MeanEstimate.of(np.nan_to_num(values), len(members), CONFIDENCE).times(len(members))

    def _wanted(self, number: int) -> int:
        """Rows of a group that it takes, about."""
        drawn, needed = int(self.drawn[number]), []
        for name in self.calls:
            estimate = self._estimate(name, number)
            if estimate is None:
                needed.append(2 * drawn)  # where there is a value, it was not met yet
            else:
                # Of the rows drawn, only those with a value count.
                values = estimate.wanted(self.operator.error, CONFIDENCE)
                needed.append(math.ceil(values * drawn / estimate.sampled))
        return min(max([*needed, drawn]), len(self.members[number]))

    def _report(self, found: dict[str, list[MeanEstimate | None]]) -> None:
        complete = [len(members) == n for members, n in zip(self.members, self.drawn, strict=True)]
        for name, estimates in found.items():
            reached = max(
                (
                    math.inf if one is None else one.half_width
                    for one, whole in zip(estimates, complete, strict=True)
                    if not whole
                ),
                default=0.0,
            )
            self.context.metrics.estimates.append(
                EstimateMetrics(
                    name, len(estimates), self.rows.num_rows, int(self.drawn.sum()), reached
                )
            )
            if reached > self.operator.error:
                asked = f"{self.operator.error:g} was asked for"
                warn(
                    f"{name} is known within {reached:.2g} ({asked}): the effort ended",
                    AccuracyWarning,
                )
