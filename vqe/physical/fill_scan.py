"""A scan of frames whose answers follow from those of a few among them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vqe.physical.answers import Answers, known_answers, origin_of, stream
from vqe.physical.operator import Operator
from vqe.physical.question import Question
from vqe.physical.rows import CODE, frames_text, schema_of
from vqe.runtime.context import Context
from vqe.runtime.metrics import ScanMetrics, StageMetrics
from vqe.schema import SCAN_SCHEMA
from vqe.statistics.nearest import nearest
from vqe.storage.labels import LabelStore
from vqe.video.index import VideoIndex


@dataclass(frozen=True)
class Fill:
    """The frames that others follow from, int64 (n,), ascending, whether the object is there, bool
    (n,), and their marks, float32 (n,): NaN where a specialized model answered."""

    ordinals: NDArray[np.int64]
    present: NDArray[np.bool_]
    mark: NDArray[np.float32]

    @property
    def guess(self) -> bool:
        """What the model answered: the same for all."""
        return bool(self.present[np.isnan(self.mark)].any())

    @property
    def guessed(self) -> int:
        """How many of them a specialized model has answered."""
        return int(np.isnan(self.mark).sum())


@dataclass(frozen=True, repr=False)
class FillScanExec(Operator):
    """Those of the frames `ordinals` (int64, ascending) for which `question` holds.

    Frames in `fill`, and others that `labels` happen to know, are answered by what the reference
    network saw, or a specialized model where it was not asked; all others as the nearest in `fill`,
    and there alone: what was not chosen to speak for its neighbours may be a flicker. Nothing is
    decoded. `fresh` (ascending): the frames labelled for this very query.
    `title`: what profiles call the scan.
    """

    video: str
    index: VideoIndex
    ordinals: NDArray[np.int64]
    question: Question
    labels: LabelStore
    fresh: NDArray[np.int64]
    fill: Fill
    title: str
    columns: tuple[str, ...] = tuple(SCAN_SCHEMA.names)

    @property
    def schema(self) -> pa.Schema:
        return schema_of(self.columns)

    def headline(self) -> str:
        return (
            f"FillScan '{self.video}' {frames_text(self.ordinals)}: "
            f"from {len(self.fill.ordinals):,} frames"
        )

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        filled = StageMetrics("fill")
        context.metrics.scans.append(ScanMetrics(self.title, StageMetrics("decode"), [filled]))
        for part, rows in stream(self._answers(), self.video, self.index, context, self.columns):
            n = int(np.count_nonzero(part.decided_by == CODE["fill"]))
            filled.add(n, n, 0.0)
            yield rows

    def _answers(self) -> Answers:
        """Of all frames: known ones, and those that are filled in from them."""
        n = len(self.ordinals)
        mark = np.full(n, np.nan, np.float32)
        origin = np.full(n, CODE["fill"], np.int8)
        present = np.zeros(n, np.bool_)
        known = known_answers(self.labels, self.question, self.ordinals, self.fresh)
        at = np.searchsorted(self.ordinals, known.ordinals)
        present[at], mark[at], origin[at] = known.present, known.mark, known.decided_by
        # The store may have forgotten what the plan was made of.
        at = np.searchsorted(self.ordinals, self.fill.ordinals)
        fill, guessed = self.fill, np.isnan(self.fill.mark)
        labelled = at[~guessed]
        mark[labelled], present[labelled] = fill.mark[~guessed], fill.present[~guessed]
        origin[labelled] = origin_of(fill.ordinals[~guessed], self.fresh)
        guesses = at[guessed & (origin[at] == CODE["fill"])]  # those that have no label meanwhile
        present[guesses], origin[guesses] = fill.guess, CODE["specialized"]
        filled = origin == CODE["fill"]
        present[filled] = fill.present[nearest(at, n)][filled]
        return Answers(self.ordinals, present, mark, origin)
