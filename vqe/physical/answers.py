"""Answers on their way to rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vqe.physical.question import Question, scores_of
from vqe.physical.rows import CODE, scan_rows
from vqe.runtime.context import Context
from vqe.schema import SCAN_SCHEMA
from vqe.statistics.nearest import nearest
from vqe.storage.labels import LabelStore
from vqe.video.index import VideoIndex

ROWS = 8192
"""Frames answered at a time, where all answers are known."""


@dataclass(frozen=True)
class Answers:
    """Ascending ordinals, whether the condition holds, its mark, and the origin's code."""

    ordinals: NDArray[np.int64]
    present: NDArray[np.bool_]
    mark: NDArray[np.float32]
    decided_by: NDArray[np.int8]

    def between(self, start: int, stop: int) -> Answers:
        """Those of the frames [start, stop)."""
        return self.at(slice(*np.searchsorted(self.ordinals, [start, stop])))

    def at(self, rows: slice) -> Answers:
        """Those at the given positions."""
        return Answers(
            self.ordinals[rows], self.present[rows], self.mark[rows], self.decided_by[rows]
        )

    def from_store(self) -> Answers:
        """The same for a later query, which asks the reference network about none of them."""
        asked = self.decided_by == CODE["reference"]
        decided_by = np.where(asked, CODE["cache"], self.decided_by).astype(np.int8)
        return replace(self, decided_by=decided_by)


def with_labels(answers: Answers, question: Question, fresh: NDArray[np.int64]) -> Answers:
    """With what the labels say in place of other answers: where there is a mark, there is one.

    `fresh`: the frames that were labelled for this very query, int64, ascending.
    """
    labelled = ~np.isnan(answers.mark)
    present = np.where(labelled, question.holds(answers.mark), answers.present)
    decided_by = answers.decided_by.copy()
    decided_by[labelled] = origin_of(answers.ordinals[labelled], fresh)
    return replace(answers, present=present, decided_by=decided_by)


def stream(
    answers: Answers,
    video: str,
    index: VideoIndex,
    context: Context,
    columns: Sequence[str] = SCAN_SCHEMA.names,
) -> Iterator[tuple[Answers, pa.RecordBatch]]:
    """Answers that are all known, a part after the other, with the rows that qualify."""
    progress = context.progress.phase("scanning", len(answers.ordinals), answers=True)
    for first in range(0, len(answers.ordinals), ROWS):
        context.check()
        part = answers.at(slice(first, first + ROWS))
        yield part, rows_of(video, index, context, (part,), columns)
        progress.advance(len(part.ordinals))


def filled(answers: Answers, open_rows: NDArray[np.bool_]) -> Answers:
    """With the answer of the nearest other frame in the open ones, bool (N,): not all of them."""
    known = np.flatnonzero(~open_rows)
    present = answers.present[known][nearest(known, len(open_rows))]
    decided_by = np.where(open_rows, CODE["fill"], answers.decided_by).astype(np.int8)
    return replace(answers, present=present, decided_by=decided_by)


def known_answers(
    labels: LabelStore, question: Question, ordinals: NDArray[np.int64], fresh: NDArray[np.int64]
) -> Answers:
    """What the labels say about those of the frames `ordinals` that have one.

    `fresh`: those that were labelled for this very query; int64 and ascending, as `ordinals`.
    """
    labelled, mark = labels.measure(question.marks)
    asked = np.isin(labelled, ordinals, assume_unique=True)
    labelled, mark = labelled[asked], mark[asked]
    return Answers(labelled, question.holds(mark), mark, origin_of(labelled, fresh))


def origin_of(labelled: NDArray[np.int64], fresh: NDArray[np.int64]) -> NDArray[np.int8]:
    """Codes of labelled frames: the network where this query asked it, else the store."""
    is_fresh = np.isin(labelled, fresh, assume_unique=True)
    return np.where(is_fresh, CODE["reference"], CODE["cache"]).astype(np.int8)


def rows_of(
    video: str,
    index: VideoIndex,
    context: Context,
    answers: tuple[Answers, ...],
    columns: Sequence[str] = SCAN_SCHEMA.names,
) -> pa.RecordBatch:
    """The `columns` of the frames that qualify, of several answers merged in frame order."""
    stored = [np.count_nonzero(part.decided_by == CODE["cache"]) for part in answers]
    context.metrics.labels_from_store += int(sum(stored))
    present = np.concatenate([part.present for part in answers])
    ordinals = np.concatenate([part.ordinals for part in answers])[present]
    mark = np.concatenate([part.mark for part in answers])[present]
    origin = np.concatenate([part.decided_by for part in answers])[present]
    order = np.argsort(ordinals)
    score = scores_of(mark[order])
    return scan_rows(video, index, ordinals[order], score, origin[order], columns=columns)
