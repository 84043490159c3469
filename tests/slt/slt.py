"""Reads `.slt` files, in the style of sqllogictest.

A file is a list of records, apart by blank lines; lines that begin with `#` are comments.

    query IT rowsort          types of the columns, then `rowsort` where the order is free
    SELECT frame, video …     the statement
    ----
    20 clip                   a row a line, values apart by a space

    statement ok              whatever it gives
    CREATE VIDEO …

    statement error ‹part of the message›
    SELECT …

A record may hold several statements, apart by `;`; what it registers or sets ends with it. Types: I
integer, R real (three digits), T text, B boolean, D duration (microseconds), M moment. A text that
holds a space is written with `_` in its place; null is NULL. Rows 20..44 in a row of their own
stand for one row for each number. `query IT estimate` says that the record need not hold with EXACT
appended, `query IT ours` that no other engine knows what it asks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pyarrow as pa

TYPES = {
    "I": pa.types.is_integer,
    "R": lambda type_: pa.types.is_floating(type_) or pa.types.is_null(type_),
    "T": lambda type_: (
        pa.types.is_string(type_) or pa.types.is_dictionary(type_) or pa.types.is_list(type_)
    ),
    "B": pa.types.is_boolean,
    "D": pa.types.is_duration,
    "M": pa.types.is_timestamp,
}


@dataclass(frozen=True)
class Record:
    """A statement and what must come of it: `rows`, an `error` with that text, or neither."""

    line: int
    sql: str
    types: str = ""
    options: frozenset[str] = frozenset()
    rows: tuple[str, ...] | None = None
    error: str | None = None


def read(path: Path) -> Iterator[Record]:
    """The records of a file."""
    blocks: list[tuple[int, list[str]]] = [(0, [])]
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            blocks.append((0, []))
        elif not line.startswith("#"):
            start, lines = blocks[-1]
            blocks[-1] = (start or number, [*lines, line])
    for number, lines in blocks:
        if lines:
            yield _record(number, lines)


def _record(number: int, lines: list[str]) -> Record:
    head, *rest = lines
    if head.startswith("statement error "):
        return Record(number, "\n".join(rest), error=head.removeprefix("statement error "))
    if head == "statement ok":
        return Record(number, "\n".join(rest))
    kind, types, *options = head.split()
    if kind != "query" or not set(types) <= set(TYPES) or not set(options) <= OPTIONS:
        raise ValueError(f"line {number} begins no record: {head}")
    cut = rest.index("----")
    rows = [row for line in rest[cut + 1 :] for row in _expand(line)]
    return Record(number, "\n".join(rest[:cut]), types, frozenset(options), tuple(rows))


OPTIONS = {"rowsort", "estimate", "ours"}


def _expand(line: str) -> list[str]:
    span = re.match(r"(\d+)\.\.(\d+)(.*)", line)
    if span is None:
        return [line]
    start, stop, rest = int(span[1]), int(span[2]), span[3]
    return [f"{number}{rest}" for number in range(start, stop + 1)]


def show(table: pa.Table) -> list[str]:
    """The rows as they are written in a file."""
    columns = [[text_of(value) for value in column.to_pylist()] for column in table.columns]
    return [" ".join(row) for row in zip(*columns, strict=True)]


def text_of(value: object) -> str:
    """A value as it is written in a file."""
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.3f}"
        case timedelta():
            return str(value // timedelta(microseconds=1))
    return str(value).replace(" ", "_") or "''"


def types_fit(types: str, schema: pa.Schema) -> bool:
    """Whether the columns have the types that the record names."""
    return len(types) == len(schema.names) and all(
        TYPES[letter](field.type) for letter, field in zip(types, schema, strict=True)
    )
