"""A scan that gives its plan up: the rest of the frames gets a plan of its own."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field

import pyarrow as pa

from vqe.physical.cascade_scan import CascadeScanExec, ReplanRequested
from vqe.physical.operator import Operator
from vqe.runtime.context import Context


@dataclass(frozen=True, repr=False)
class ReplanExec(Operator):
    """The rows of `scan`, and from the frame at which it asks for another plan those of `rest`,
    which plans the frames from there on. What has left is not recalled.

    `until`: the frame at which an earlier query has given the plan up; None where none has.
    """

    scan: CascadeScanExec
    rest: Callable[[int], Operator] = field(compare=False)
    until: int | None = None

    @property
    def schema(self) -> pa.Schema:
        return self.scan.schema

    def headline(self) -> str:
        if self.until is None:
            return "Replan the rest once labels keep contradicting the plan"
        return f"Replan the rest from frame {self.until}"

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        frame = self.until
        try:
            with closing(self.scan.execute(context)) as batches:
                yield from batches
        except ReplanRequested as request:
            frame = request.frame
        if frame is not None:
            with closing(self.rest(frame).execute(context)) as batches:
                yield from batches
