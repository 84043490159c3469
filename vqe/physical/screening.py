"""The stages of a cascade before the reference network, at work on one batch after the other.

They run in the threads that decode: what they answer needs no memory to wait in, and no frame has
to change threads before it is needed in colour.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.physical.rows import CODE
from vqe.physical.stages import UNKNOWN, Decide, Stage
from vqe.video.frames import FrameBatch


@dataclass(frozen=True)
class StageCount:
    """What one stage did with a batch."""

    frames_in: int
    decided: int
    seconds: float


@dataclass(frozen=True)
class Screened:
    """A batch of N frames after the cheap stages.

    `present`: bool (N,) and `decided_by`: int8 (N,), the answers so far; `open`: int64, the rows
    that no stage was sure of, whose frames are `pending`; `counts`: of each stage that was asked.
    """

    ordinals: NDArray[np.int64]
    present: NDArray[np.bool_]
    decided_by: NDArray[np.int8]
    open: NDArray[np.int64]
    pending: FrameBatch
    counts: tuple[StageCount, ...]

    @property
    def nbytes(self) -> int:
        """Memory of the frames still needed."""
        return self.pending.nbytes


def screening(stages: tuple[Stage, ...]) -> Callable[[], Callable[[FrameBatch], Screened]]:
    """What to do at the start of each segment: it gives what to do with its batches."""

    def start() -> Callable[[FrameBatch], Screened]:
        running = [stage.start() for stage in stages]
        return lambda frames: _screen(stages, running, frames)

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
            break
        clock = time.thread_time()
        answer = decide(pending).answer
        sure = answer != UNKNOWN
        decided = open_rows[sure]
        present[decided] = answer[sure] == 1
        decided_by[decided] = CODE[stage.decided_by]
        counts.append(StageCount(len(open_rows), len(decided), time.thread_time() - clock))
        open_rows, pending = open_rows[~sure], pending.select(np.flatnonzero(~sure))
    return Screened(frames.ordinals, present, decided_by, open_rows, pending, tuple(counts))
