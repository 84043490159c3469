"""The result of a query: Arrow record batches, and everything one does with them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, overload

import pyarrow as pa

from vqe.config import ExplainFormat, explain_format
from vqe.display.printed import Printed, preformatted
from vqe.display.tables import table_html, table_text
from vqe.errors import ConfigError, DamagedVideoError, ExecutionError, VqeError
from vqe.executor.explain import ExplainQuery, explain
from vqe.executor.kept_batches import KeptBatches
from vqe.executor.metadata import measured, promised
from vqe.executor.profile import Profile, profile
from vqe.executor.query import Query

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


class Result:
    """The rows of one query, computed when they are first asked for.

    Iterating streams `pyarrow.RecordBatch`es and can be done once; whoever asks for all rows, or
    reads the result through Arrow's stream protocol as DuckDB and Polars do, makes it keep them, so
    that they may be asked for again and in any way. Closing a result (or leaving its `with` block)
    stops the work. `repr` starts nothing but an EXPLAIN; a notebook that shows a result does.
    """

    def __init__(self, query: Query | None, table: pa.Table | None = None) -> None:
        """`query` is None for a statement that was carried out at once: `table` has its rows."""
        self._planned = query
        self._fate = _Fate()
        self._lock = threading.RLock()
        self._batches: Generator[pa.RecordBatch, None, bool] | None = None  # what close() ends
        self._stream: Generator[pa.RecordBatch] | None = None  # what the reader has
        self._kept: KeptBatches | None = None
        self._table = table

    @property
    def _query(self) -> Query:
        if self._planned is None:
            raise ExecutionError("this statement was no query: it has no plan and no profile")
        return self._planned

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns; known before the query runs.

        Its metadata say what was asked (see `vqe.executor.metadata`), and once there is a table of
        all rows, what was measured.
        """
        if self._table is not None:
            return self._table.schema
        return self._query.schema.with_metadata(promised(self._query))

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        if self._table is not None:
            return iter(self._table.to_batches())
        return self._start() if self._kept is None else self._rows()

    def _start(self) -> Generator[pa.RecordBatch]:
        with self._lock:
            if self._fate.refusal is not None:
                raise self._fate.refusal()
            self._fate.becomes("running", _ITERATED)
        self._batches = _followed(self._query.run(), self._fate, self.schema.metadata)
        self._stream = _whole(self._batches)
        return self._stream

    def _rows(self) -> Iterator[pa.RecordBatch]:
        """All rows, kept for whoever asks after this one."""
        with self._lock:
            if self._kept is None:
                self._kept = KeptBatches(self._start())
            elif self._fate.state == "closed" and self._fate.refusal is not None:
                raise self._fate.refusal()
            return iter(self._kept)

    def to_arrow_table(self) -> pa.Table:
        """All rows as one Arrow table; of a damaged video, DamagedVideoError carries the rest."""
        if self._table is None:
            rows, batches = self._rows(), []
            try:
                for batch in rows:
                    batches.append(batch)  # one by one: an error must not take them along
            except DamagedVideoError as error:
                error.table = pa.Table.from_batches(batches, schema=self.schema)
                raise
            metadata = {**promised(self._query), **measured(self._query)}
            schema = self.schema.with_metadata(metadata)
            self._table = pa.Table.from_batches(batches, schema=schema)
        return self._table

    def to_arrow_reader(self) -> pa.RecordBatchReader:
        """The rows as a stream, which keeps none of them."""
        return pa.RecordBatchReader.from_batches(self.schema, iter(self))

    def __arrow_c_schema__(self) -> object:
        return self.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        # Consumers may ask several times: for the schema, then the rows, then all of it again.
        rows = self._rows() if self._table is None else iter(self)
        reader = pa.RecordBatchReader.from_batches(self.schema, rows)
        try:
            return reader.__arrow_c_stream__(requested_schema)
        except (TypeError, ValueError, pa.ArrowException) as error:
            raise ConfigError(
                f"the result cannot be read with the requested schema: {error}",
                hint=f"its columns are: {', '.join(self.schema.names)}",
            ) from error

    def to_pandas(self, **options: Any) -> pd.DataFrame:
        """All rows as a pandas DataFrame, whose `attrs` have the metadata of the schema; `options`
        go to `pyarrow.Table.to_pandas`."""
        _need("pandas")
        frame: pd.DataFrame = self.to_arrow_table().to_pandas(**options)
        metadata = self.schema.metadata or {}
        frame.attrs |= {key.decode(): text.decode() for key, text in metadata.items()}
        return frame

    def to_polars(self) -> pl.DataFrame:
        """All rows as a Polars DataFrame."""
        polars = _need("polars")
        frame: pl.DataFrame = polars.from_arrow(self.to_arrow_table())
        return frame

    def show(self, max_rows: int = 20) -> None:
        """Prints the first and last of the rows, `max_rows` at most; all of them for EXPLAIN."""
        if not isinstance(max_rows, int) or max_rows < 0:
            raise ConfigError(f"max_rows must be a whole number from 0, got {max_rows!r}")
        self.to_arrow_table()
        print(self if self._is_plan_text else self._text(max_rows))

    @overload
    def explain(self, format: Literal["text", "json"] = "text") -> str: ...

    @overload
    def explain(self, format: Literal["table"]) -> pa.Table: ...

    def explain(self, format: ExplainFormat = "text") -> str | pa.Table:
        """The chosen plan and the rejected ones, as predicted; with measurements once the query has
        run.

        `format`: "text" for people; "table" for an Arrow table with a row for each video, plan and
        step; "json" for all that is known, see `vqe.executor.explain_json.explanation_dict`.
        """
        if not isinstance(format, str):
            raise ConfigError(f"format must be 'text', 'table' or 'json', got {format!r}")
        told = explain(self._query, explain_format(format, ConfigError))
        return Printed(told) if isinstance(told, str) else told

    @property
    def _only_explains(self) -> bool:
        """Whether it is a text that takes no run of the query: it may be printed at once."""
        return (
            self._is_plan_text
            and isinstance(self._planned, ExplainQuery)
            and not self._planned.analyze
        )

    @property
    def _is_plan_text(self) -> bool:
        return isinstance(self._planned, ExplainQuery) and self._planned.format != "table"

    @property
    def profile(self) -> Profile:
        """What the query did so far: plan, seconds, calls of the reference network, errors."""
        return profile(self._query)

    def cancel(self) -> None:
        """Asks a running query to stop, from any thread: its consumer gets QueryCancelledError."""
        if self._planned is not None:
            self._planned.context.cancelled.set()

    def close(self) -> None:
        """Stops the work, from any thread; rows that were not consumed are lost.

        Whoever asks for them afterwards gets an ExecutionError, in the midst of a loop as well.
        """
        self.cancel()
        if self._batches is not None:
            # Where another thread is at work on the rows, it stops as a cancelled query does.
            with suppress(ValueError):
                self._batches.close()
        if self._fate.state in ("not run yet", "running"):
            self._fate.becomes("closed", _CLOSED)

    def __enter__(self) -> Result:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if self._only_explains and self._fate.refusal is None:
            return "\n".join(self.to_arrow_table()["plan"].to_pylist())
        if self._table is None and not (self._kept and self._kept.complete):
            hint = "" if self._fate.refusal else "; show() prints its rows"
            return f"<vqe.Result, {self._fate.state}{hint}>\n{self._query.logical!r}"
        if self._is_plan_text:
            return "\n".join(self.to_arrow_table()["plan"].to_pylist())
        return self._text(max_rows=20)

    def _text(self, max_rows: int) -> str:
        return table_text(self.to_arrow_table(), max_rows=max_rows, notes=self._caveats())

    def _caveats(self) -> list[str]:
        """What whoever sees the rows has to know of them: which bounds were not met."""
        videos = () if self._planned is None else self.profile.videos
        return [f"in '{told.video}': {told.shortfall}" for told in videos if told.shortfall]

    def _repr_html_(self) -> str:
        """The rows, for a notebook that was asked to show them; a plan where they are gone."""
        if self._table is None and self._kept is None and self._fate.refusal is not None:
            return preformatted(repr(self))
        if self._is_plan_text:
            self.to_arrow_table()
            return preformatted(repr(self))
        return table_html(self.to_arrow_table(), notes=self._caveats())


