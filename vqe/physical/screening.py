"""The stages of a cascade before the reference network, at work on one batch after the other.

They run in the threads that decode: what they answer needs no memory to wait in, and no frame has
to change threads before it is needed in colour.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from vqe.errors import VideoError
from vqe.physical.earlier import EarlierFrameStage, Follow
from vqe.physical.rows import CODE
from vqe.physical.stages import PRESENT, UNKNOWN, Decide, Stage
from vqe.physical.watch import Strange, Watch
from vqe.video.frames import FrameBatch


@dataclass(frozen=True)
class StageCount:
    """What one stage did with a batch."""

    frames_in: int = 0
    decided: int = 0
    seconds: float = 0.0

    def __add__(self, other: StageCount) -> StageCount:
        return StageCount(
            self.frames_in + other.frames_in,
            self.decided + other.decided,
            self.seconds + other.seconds,
        )


def _none() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


@dataclass(frozen=True)
class Screened:
    """A batch of N frames after the cheap stages.

    `present`: bool (N,) and `decided_by`: int8 (N,), the answers so far; `open`: int64, the rows
    that no stage was sure of, whose frames are `pending`; `linked`: int64, the rows whose answer is
    that of their `anchors`, the ordinals of earlier frames, int64; `counts`: of each stage;
    `strange`: frames that are answered, but look like nothing that was labelled; `watched`: frames
    whose look was measured, and those that were strange.
    """

    ordinals: NDArray[np.int64]
    present: NDArray[np.bool_]
    decided_by: NDArray[np.int8]
    open: NDArray[np.int64]
    pending: FrameBatch
    counts: tuple[StageCount, ...]
    linked: NDArray[np.int64] = field(default_factory=_none)
    anchors: NDArray[np.int64] = field(default_factory=_none)
    strange: Strange | None = None
    watched: StageCount = StageCount()

    @property
    def nbytes(self) -> int:
        """Memory of the frames still needed."""
        return self.pending.nbytes + (self.strange.frames.nbytes if self.strange else 0)


def screening(
    stages: tuple[Stage, ...],
    watch: Watch | None = None,
    link: EarlierFrameStage | None = None,
    labelled: NDArray[np.int64] | None = None,
) -> Callable[[], Callable[[FrameBatch], Screened]]:
    """What to do at the start of each segment: it gives what to do with its batches.

    With a `link`, other frames may be linked to those that are `labelled`, int64; what leaves is
    about these other frames alone.
    """

    def start() -> Callable[[FrameBatch], Screened]:
        running = [stage.start() for stage in stages]
        follow = None if link is None else link.follow()

        def screen(frames: FrameBatch) -> Screened:
            known = np.isin(frames.ordinals, _none() if labelled is None else labelled)
            asked = frames.select(np.flatnonzero(~known)) if known.any() else frames
            screened = _screen(stages, running, asked)
            if link is not None and follow is not None:
                screened = _linked(link, follow, frames, known, screened)
            return screened if watch is None else _watched(watch, asked, screened)

        return screen

    return start


def _screen(stages: tuple[Stage, ...], running: list[Decide], frames: FrameBatch) -> Screened:
    """Hands the frames from stage to stage."""
    present = np.zeros(len(frames), np.bool_)
    decided_by = np.zeros(len(frames), np.int8)
    open_rows = np.arange(len(frames))
    pending = frames
    counts = []
    for stage, decide in zip(stages, running, strict=True):
        if not len(open_rows):
            counts.append(StageCount())
            continue
        clock = time.thread_time()
        answer = decide(pending).answer
        sure = answer != UNKNOWN
        decided = open_rows[sure]
        present[decided] = answer[sure] == PRESENT
        decided_by[decided] = CODE[stage.decided_by]
        counts.append(StageCount(len(open_rows), len(decided), time.thread_time() - clock))
        open_rows, pending = open_rows[~sure], pending.select(np.flatnonzero(~sure))
    return Screened(frames.ordinals, present, decided_by, open_rows, pending, tuple(counts))


def _linked(
    link: EarlierFrameStage,
    follow: Follow,
    frames: FrameBatch,
    known: NDArray[np.bool_],
    screened: Screened,
) -> Screened:
    """The batch with links of open frames to earlier ones; `known`: which frames have a label."""
    clock = time.thread_time()
    left = screened.open
    rows = np.flatnonzero(known | np.isin(frames.ordinals, screened.ordinals[left]))
    anchors = follow(frames.select(rows), known[rows])[~known[rows]]
    linked = anchors != screened.ordinals[left]
    decided_by = screened.decided_by.copy()
    decided_by[left[linked]] = CODE[link.decided_by]
    count = StageCount(len(left), int(linked.sum()), time.thread_time() - clock)
    return replace(
        screened,
        decided_by=decided_by,
        open=left[~linked],
        pending=screened.pending.select(np.flatnonzero(~linked)),
        counts=(*screened.counts, count),
        linked=left[linked],
        anchors=anchors[linked],
    )


def _watched(watch: Watch, frames: FrameBatch, screened: Screened) -> Screened:
    """The batch with the frames that the stages should not have been so sure about."""
    clock = time.thread_time()
    answered = np.ones(len(frames), np.bool_)
    answered[screened.open] = False
    rows = np.flatnonzero(answered)
    strange = watch.strange(frames, rows)
    seconds = time.thread_time() - clock
    count = StageCount(len(rows), 0 if strange is None else len(strange.rows), seconds)
    return replace(screened, strange=strange, watched=count)


def grouped(batches: Iterable[Screened], n_frames: int) -> Iterator[Screened]:
    """Joins neighbouring batches into ones of about `n_frames` frames, for the network's sake.

    Where the video cannot be read further, the error comes after all batches before it. Of a batch
    that was taken nothing is kept.
    """
    parts: list[Screened] = []
    try:
        for batch in batches:
            if len(batch.ordinals):  # there may be labelled frames only
                parts.append(batch)
            del batch
            if sum(len(part.ordinals) for part in parts) >= n_frames:
                yield _join(parts)
    except VideoError:
        if parts:
            yield _join(parts)
        raise
    if parts:
        yield _join(parts)


def _join(waiting: list[Screened]) -> Screened:
    """One batch of those that wait; none waits then."""
    parts = waiting.copy()
    waiting.clear()
    if len(parts) == 1:
        return parts[0]
    starts = np.cumsum([0, *(len(part.ordinals) for part in parts[:-1])])
    return Screened(
        ordinals=np.concatenate([part.ordinals for part in parts]),
        present=np.concatenate([part.present for part in parts]),
        decided_by=np.concatenate([part.decided_by for part in parts]),
        open=_rows(starts, [part.open for part in parts]),
        pending=FrameBatch.join([part.pending for part in parts]),
        counts=tuple(
            sum(counts, StageCount())
            for counts in zip_longest(*(part.counts for part in parts), fillvalue=StageCount())
        ),
        linked=_rows(starts, [part.linked for part in parts]),
        anchors=np.concatenate([part.anchors for part in parts]),
        strange=_join_strange(parts, starts),
        watched=sum((part.watched for part in parts), StageCount()),
    )


def _rows(starts: NDArray[np.int64], parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Rows of parts as rows of what they are joined to."""
    return np.concatenate([start + rows for start, rows in zip(starts, parts, strict=True)])


def _join_strange(parts: list[Screened], starts: NDArray[np.int64]) -> Strange | None:
    found = [
        (start, part.strange)
        for start, part in zip(starts, parts, strict=True)
        if part.strange is not None
    ]
    if not found:
        return None
    return Strange(
        np.concatenate([start + strange.rows for start, strange in found]),
        FrameBatch.join([strange.frames for _, strange in found]),
        np.concatenate([strange.looks for _, strange in found]),
    )
