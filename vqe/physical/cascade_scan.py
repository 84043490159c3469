"""The leaf of a plan: decoded frames go through the cascade, what leaves is Arrow."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vqe.physical.answers import Answers, known_answers, rows_of
from vqe.physical.damage import report_damage
from vqe.physical.earlier import EarlierFrameStage
from vqe.physical.operator import Operator
from vqe.physical.question import Question
from vqe.physical.rows import CODE, frames_text, schema_of, with_reached
from vqe.physical.screening import Screened, grouped, screening
from vqe.physical.stages import ReferenceStage, Stage
from vqe.physical.watch import Patience, Review, Strange, Watch
from vqe.runtime.context import Context
from vqe.runtime.metrics import ScanMetrics, StageMetrics
from vqe.runtime.progress import Phase
from vqe.schema import SCAN_SCHEMA, STOP
from vqe.storage.labels import LabelStore
from vqe.video.damage import Damage, damage_of
from vqe.video.index import VideoIndex
from vqe.video.reader import BATCH_FRAMES, SCREENED_FRAMES, Reader, frames_per_batch
from vqe.video.strategies import DecodeStrategy


class ReplanRequested(Exception):  # noqa: N818 - a request, and nothing that went wrong
    """A scan finds that its plan does not fit from `frame` on; never leaves the operators."""

    def __init__(self, frame: int) -> None:
        super().__init__(frame)
        self.frame = frame


@dataclass(frozen=True, repr=False)
class CascadeScanExec(Operator):
    """Those of the frames `ordinals` (int64, ascending) for which `question` holds.

    `stages` answer where they are sure, and `reference` the rest, but for frames that are as an
    earlier one by the `link`. Frames that its labels know are not asked again, and only decoded
    where others may be linked to them; those in `fresh` (ascending) were labelled for this very
    query, the others by an earlier one. All other frames are decoded as `decoding` plans it, and
    answered `batch_frames` at a time. With a `watch`, frames that look like nothing that was
    labelled are checked before they are answered; once its `patience` ends, the scan raises
    ReplanRequested instead of going on. `title`: what profiles call the scan.
    """

    video: str
    index: VideoIndex
    ordinals: NDArray[np.int64]
    question: Question
    stages: tuple[Stage, ...]
    reference: ReferenceStage
    labels: LabelStore
    fresh: NDArray[np.int64]
    decoding: DecodeStrategy
    title: str
    batch_frames: int = BATCH_FRAMES
    watch: Watch | None = None
    link: EarlierFrameStage | None = None
    patience: Patience | None = field(default=None, compare=False)
    columns: tuple[str, ...] = tuple(SCAN_SCHEMA.names)

    @property
    def schema(self) -> pa.Schema:
        return schema_of(self.columns)

    def headline(self) -> str:
        steps = " → ".join(self.steps)
        kind = "CascadeScan" if self.stages or self.link else "ReferenceScan"
        return (
            f"{kind} '{self.video}' {frames_text(self.ordinals)}: "
            f"decode {self.decoding.name} → {steps}"
        )

    @property
    def steps(self) -> list[str]:
        """The stages by name, in order."""
        names = [stage.name for stage in self.stages]
        return [*names, *([self.link.name] if self.link else []), self.reference.name]

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        known = known_answers(self.labels, self.question, self.ordinals, self.fresh)
        todo = np.setdiff1d(self.ordinals, known.ordinals, assume_unique=True)
        # Segments begin with an anchor: they must not move when more labels are known.
        wanted = self.ordinals if self.link is not None and len(todo) else todo
        plan = self.decoding.plan(self.index, wanted)
        reader = Reader(
            threads=context.decode_threads,
            batch_frames=SCREENED_FRAMES if self.stages or self.link else self.batch_frames,
            cancelled=context.cancelled.is_set,
        )
        cascade = _RunningCascade(self, reader, context, known)
        progress = context.progress.phase("scanning", len(self.ordinals), answers=True)
        end = len(self.index)
        # What is known leaves before the unknown behind it is decoded: a LIMIT may end here.
        position = _first_from(0, todo, end)
        yield from self._rows_of_known(known.between(0, position), context, progress)
        process = screening(self.stages, self.watch, self.link, known.ordinals)
        with closing(reader.process(plan, process)) as batches:
            for screened in grouped(batches, frames_per_batch(self.index, self.batch_frames)):
                context.check()
                answers = cascade.finish(screened)
                del screened  # its frames, before those of the next are collected
                behind = int(answers.ordinals[-1]) + 1
                among = known.between(position, behind)
                rows = self._rows(context, answers, among)
                # An event may be over although no frame has followed it.
                tells = behind < end and STOP.name in self.columns
                yield with_reached(rows, int(self.index.timestamps_us[behind])) if tells else rows
                progress.advance(len(answers.ordinals) + len(among.ordinals))
                position = _first_from(behind, todo, end)
                yield from self._rows_of_known(known.between(behind, position), context, progress)
                remaining = len(todo) - int(np.searchsorted(todo, position))
                # Damage is reported at the end of what could be read: that must be reached.
                if cascade.gives_up(remaining) and not reader.report.damage:
                    raise ReplanRequested(position)
        context.check()
        cascade.note_decoding()
        yield from self._rows_of_known(known.between(position, end), context, progress)
        damage = self._damage(reader.report.damage)
        report_damage(self.video, self.index, damage, cascade.metrics, context)

    def _damage(self, met: Damage) -> Damage:
        """With the doubtful frames that have a label, and were therefore not decoded again."""
        lost = np.array(met.lost, np.int64)
        others = np.setdiff1d(self.ordinals, lost, assume_unique=True)
        doubtful = {*met.doubtful, *damage_of(self.index, others, lost, ()).doubtful}
        return Damage(met.lost, tuple(sorted(doubtful)))

    def _rows_of_known(
        self, known: Answers, context: Context, progress: Phase
    ) -> Iterator[pa.RecordBatch]:
        """The frames that qualify, in batches of more and more answers: a LIMIT may need few."""
        start, size = 0, self.batch_frames
        while start < len(known.ordinals):
            part = known.at(slice(start, start + size))
            yield self._rows(context, part)
            progress.advance(len(part.ordinals))
            start, size = start + size, 2 * size

    def _rows(self, context: Context, *answers: Answers) -> pa.RecordBatch:
        return rows_of(self.video, self.index, context, answers, self.columns)


class _RunningCascade:
    """The reference network at work on what the other stages left open, and the metrics of all."""

    def __init__(
        self, scan: CascadeScanExec, reader: Reader, context: Context, known: Answers
    ) -> None:
        self.reader = reader
        self.query = context.metrics
        self.decide = scan.reference.start()
        self.metrics = ScanMetrics(
            scan.title, StageMetrics("decode"), [StageMetrics(name) for name in scan.steps]
        )
        context.metrics.scans.append(self.metrics)
        self.known = known
        self.last = (-1, False)  # the frame that was handed on last, and its answer
        self.patience = scan.patience
        self.answered = 0
        self.before_contradiction: tuple[int, int] | None = None
        self.review: Review | None = None
        if scan.watch is not None:
            self.review = Review(scan.watch, scan.index, self.metrics.watch)

    def finish(self, screened: Screened) -> Answers:
        """Answers for all frames of a batch."""
        self.note_decoding()
        before = self.asked, self.answered
        self.answered += len(screened.ordinals)
        for metrics, count in zip(self.metrics.stages, screened.counts, strict=False):
            metrics.add(count.frames_in, count.decided, count.seconds)
        present, decided_by = screened.present.copy(), screened.decided_by.copy()
        mark = np.full(len(present), np.nan, np.float32)
        if len(screened.open):
            clock = time.perf_counter()
            verdict = self.decide(screened.pending)
            n = len(screened.open)
            self.metrics.stages[-1].add(n, n, time.perf_counter() - clock)
            self.query.labels_from_reference += n
            present[screened.open] = verdict.answer == 1
            mark[screened.open] = verdict.mark
            decided_by[screened.open] = CODE["reference"]
        self._answer_linked(screened, present)
        answers = Answers(screened.ordinals, present, mark, decided_by)
        if self.review is not None:
            watched = screened.watched
            self.metrics.watch.frames += watched.frames_in
            self.metrics.watch.seconds += watched.seconds
            if screened.strange is not None:
                self._check(screened.strange, answers, self.review)
                if self.review.contradicted:
                    self.before_contradiction = self.before_contradiction or before
        return answers

    def _answer_linked(self, screened: Screened, present: NDArray[np.bool_]) -> None:
        """Each linked frame as its anchor, which has a label, or was handed on in this batch, or as
        the last one of those before."""
        handed_on = screened.ordinals[screened.open]
        ordinals = np.concatenate([[self.last[0]], handed_on])
        said = np.concatenate([[self.last[1]], present[screened.open]])
        self.last = int(ordinals[-1]), bool(said[-1])
        known = np.isin(screened.anchors, self.known.ordinals)
        by_label = np.searchsorted(self.known.ordinals, screened.anchors[known])
        by_network = np.searchsorted(ordinals, screened.anchors[~known])
        present[screened.linked[known]] = self.known.present[by_label]
        present[screened.linked[~known]] = said[by_network]

    def _check(self, strange: Strange, answers: Answers, review: Review) -> None:
        """Shows some of the strange frames to the reference network, and all where it must be."""
        rows = review.still_strange(strange)
        if not len(rows):
            return
        said = answers.present[strange.rows]
        first = review.to_ask(len(rows))
        asked, labels = rows[first], self._label(strange, rows[first], answers)
        review.learn(strange.looks[asked], said[asked], labels)
        if not review.trusted and len(asked) < len(rows):
            rest = np.setdiff1d(rows, asked, assume_unique=True)
            self._label(strange, rest, answers)
            asked = rows
        wrong = int((answers.present[strange.rows][asked] != said[asked]).sum())
        review.report(strange, rows, labels=len(asked), wrong=wrong)

    def _label(
        self, strange: Strange, which: NDArray[np.int64], answers: Answers
    ) -> NDArray[np.bool_]:
        """The labels of some of the strange frames, bool (n,), which are their answers now."""
        clock = time.perf_counter()
        verdict = self.decide(strange.frames.select(which))
        self.metrics.watch.label_seconds += time.perf_counter() - clock
        self.query.labels_from_reference += len(which)
        rows = strange.rows[which]
        present: NDArray[np.bool_] = verdict.answer == 1
        answers.present[rows], answers.mark[rows] = present, verdict.mark
        answers.decided_by[rows] = CODE["reference"]
        return present

    def gives_up(self, remaining: int) -> bool:
        """Whether so many frames are better planned anew."""
        if self.patience is None or self.before_contradiction is None or not remaining:
            return False
        asked, answered = self.before_contradiction
        return self.patience.ends(self.asked - asked, self.answered - answered, remaining)

    @property
    def asked(self) -> int:
        """Frames that the reference network was asked about so far."""
        return self.metrics.stages[-1].frames_in + self.metrics.watch.labels

    def note_decoding(self) -> None:
        """Takes over what the reader has counted so far."""
        report = self.reader.report
        self.metrics.decoding.frames_in = report.decoded
        self.metrics.decoding.seconds = report.seconds


def _first_from(start: int, ordinals: NDArray[np.int64], default: int) -> int:
    """The first of the ascending ordinals that is not below `start`."""
    at = np.searchsorted(ordinals, start)
    return int(ordinals[at]) if at < len(ordinals) else default
