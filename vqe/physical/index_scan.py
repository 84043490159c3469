"""A scan that needs no pixels."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vqe.physical.operator import Operator
from vqe.physical.rows import UNDECIDED, frames_text, scan_rows, schema_of
from vqe.runtime.context import Context
from vqe.schema import SCAN_SCHEMA
from vqe.video.index import VideoIndex

ROWS = 8192


@dataclass(frozen=True, repr=False)
class IndexScanExec(Operator):
    """The frames `ordinals` (int64, ascending), from the packet index alone."""

    video: str
    index: VideoIndex
    ordinals: NDArray[np.int64]
    columns: tuple[str, ...] = tuple(SCAN_SCHEMA.names)

    @property
    def schema(self) -> pa.Schema:
        return schema_of(self.columns)

    def headline(self) -> str:
        return f"IndexScan '{self.video}' {frames_text(self.ordinals)}"

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        for first in range(0, len(self.ordinals), ROWS):
            context.check()
            ordinals = self.ordinals[first : first + ROWS]
            score = np.full(len(ordinals), np.nan, np.float32)
            undecided = np.full(len(ordinals), UNDECIDED, np.int8)
            yield scan_rows(
                self.video, self.index, ordinals, score, undecided, columns=self.columns
            )
