"""The boxes of an MP4 or QuickTime file: where each lies, and the numbers in its tables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

MOST_BOXES = 10_000
"""Honest files have fewer, but for those in fragments; to walk more would take long."""


REPEATED = frozenset({b"trak", b"free", b"skip", b"wide", b"udta", b"uuid", b"sgpd", b"sbgp"})
"""The boxes that may be there more than once."""


class NotUnderstoodError(Exception):
    """The file is cut, damaged, or has something in it that is not understood."""


@dataclass(frozen=True)
class Box:
    """A box: its four letters, and where in the file its content lies, [start, stop)."""

    kind: bytes
    start: int
    stop: int


class BoxReader:
    """Reads the boxes of an open file; raises NotUnderstoodError where they are no boxes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._boxes_left = MOST_BOXES
        self.whole = Box(b"", 0, os.fstat(file.fileno()).st_size)

    def children(self, parent: Box) -> Iterator[Box]:
        """The boxes in `parent`; the last one of the file may end beyond it."""
        at = parent.start
        while at + 8 <= parent.stop:  # QuickTime ends some lists with four zero bytes
            self._boxes_left -= 1
            if self._boxes_left < 0:
                raise NotUnderstoodError("too many boxes")
            header = self._bytes(at, 8)
            size, start = int.from_bytes(header[:4], "big"), at + 8
            if size == 1:
                size, start = int.from_bytes(self._bytes(start, 8), "big"), start + 8
            stop = at + size if size else parent.stop
            if stop < start or (stop > parent.stop and parent is not self.whole):
                raise NotUnderstoodError("a box without room for itself")
            yield Box(header[4:], start, stop)
            at = stop

    def named(self, parent: Box) -> dict[bytes, Box]:
        """The first box of each kind in `parent`; a table that is there twice is an error."""
        found: dict[bytes, Box] = {}
        for box in self.children(parent):
            if box.kind in found and box.kind not in REPEATED:
                raise NotUnderstoodError("a box that is there twice")
            found.setdefault(box.kind, box)
        return found

    def content(self, box: Box, n_bytes: int) -> bytes:
        """The first bytes of a box."""
        if box.start + n_bytes > box.stop:
            raise NotUnderstoodError("a box that is too short")
        return self._bytes(box.start, n_bytes)

    def number(self, box: Box, offset: int, n_bytes: int = 4) -> int:
        """An unsigned number in a box."""
        return int.from_bytes(self.content(box, offset + n_bytes)[offset:], "big")

    def table(self, box: Box, row: np.dtype[Any], *, count_at: int = 4) -> NDArray[Any]:
        """The rows of a table; their number stands before them, `count_at` bytes from the start."""
        n_rows = self.number(box, count_at)
        first = box.start + count_at + 4
        # Checked before anything is allocated: a forged count may be four billion.
        if first + n_rows * row.itemsize > min(box.stop, self.whole.stop):
            raise NotUnderstoodError("a table that is larger than its box")
        return np.frombuffer(self._bytes(first, n_rows * row.itemsize), row)

    def _bytes(self, start: int, n_bytes: int) -> bytes:
        if start + n_bytes > self.whole.stop:
            raise NotUnderstoodError("a box beyond the end of the file")
        self._file.seek(start)
        content = self._file.read(n_bytes)
        if len(content) != n_bytes:
            raise NotUnderstoodError("a file that was cut meanwhile")
        return content


def need(boxes: dict[bytes, Box], kind: bytes) -> Box:
    """The box of that kind, which must be there."""
    if kind not in boxes:
        raise NotUnderstoodError("a box is missing")
    return boxes[kind]
