"""Freezing plans: what each of them says of every frame, worked out before the proof begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.errors import VideoError
from vqe.physical.earlier import EarlierFrameStage
from vqe.physical.fill_scan import Fill
from vqe.physical.rows import CODE
from vqe.physical.stages import UNKNOWN, ScoringStage
from vqe.physical.watch import Watch
from vqe.planner.proof import FrozenPlans
from vqe.planner.visual_scan import VisualScan
from vqe.runtime.context import Context
from vqe.statistics.nearest import nearest
from vqe.storage.store import Store
from vqe.video.frames import FrameBatch
from vqe.video.reader import SCREENED_FRAMES, Reader


@dataclass(frozen=True)
class Level:
    """The stages of one plan, and the link behind them, if there is one. Those of the next have the
    same detectors and models."""

    stages: tuple[ScoringStage, ...]
    link: EarlierFrameStage | None = None


def freeze_fill(scan: VisualScan, fill: Fill) -> FrozenPlans:
    """One plan: each frame as the nearest that was asked about."""
    at = np.searchsorted(scan.ordinals, fill.ordinals)
    answer = fill.present[nearest(at, scan.frames)].astype(np.int8)
    decided_by = np.full((1, scan.frames), CODE["fill"], np.int8)
    guessed = np.isnan(fill.mark)
    answer[at[guessed]], decided_by[0, at[guessed]] = fill.guess, CODE["specialized"]
    return FrozenPlans(answer[None], decided_by)


@dataclass(frozen=True)
class _Judged:
    """What K plans say of the n frames of a batch, int8 (K, n), and the ordinals of the frames to
    which they link them, int64 (K, n), -1 for others."""

    ordinals: NDArray[np.int64]
    answer: NDArray[np.int8]
    decided_by: NDArray[np.int8]
    anchor: NDArray[np.int64]

    @property
    def nbytes(self) -> int:
        return self.answer.nbytes + self.decided_by.nbytes + self.anchor.nbytes


class UndecodableError(Exception):
    """Frames that cannot be decoded were met; never leaves the planner."""


def damaged(scan: VisualScan) -> VideoError:
    """For a query whose limits leave no way to answer all other frames."""
    return VideoError(
        f"'{scan.index.path}' has frames that cannot be decoded",
        hint="leave out BUDGET and DEADLINE to get the rows of all others",
    )


def freeze_stages(
    scan: VisualScan,
    levels: Sequence[Level],
    store: Store,
    context: Context,
    *,
    watch: Watch | None = None,
    check: Callable[[], None] | None = None,
) -> FrozenPlans:
    """A plan for each level, by one pass over the frames without a label; labelled ones need none.

    Linked frames have no answer yet: their anchors are to be labelled.
    What looks strange to `watch` is left to the reference network; `check` is called now and then,
    and may raise to end the work. Raises UndecodableError.
    """
    todo = scan.remaining
    shape = (len(levels), scan.frames)
    answer = np.full(shape, UNKNOWN, np.int8)
    decided_by = np.full(shape, CODE["reference"], np.int8)
    anchor = np.full(shape, -1, np.int64)
    reader = Reader(
        threads=context.decode_threads,
        batch_frames=SCREENED_FRAMES,
        cancelled=context.cancelled.is_set,
    )
    known = np.setdiff1d(scan.ordinals, todo, assume_unique=True)
    linking = any(level.link is not None for level in levels) and len(todo)
    plan = scan.decoding(store).strategy.plan(scan.index, scan.ordinals if linking else todo)
    progress = context.progress.phase("screening", len(todo))
    with closing(reader.process(plan, lambda: _judging(levels, watch, known))) as batches:
        for judged in batches:
            context.check()
            if check is not None:
                check()
            at = np.searchsorted(scan.ordinals, judged.ordinals)
            answer[:, at], decided_by[:, at] = judged.answer, judged.decided_by
            linked = np.searchsorted(scan.ordinals, judged.anchor)
            anchor[:, at] = np.where(judged.anchor < 0, -1, linked)
            progress.advance(len(at))
    context.metrics.decoded_to_plan += reader.report.decoded
    context.check()
    if reader.report.damage:
        raise UndecodableError("some frames cannot be decoded")
    return FrozenPlans(answer, decided_by, anchor)


def _judging(
    levels: Sequence[Level], watch: Watch | None, known: NDArray[np.int64]
) -> Callable[[FrameBatch], _Judged]:
    """Judges the batches of a segment, each stage's number being measured once for all levels. What
    is `known`, int64, need not be judged, but others may be linked to it."""
    for stage in levels[0].stages:
        stage.start()
    link = _linking(levels)

    def judge(batch: FrameBatch) -> _Judged:
        labelled = np.isin(batch.ordinals, known)
        frames = batch.select(np.flatnonzero(~labelled)) if labelled.any() else batch
        answer = np.full((len(levels), len(frames)), UNKNOWN, np.int8)
        decided_by = np.full(answer.shape, CODE["reference"], np.int8)
        for number, stage in enumerate(levels[0].stages):
            open_rows = np.flatnonzero((answer == UNKNOWN).any(axis=0))
            if not len(open_rows):
                break
            values = stage.measure(frames.select(open_rows))
            for k, level in enumerate(levels):
                said = level.stages[number].judge(values)
                taken = (answer[k, open_rows] == UNKNOWN) & (said != UNKNOWN)
                answer[k, open_rows[taken]] = said[taken]
                decided_by[k, open_rows[taken]] = CODE[stage.decided_by]
        anchor = link(batch, labelled, answer == UNKNOWN)
        if watch is not None:
            said = (answer != UNKNOWN) | (anchor >= 0)
            strange = watch.strange(frames, np.flatnonzero(said.any(axis=0)))
            if strange is not None:
                answer[:, strange.rows], decided_by[:, strange.rows] = UNKNOWN, CODE["reference"]
                anchor[:, strange.rows] = -1
        return _Judged(frames.ordinals, answer, decided_by, anchor)

    return judge


def _linking(
    levels: Sequence[Level],
) -> Callable[[FrameBatch, NDArray[np.bool_], NDArray[np.bool_]], NDArray[np.int64]]:
    """Links frames in the batches of a segment, given which of a batch have a label, and which of
    the n others K plans leave open, bool (K, n): the ordinals of their anchors, int64 (K, n), -1
    for frames that are not linked."""
    follow = [(k, level.link.follow()) for k, level in enumerate(levels) if level.link]

    def link(
        batch: FrameBatch, labelled: NDArray[np.bool_], left_open: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        anchor = np.full(left_open.shape, -1, np.int64)
        for k, find in follow:
            asked = labelled.copy()
            asked[~labelled] = left_open[k]
            rows = np.flatnonzero(asked)
            found = find(batch.select(rows), labelled[rows])
            found[found == batch.ordinals[rows]] = -1
            anchor[k, left_open[k]] = found[~labelled[rows]]
        return anchor

    return link
