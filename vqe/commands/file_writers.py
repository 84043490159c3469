"""Record batches as the bytes of a file, in the formats that COPY knows.

Parquet and Arrow keep every type, but that Arrow has strings in place of dictionaries of them. CSV
and JSON are text: a duration is clock time, a moment a date and time, a number that is not finite
null; lists and structs are JSON, in CSV as well.
"""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from vqe.plan.commands import CopyFormat

SECOND_US = 1_000_000


class Writer(Protocol):
    """Takes the rows of a file one batch after the other."""

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Appends the rows."""


@contextmanager
def writer(
    format: CopyFormat,
    file: BinaryIO,
    schema: pa.Schema,
    learned: Callable[[], Mapping[str, str]] = dict,
) -> Iterator[Writer]:
    """Writes rows of `schema` to `file`; complete when the block has ended.

    Parquet and Arrow keep the metadata of the schema; what is `learned` by the end of the block
    joins them in Parquet, where metadata stand behind the rows.
    """
    match format:
        case "parquet":
            from pyarrow.parquet import ParquetWriter

            with ParquetWriter(file, schema) as parquet:
                yield parquet
                parquet.add_key_value_metadata(learned())
        case "arrow":
            with pa.ipc.new_file(file, _plain_schema(schema)) as arrow:
                yield _PlainRows(arrow)
        case "csv":
            from pyarrow.csv import CSVWriter

            with CSVWriter(file, _text_schema(schema)) as csv:
                yield _CsvRows(csv)
        case "json":
            yield _JsonLines(file)


class _PlainRows:
    """Rows whose dictionaries are spelled out: an Arrow file has one for all of them."""

    def __init__(self, arrow: Writer) -> None:
        self.arrow = arrow

    def write_batch(self, batch: pa.RecordBatch) -> None:
        schema = _plain_schema(batch.schema)
        columns = [c.cast(f.type) for c, f in zip(batch.columns, schema, strict=True)]
        self.arrow.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


class _CsvRows:
    """A line for each row, below a line of names."""

    def __init__(self, csv: Writer) -> None:
        self.csv = csv

    def write_batch(self, batch: pa.RecordBatch) -> None:
        columns = [_text_column(column) for column in batch.columns]
        schema = _text_schema(batch.schema)
        self.csv.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


class _JsonLines:
    """An object for each row, each on a line of its own."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def write_batch(self, batch: pa.RecordBatch) -> None:
        columns = [_as_printed(column) for column in batch.columns]
        rows = pa.RecordBatch.from_arrays(columns, names=batch.schema.names).to_pylist()
        lines = (json_text(row) + "\n" for row in rows)
        self.file.write("".join(lines).encode())


def _as_printed(column: pa.Array) -> pa.Array:
    """The column with values that JSON shows well, as far as that can be done for all at once."""
    if column.type == pa.float32():
        return column.cast(pa.string()).cast(pa.float64())  # 0.7, not 0.699999988079071
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.string())  # of any year
    return clock_text(column) if pa.types.is_duration(column.type) else column


def _plain_schema(schema: pa.Schema) -> pa.Schema:
    fields = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in schema
    ]
    return pa.schema(fields, metadata=schema.metadata)


def _text_schema(schema: pa.Schema) -> pa.Schema:
    return pa.schema([(field.name, _text_type(field.type)) for field in schema])


def _text_type(type_: pa.DataType) -> pa.DataType:
    as_text = (pa.types.is_duration, pa.types.is_nested, pa.types.is_dictionary, pa.types.is_null)
    return pa.string() if any(is_kind(type_) for is_kind in as_text) else type_


def _text_column(column: pa.Array) -> pa.Array:
    """The column with a type that CSV can hold."""
    if pa.types.is_duration(column.type):
        return clock_text(column)
    if pa.types.is_nested(column.type):
        values = column.to_pylist()
        return pa.array([None if value is None else json_text(value) for value in values])
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
    return column.cast(_text_type(column.type))


def clock_text(durations: pa.Array) -> pa.Array:
    """Durations as `hours:minutes:seconds` with six digits behind the point, in any length."""
    us = durations.cast(pa.duration("us")).cast(pa.int64())
    size = pc.abs(us)
    seconds = pc.divide(size, SECOND_US)
    minutes, hours = pc.divide(seconds, 60), pc.divide(seconds, 3600)
    parts = (
        pc.if_else(pc.less(us, 0), "-", ""),
        _digits(hours, 2),
        ":",
        _digits(pc.subtract(minutes, pc.multiply(hours, 60)), 2),
        ":",
        _digits(pc.subtract(seconds, pc.multiply(minutes, 60)), 2),
        ".",
        _digits(pc.subtract(size, pc.multiply(seconds, SECOND_US)), 6),
    )
    return pc.binary_join_element_wise(*parts, "")


def _digits(numbers: pa.Array, width: int) -> pa.Array:
    return pc.utf8_lpad(numbers.cast(pa.string()), width=width, padding="0")


def json_text(value: Any) -> str:
    """A value of a row as JSON."""
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name: _plain(part) for name, part in value.items()}
        case list():
            return [_plain(part) for part in value]
        case float():
            return value if math.isfinite(value) else None
        case datetime.timedelta():
            return clock_text(pa.array([value], pa.duration("us")))[0].as_py()
        case datetime.datetime():
            return value.isoformat(" ", "microseconds")
    return value
