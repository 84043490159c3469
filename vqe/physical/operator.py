"""What every physical operator is: parameters as fields, rows from `execute`."""

from __future__ import annotations

from collections.abc import Generator

import pyarrow as pa

from vqe.runtime.context import Context
from vqe.tree import Tree


class Operator(Tree):
    """Base of the physical operators.

    An operator is a value; all running state is local to `execute`, a generator. Closing it ends
    the work below it.
    """

    @property
    def schema(self) -> pa.Schema:
        """Of the batches that `execute` yields."""
        raise NotImplementedError

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        """The rows, in frame order, in batches of any size."""
        raise NotImplementedError
