"""COPY: the rows of a query become a file, or nothing does."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import BinaryIO

import pyarrow as pa

from vqe.commands.file_writers import writer
from vqe.errors import ExecutionError
from vqe.executor.metadata import measured, promised
from vqe.executor.query import Query
from vqe.plan.catalog import printable
from vqe.plan.commands import CopyFormat

ROWS = 2**16
BYTES = 32 * 2**20
"""What is written as one piece; a query hands over far smaller ones."""


def copy(query: Query, path: str, format: CopyFormat) -> int:
    """Writes the rows as they are found, and returns how many there were.

    The file appears under its name when it is complete, in place of one that was there. Where the
    query fails or is cancelled, nothing is left of it. Its metadata are those of a result.
    """
    rows, schema = 0, query.schema.with_metadata(promised(query))
    with (
        _complete(path) as file,
        closing(query.run()) as batches,
        writer(format, file, schema, lambda: measured(query)) as written,
    ):
        for piece in _pieces(batches, query.schema):
            with _explained(path):  # what the query raises is clear enough
                written.write_batch(piece)
            rows += piece.num_rows
    return rows


def _pieces(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The batches, joined into larger ones."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if (
            sum(part.num_rows for part in waiting) >= ROWS
            or sum(part.nbytes for part in waiting) >= BYTES
        ):
            yield from pa.Table.from_batches(waiting, schema).combine_chunks().to_batches()
            waiting = []
    yield from pa.Table.from_batches(waiting, schema).combine_chunks().to_batches()


@contextmanager
def _complete(path: str) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` once the block has ended well."""
    with _explained(path):
        if printable(path) != path:
            raise ExecutionError(f"{path!r} cannot be written: that is no valid UTF-8")
        target = os.path.realpath(path)
        if os.path.isdir(target):
            raise ExecutionError(f"'{path}' cannot be written: it is a folder")
        folder, name = os.path.split(target)
        if not os.path.isdir(folder):
            raise ExecutionError(f"'{path}' cannot be written: there is no such folder")
        part = os.path.join(folder, f".{name}.{secrets.token_hex(4)}.part")
        file = open(part, "xb")  # noqa: SIM115 - closed below, before it is renamed
    try:
        with file:
            yield file
            with _explained(path):
                file.flush()
                os.fsync(file.fileno())
        with _explained(path):
            os.replace(part, target)
    except BaseException:
        with suppress(OSError):
            os.remove(part)
        raise


@contextmanager
def _explained(path: str) -> Iterator[None]:
    """What goes wrong with the file, as an error of ours."""
    try:
        yield
    except (OSError, ValueError, pa.ArrowException) as error:
        if isinstance(error, ExecutionError):
            raise
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise ExecutionError(f"'{path}' cannot be written: {reason}") from error
