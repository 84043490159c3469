"""The result of a query: Arrow record batches, and everything one does with them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from vqe.display.tables import table_html, table_text
from vqe.errors import ExecutionError
from vqe.executor.explain import Explanation, explain
from vqe.executor.profile import Profile, profile
from vqe.executor.query import Query

if TYPE_CHECKING:
    import pandas as pd


class Result:
    """The rows of one query, computed when they are first asked for.

    Iterating streams `pyarrow.RecordBatch`es and can be done once; the methods that return all rows
    remember them, so that they may be called again and in any order. Closing a result (or leaving
    its `with` block) stops the work.
    """

    def __init__(self, query: Query) -> None:
        self._query = query
        self._batches: Generator[pa.RecordBatch] | None = None
        self._table: pa.Table | None = None

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns; known before the query runs."""
        return self._query.schema

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        if self._table is not None:
            return iter(self._table.to_batches())
        return self._start()

    def _start(self) -> Generator[pa.RecordBatch]:
        if self._batches is not None:
            raise ExecutionError(
                "this result was iterated already",
                hint="a result streams its rows once; to_arrow_table() keeps them",
            )
        self._batches = self._query.run()
        return self._batches

    def to_arrow_table(self) -> pa.Table:
        """All rows as one Arrow table."""
        if self._table is None:
            self._table = pa.Table.from_batches(self._start(), schema=self.schema)
        return self._table

    def to_arrow_reader(self) -> pa.RecordBatchReader:
        """The rows as a stream."""
        return pa.RecordBatchReader.from_batches(self.schema, iter(self))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_arrow_reader().__arrow_c_stream__(requested_schema)

    def to_pandas(self, **options: Any) -> pd.DataFrame:
        """All rows as a pandas DataFrame; `options` go to `pyarrow.Table.to_pandas`."""
        frame: pd.DataFrame = self.to_arrow_table().to_pandas(**options)
        return frame

    def show(self, max_rows: int = 20) -> None:
        """Prints the first and last rows; all of them for EXPLAIN."""
        self.to_arrow_table()
        print(self if isinstance(self._query, Explanation) else self._text(max_rows))

    def explain(self) -> str:
        """The plan; with measurements once the query has run."""
        return explain(self._query)

    @property
    def profile(self) -> Profile:
        """What the query did so far: plan, seconds, calls of the reference network, errors."""
        return profile(self._query)

    def cancel(self) -> None:
        """Asks a running query to stop, from any thread: its consumer gets QueryCancelledError."""
        self._query.context.cancelled.set()

    def close(self) -> None:
        """Stops the work; rows that were not consumed are lost."""
        if self._batches is not None:
            self._batches.close()
        else:
            self._batches = _nothing()

    def __enter__(self) -> Result:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        if self._table is None:
            return f"<vqe.Result, not run yet>\n{self._query.logical!r}"
        if isinstance(self._query, Explanation):
            return "\n".join(self._table["plan"].to_pylist())
        return self._text(max_rows=20)

    def _text(self, max_rows: int) -> str:
        return table_text(self.to_arrow_table(), max_rows=max_rows)

    def _repr_html_(self) -> str:
        return table_html(self.to_arrow_table())


def _nothing() -> Generator[pa.RecordBatch]:
    yield from ()
