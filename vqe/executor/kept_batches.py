"""A stream of record batches that several readers may follow, each from the start."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pyarrow as pa


class KeptBatches:
    """Pulls a stream as far as its furthest reader has come, and keeps what it gave.

    Safe to read from several threads. An error is raised in its place, for every reader.
    """

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._lock = threading.Lock()
        self._kept: list[pa.RecordBatch] = []
        self._error: BaseException | None = None
        self.complete = False

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        position = 0
        while (batch := self._at(position)) is not None:
            yield batch
            position += 1

    def _at(self, position: int) -> pa.RecordBatch | None:
        with self._lock:
            if position == len(self._kept) and not self.complete:
                self._pull()
            return self._kept[position] if position < len(self._kept) else None

    def _pull(self) -> None:
        if self._error is not None:
            raise self._error
        try:
            self._kept.append(next(self._batches))
        except StopIteration:
            self.complete = True
        except BaseException as error:
            self._error = error
            raise
