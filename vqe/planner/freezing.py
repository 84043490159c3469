"""Freezing plans: what each of them says of every frame, worked out before the proof begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.errors import VideoError
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

Level = tuple[ScoringStage, ...]
"""The stages of one plan; those of the next have the same detectors and models."""


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
    """What K plans say of the n frames of a batch, int8 (K, n)."""

    ordinals: NDArray[np.int64]
    answer: NDArray[np.int8]
    decided_by: NDArray[np.int8]

    @property
    def nbytes(self) -> int:
        return self.answer.nbytes


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

    What looks strange to `watch` is left to the reference network; `check` is called now and then,
    and may raise to end the work. Raises UndecodableError.
    """
    todo = scan.remaining
    shape = (len(levels), scan.frames)
    answer = np.full(shape, UNKNOWN, np.int8)
    decided_by = np.full(shape, CODE["reference"], np.int8)
    reader = Reader(
        threads=context.decode_threads,
        batch_frames=SCREENED_FRAMES,
        cancelled=context.cancelled.is_set,
    )
    plan = scan.decoding(store).strategy.plan(scan.index, todo)
    context.progress.phase("screening", len(todo))
    with closing(reader.process(plan, lambda: _judging(levels, watch))) as batches:
        for judged in batches:
            context.check()
            if check is not None:
                check()
            at = np.searchsorted(scan.ordinals, judged.ordinals)
            answer[:, at], decided_by[:, at] = judged.answer, judged.decided_by
            context.progress.advance(len(at))
    context.metrics.decoded_to_plan += reader.report.decoded
    context.check()
    if reader.report.damage:
        raise UndecodableError("some frames cannot be decoded")
    return FrozenPlans(answer, decided_by)


def _judging(levels: Sequence[Level], watch: Watch | None) -> Callable[[FrameBatch], _Judged]:
    """Judges the batches of a segment, each stage's number being measured once for all levels."""
    for stage in levels[0]:
        stage.start()

    def judge(frames: FrameBatch) -> _Judged:
        answer = np.full((len(levels), len(frames)), UNKNOWN, np.int8)
        decided_by = np.full(answer.shape, CODE["reference"], np.int8)
        for number, stage in enumerate(levels[0]):
            open_rows = np.flatnonzero((answer == UNKNOWN).any(axis=0))
            if not len(open_rows):
                break
            values = stage.measure(frames.select(open_rows))
            for k, level in enumerate(levels):
                said = level[number].judge(values)
                taken = (answer[k, open_rows] == UNKNOWN) & (said != UNKNOWN)
                answer[k, open_rows[taken]] = said[taken]
                decided_by[k, open_rows[taken]] = CODE[stage.decided_by]
        if watch is not None:
            strange = watch.strange(frames, np.flatnonzero((answer != UNKNOWN).any(axis=0)))
            if strange is not None:
                answer[:, strange.rows], decided_by[:, strange.rows] = UNKNOWN, CODE["reference"]
        return _Judged(frames.ordinals, answer, decided_by)

    return judge
