"""A scan that needs no pixels."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from vqe.physical.operator import Operator
from vqe.physical.rows import UNDECIDED, scan_rows
from vqe.runtime.context import Context
from vqe.schema import SCAN_SCHEMA
from vqe.video.index import VideoIndex
from vqe.video.segments import Span

ROWS = 8192


@dataclass(frozen=True, repr=False)
class IndexScanExec(Operator):
    """All frames of `span`, from the packet index alone."""

    video: str
    index: VideoIndex
    span: Span

    @property
    def schema(self) -> pa.Schema:
        return SCAN_SCHEMA

    def headline(self) -> str:
        return f"IndexScan '{self.video}' frames {self.span[0]}..{self.span[1]}"

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        for start in range(*self.span, ROWS):
            context.check()
            ordinals = np.arange(start, min(start + ROWS, self.span[1]))
            score = np.full(len(ordinals), np.nan, np.float32)
            undecided = np.full(len(ordinals), UNDECIDED, np.int8)
            yield scan_rows(self.video, self.index, ordinals, score, undecided)
