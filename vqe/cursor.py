"""Rows one by one as Python values: the cursor of Python's DB-API 2.0 (PEP 249)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any, TypeAlias

import pyarrow as pa

from vqe.errors import ConfigError, ExecutionError, UnsupportedError, VqeError
from vqe.result import Result

Row: TypeAlias = tuple[Any, ...]
"""int, float, str, bool, bytes, datetime, timedelta, None, or lists and dicts of these."""

Described: TypeAlias = tuple[str, pa.DataType, None, None, None, None, None]


class Cursor:
    """Runs statements one after the other and hands out their rows; for one thread at a time.

    A query is checked by `execute` and runs as its rows are fetched, none of which is kept. The
    type codes of `description` are Arrow types, which compare equal to their names ("int64").
    """

    rowcount = -1
    """Never known: rows are found while they are fetched."""

    def __init__(self, run: Callable[[str, Any], Result]) -> None:
        """`run` gives the result of a statement and its parameters."""
        self.arraysize = 1
        self._run = run
        self._result: Result | None = None
        self._rows: Iterator[Row] = iter(())
        self._closed = False

    @property
    def description(self) -> list[Described] | None:
        """Name and type of each column; None before the first statement."""
        if self._result is None:
            return None
        return [(field.name, field.type, *[None] * 5) for field in self._result.schema]

    def execute(self, sql: str, params: Any = None) -> Cursor:
        """Begins a statement, in place of the one before; returns the cursor."""
        self._check_open()
        self._leave()
        self._result = self._run(sql, params)
        self._rows = _rows(self._result)
        return self

    def executemany(self, sql: str, params: Any) -> None:
        """Refused: no statement changes rows, and the rows of several queries would be lost."""
        raise UnsupportedError(
            "executemany() is not supported", hint="call execute() for each set of parameters"
        )

    def fetchone(self) -> Row | None:
        """The next row; None after the last."""
        return next(iter(self.fetchmany(1)), None)

    def fetchmany(self, size: int | None = None) -> list[Row]:
        """The next `size` rows, or `arraysize`; fewer at the end, or where the query fails: then
        the next call raises the error."""
        size = self.arraysize if size is None else size
        if not isinstance(size, int) or size < 0:
            raise ConfigError(f"the number of rows must be a whole number from 0, got {size!r}")
        rows, error = self._take(size)
        if error is not None and not rows:
            raise error
        return rows

    def fetchall(self) -> list[Row]:
        """All rows that are left. Where the query fails it raises the error, as no other call may
        follow; the rows found until then are left to `fetchmany`."""
        rows, error = self._take(None)
        if error is not None:
            self._rows = chain(rows, self._rows)
            raise error
        return rows

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        for row in self.fetchmany(1):
            return row
        raise StopIteration

    def setinputsizes(self, sizes: object) -> None:
        """Does nothing, as the DB-API allows."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Does nothing, as the DB-API allows."""

    def cancel(self) -> None:
        """Asks a running query to stop, from any thread: its consumer gets QueryCancelledError."""
        result = self._result
        if result is not None:
            result.cancel()

    def close(self) -> None:
        """Stops the work; the cursor is of no further use."""
        self._closed = True
        self._leave()

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _leave(self) -> None:
        if self._result is not None:
            self._result.close()
        self._result, self._rows = None, iter(())

    def _take(self, size: int | None) -> tuple[list[Row], VqeError | None]:
        """The next rows, and what ended them before `size` was reached."""
        self._check_open()
        if self._result is None:
            raise ExecutionError("there are no rows: call execute() first")
        rows: list[Row] = []
        try:
            for row in islice(self._rows, size):
                rows.append(row)  # one by one: an error must not take them along
        except VqeError as error:
            self._rows = _failing(error)  # or the next call would find an end of the rows
            return rows, error
        return rows, None

    def _check_open(self) -> None:
        if self._closed:
            raise ExecutionError("this cursor is closed")


def _rows(result: Result) -> Iterator[Row]:
    for batch in result:
        yield from zip(*map(_values, batch.columns, batch.schema), strict=True)


def _failing(error: VqeError) -> Iterator[Row]:
    raise error
    yield


def _values(column: pa.Array, field: pa.Field) -> list[Any]:
    try:
        values: list[Any] = column.to_pylist()
    except (ValueError, OverflowError) as error:
        raise ExecutionError(
            f"column {field.name} holds a value that Python's {field.type} cannot: {error}",
            hint="to_arrow_table() has it",
        ) from error
    return values
