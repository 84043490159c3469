"""The leaf of a plan: decoded frames go through the cascade, what leaves is Arrow."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vqe.errors import DamagedVideoError
from vqe.physical.operator import Operator
from vqe.physical.rows import CODE, scan_rows
from vqe.physical.stages import UNKNOWN, Decide, Question, Stage
from vqe.runtime.context import Context
from vqe.runtime.metrics import StageMetrics
from vqe.runtime.prefetch import prefetch
from vqe.schema import SCAN_SCHEMA
from vqe.storage.labels import LabelStore
from vqe.video.frames import FrameBatch
from vqe.video.index import VideoIndex
from vqe.video.reader import BATCH_FRAMES, Reader
from vqe.video.segments import Span, spans_of


@dataclass(frozen=True)
class Answers:
    """Ascending ordinals, whether the condition holds, its score, and the origin's code."""

    ordinals: NDArray[np.int64]
    present: NDArray[np.bool_]
    score: NDArray[np.float32]
    decided_by: NDArray[np.int8]

    def between(self, start: int, stop: int) -> Answers:
        """Those of the frames [start, stop)."""
        at = slice(*np.searchsorted(self.ordinals, [start, stop]))
        return Answers(self.ordinals[at], self.present[at], self.score[at], self.decided_by[at])


@dataclass(frozen=True, repr=False)
class CascadeScanExec(Operator):
    """The frames of `span` for which `question` holds, as `stages` answer it.

    Frames that `labels` knows are neither decoded nor asked again; those in `fresh` (ascending)
    were labelled for this very query, the others by an earlier one. All other frames are
    read and answered `batch_frames` at a time.
    """

    video: str
    index: VideoIndex
    span: Span
    question: Question
    stages: tuple[Stage, ...]
    labels: LabelStore
    fresh: NDArray[np.int64]
    batch_frames: int = BATCH_FRAMES

    @property
    def schema(self) -> pa.Schema:
        return SCAN_SCHEMA

    def headline(self) -> str:
        start, stop = self.span
        steps = " → ".join(stage.name for stage in self.stages)
        return f"CascadeScan '{self.video}' frames {start}..{stop}: {steps}"

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        known = self._known()
        context.metrics.labels_from_store += int((known.decided_by == CODE["cache"]).sum())
        start, stop = self.span
        todo = np.setdiff1d(np.arange(start, stop), known.ordinals, assume_unique=True)
        reader = Reader(self.index, self.batch_frames)
        cascade = _RunningCascade(self.stages, reader, context)
        context.progress.phase("scanning", stop - start)
        # What is known leaves before the unknown behind it is decoded: a LIMIT may end here.
        position = _first_from(start, todo, stop)
        yield self._rows(known.between(start, position))
        context.progress.advance(position - start)
        with closing(prefetch(reader.read(spans_of(todo)), depth=2)) as batches:
            for frames in batches:
                context.check()
                answers = cascade.decide(frames)
                reached = _first_from(int(frames.ordinals[-1]) + 1, todo, stop)
                yield self._rows(answers, known.between(position, reached))
                context.progress.advance(reached - position)
                position = reached
        cascade.note_decoding()
        yield self._rows(known.between(position, stop))
        context.progress.advance(stop - position)
        if reader.lost:
            raise _damaged(self.video, reader.lost)

    def _known(self) -> Answers:
        ordinals, score = self.labels.best_score(self.question.label, self.question.region)
        is_fresh = np.isin(ordinals, self.fresh, assume_unique=True)
        origin = np.where(is_fresh, CODE["reference"], CODE["cache"]).astype(np.int8)
        return Answers(ordinals, self.question.holds(score), score, origin).between(*self.span)

    def _rows(self, *answers: Answers) -> pa.RecordBatch:
        """The frames that qualify, of several answers merged in frame order."""
        present = np.concatenate([part.present for part in answers])
        ordinals = np.concatenate([part.ordinals for part in answers])[present]
        score = np.concatenate([part.score for part in answers])[present]
        origin = np.concatenate([part.decided_by for part in answers])[present]
        order = np.argsort(ordinals)
        return scan_rows(self.video, self.index, ordinals[order], score[order], origin[order])


class _RunningCascade:
    """The stages at work on one scan, with their metrics."""

    def __init__(self, stages: tuple[Stage, ...], reader: Reader, context: Context) -> None:
        self.stages = stages
        self.reader = reader
        self.decoding = StageMetrics("decode")
        self.metrics = [StageMetrics(stage.name) for stage in stages]
        context.metrics.stages = [self.decoding, *self.metrics]
        self.query = context.metrics
        self.segment = -1
        self.running: list[Decide] = []

    def decide(self, frames: FrameBatch) -> Answers:
        """Hands the frames from stage to stage until each is answered."""
        if frames.segment != self.segment:
            self.segment = frames.segment
            self.running = [stage.start() for stage in self.stages]
        self.note_decoding()
        present = np.zeros(len(frames), np.bool_)
        score = np.full(len(frames), np.nan, np.float32)
        origin = np.zeros(len(frames), np.int8)
        pending = np.arange(len(frames))
        for stage, decide, metrics in zip(self.stages, self.running, self.metrics, strict=True):
            if not len(pending):
                break
            clock = time.perf_counter()
            verdict = decide(frames.select(pending))
            sure = verdict.answer != UNKNOWN
            metrics.frames_in += len(pending)
            metrics.decided += int(sure.sum())
            metrics.seconds += time.perf_counter() - clock
            if stage.decided_by == "reference":
                self.query.labels_from_reference += len(pending)
            decided = pending[sure]
            present[decided] = verdict.answer[sure] == 1
            score[decided] = verdict.score[sure]
            origin[decided] = CODE[stage.decided_by]
            pending = pending[~sure]
        assert not len(pending), "the last stage of a cascade must answer"
        return Answers(frames.ordinals, present, score, origin)

    def note_decoding(self) -> None:
        """Takes over what the reader has counted so far."""
        self.decoding.frames_in = self.reader.decoded
        self.decoding.seconds = self.reader.seconds


def _first_from(start: int, ordinals: NDArray[np.int64], default: int) -> int:
    """The first of the ascending ordinals that is not below `start`."""
    at = np.searchsorted(ordinals, start)
    return int(ordinals[at]) if at < len(ordinals) else default


def _damaged(video: str, lost: list[int]) -> DamagedVideoError:
    spans = spans_of(np.array(lost, np.int64))
    shown = ", ".join(f"{a}" if b == a + 1 else f"{a}–{b - 1}" for a, b in spans[:8])
    more = f" and {len(spans) - 8} more spans" if len(spans) > 8 else ""
    return DamagedVideoError(
        f"{len(lost)} frames of '{video}' cannot be decoded: {shown}{more}",
        lost=tuple(spans),
        hint="the rows of all other frames came before this error; "
        "to_arrow_table() leaves them in its attribute `table`",
    )
