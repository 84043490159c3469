"""No rows at all."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import pyarrow as pa

from vqe.physical.operator import Operator
from vqe.runtime.context import Context


@dataclass(frozen=True, repr=False)
class EmptyExec(Operator):
    """What LIMIT 0 leaves: the columns `fields`, and nothing to do for them."""

    fields: pa.Schema

    @property
    def schema(self) -> pa.Schema:
        return self.fields

    def headline(self) -> str:
        return "Empty"

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        yield from ()
