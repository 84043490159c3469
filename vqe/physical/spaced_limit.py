"""LIMIT n GAP d over rows in frame order."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from vqe.physical.operator import Operator
from vqe.physical.question import holding, scores_of
from vqe.physical.rows import CODE
from vqe.plan.gap import Gap
from vqe.runtime.context import Context
from vqe.schema import DECIDED_BY

Confirm = Callable[[str, NDArray[np.int64]], NDArray[np.float32]]
"""The marks of frames of a video, int64 (n,), ascending; NaN where no label is to be had."""


@dataclass(frozen=True, repr=False)
class SpacedLimitExec(Operator):
    """The first `count` rows, each at least `gap` after the one before it in its video.

    A row whose answer is not the reference network's own is handed out once `confirm` says that it
    holds, which is asked about `at_once` rows at most; None takes every row as it is. Closes its
    child as soon as it has the rows.
    """

    count: int
    gap: Gap
    child: Operator
    confirm: Confirm | None = field(compare=False)
    at_once: int = 1

    @property
    def schema(self) -> pa.Schema:
        return self.child.schema

    def headline(self) -> str:
        return f"SpacedLimit {self.count} GAP {self.gap}"

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        missing = self.count
        if not missing:
            return
        video, least = None, 0
        with closing(self.child.execute(context)) as batches:
            for batch in batches:
                context.check()
                rows = _Rows(batch, self)
                row = 0
                while (row := rows.next(row, video, least)) < batch.num_rows:
                    row, confirmed = rows.confirmed(row)
                    if confirmed is None:
                        continue
                    yield confirmed
                    missing -= 1
                    if not missing:
                        return
                    video, least = rows.videos[row], rows.places[row] + max(self.gap.size, 1)


class _Rows:
    """The rows of a batch."""

    def __init__(self, batch: pa.RecordBatch, operator: SpacedLimitExec) -> None:
        self.batch = batch
        self.operator = operator
        self.videos = batch["video"].to_numpy(zero_copy_only=False)
        self.frames = batch["frame"].to_numpy()
        self.places = self.frames
        if operator.gap.us:
            self.places = batch["timestamp"].cast(pa.int64()).to_numpy()
        codes = pc.fill_null(batch["decided_by"].indices, CODE["reference"]).to_numpy()
        self.sure = codes >= CODE["cache"]
        if operator.confirm is None:
            self.sure[:] = True

    def next(self, row: int, video: str | None, least: int) -> int:
        """The first row, from `row` on, that is far enough from the one before it."""
        far = (self.videos[row:] != video) | (self.places[row:] >= least)
        return row + (int(far.argmax()) if far.any() else len(far))

    def confirmed(self, row: int) -> tuple[int, pa.RecordBatch | None]:
        """Where the first row is that holds, and the row; or where to go on, and None."""
        if self.sure[row]:
            return row, self.batch.slice(row, 1)
        assert self.operator.confirm is not None
        stop = row + self.operator.at_once
        together = row + np.flatnonzero(
            ~self.sure[row:stop] & (self.videos[row:stop] == self.videos[row])
        )
        marks = self.operator.confirm(self.videos[row], self.frames[together])
        holds = np.flatnonzero(holding(marks))
        sure = row + np.flatnonzero(self.sure[row:stop])
        if len(sure) and (not len(holds) or sure[0] < together[holds[0]]):
            return int(sure[0]), self.batch.slice(int(sure[0]), 1)
        if not len(holds):
            return int(together[-1]) + 1, None
        found = int(together[holds[0]])
        return found, _confirmed(self.batch.slice(found, 1), marks[holds[0]])


def _confirmed(row: pa.RecordBatch, mark: np.float32) -> pa.RecordBatch:
    """The row as the reference network answers it."""
    reference = pa.array([CODE["reference"]], pa.int8())
    origin = pa.DictionaryArray.from_arrays(reference, list(DECIDED_BY))
    score = scores_of(np.array([mark], np.float32))
    columns = {"decided_by": origin, "score": pa.array(score, mask=np.isnan(score))}
    for name, value in columns.items():
        if name in row.schema.names:
            row = row.set_column(row.schema.names.index(name), row.schema.field(name), value)
    return row