def _need(package: str) -> ModuleType:
    """The optional package, which an extra of the same name installs."""
    try:
        return import_module(package)
    except ImportError as error:
        raise ConfigError(
            f"to_{package}() needs {package}, which is missing",
            hint=f"pip install 'vqe[{package}]'",
        ) from error


_ITERATED = (
    "this result was iterated already",
    "a result streams its rows once; to_arrow_table() keeps them",
)
_CLOSED = ("this result is closed", "con.sql() with the same statement gives a new one")


@dataclass
class _Fate:
    """How far a result has come, in words, and what a further request for its rows is told.

    `refusal` makes the error anew: one that was raised holds the frames that it came through, and
    with them the result, whose file would stay open.
    """

    state: str = "not run yet"
    refusal: Callable[[], VqeError] | None = None

    def becomes(self, state: str, refusal: tuple[str, str]) -> None:
        self.state = state
        self.refusal = lambda: ExecutionError(refusal[0], hint=refusal[1])


# No methods: a generator that knew its result would keep a forgotten one, and its file, open.
def _whole(batches: Generator[pa.RecordBatch, None, bool]) -> Generator[pa.RecordBatch]:
    """The batches of `_followed`; raises where the result was closed before the last of them."""
    try:
        while True:
            try:
                batch = next(batches)
            except StopIteration as end:
                if end.value:
                    return
                raise ExecutionError(_CLOSED[0], hint=_CLOSED[1]) from None
            except ValueError as error:
                at = error.__traceback__
                if at is not None and at.tb_next is not None:
                    raise  # from below; else another thread is in `close` at this moment
                raise ExecutionError(_CLOSED[0], hint=_CLOSED[1]) from None
            yield batch
    finally:
        # Of a forgotten result both are collected, and `batches` may be closing at this moment.
        with suppress(ValueError):
            batches.close()


def _followed(
    batches: Generator[pa.RecordBatch], fate: _Fate, metadata: dict[bytes, bytes]
) -> Generator[pa.RecordBatch, None, bool]:
    """The batches, with `metadata`; notes in `fate` how they ended. Returns True once all were
    handed over."""
    try:
        with closing(batches):
            for batch in batches:
                yield batch.replace_schema_metadata(metadata)
        fate.becomes("iterated", _ITERATED)
        return True
    except VqeError as error:
        failure = error  # `error` itself is gone after this block
        fate.state, fate.refusal = "failed", lambda: failure
        raise
    except BaseException:  # closed by its reader, or interrupted
        fate.becomes("closed", _CLOSED)
        raise
