"""Baseline: the reference network on every s-th frame, whose answer holds until the next one."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.systems import Run, Task
from vqe.statistics.units import ErrorCounts, count_errors, unit_of
from vqe.video.frames import FrameBatch
from vqe.video.reader import Reader
from vqe.video.strategies import Stride

LONGEST_US = 10_000_000
"""No stride is longer than the frames of the first ten seconds."""

WINDOW_US = 1_000_000
"""Errors are counted in windows of a second."""


@dataclass(frozen=True)
class Seen:
    """Which frames were decoded: the pictures themselves need not wait for anyone."""

    ordinals: NDArray[np.int64]

    @property
    def nbytes(self) -> int:
        """For the reader, which limits what waits."""
        return self.ordinals.nbytes


def run(task: Task, *, fnr: float, fdr: float) -> Run:
    """Decodes each s-th frame and charges a call of the reference network for it.

    The stride s is the longest with which both rates, per window of a second, stay within `fnr` and
    `fdr`. It is chosen by an oracle: the choice looks at the answers for all frames of this very
    video and costs nothing, which nobody could do who does not know the answers yet. So this is the
    most that frame skipping could ever reach.
    """
    step = longest_stride(task.truth, task.index.timestamps_us, fnr=fnr, fdr=fdr)
    plan = Stride(step).plan(task.index, np.arange(len(task.index)))
    reader = Reader(threads=task.threads)
    start = time.perf_counter()
    seen = [part.ordinals for part in reader.process(plan, lambda: _seen)]
    seconds = time.perf_counter() - start
    if sum(map(len, seen)) < len(plan.ordinals):
        raise ValueError(f"'{task.index.path}' has frames that cannot be decoded")
    calls = len(plan.ordinals)
    charged = task.charge(calls, beside=seconds)
    return Run(
        system="skipping",
        plan="reference network on every frame: no longer stride keeps the bounds"
        if step == 1
        else f"reference network on every frame whose number divides by {step}, held in between",
        answer=held(task.truth, step),
        phases={"index": task.index_seconds, "decoding": seconds, "reference network": charged},
        one_off=("index",),
        charged=charged,
        decoded=reader.report.decoded,
        calls=calls,
        details={"stride": step},
        in_memory_calls=calls,
    )


def longest_stride(
    truth: NDArray[np.bool_], timestamps_us: NDArray[np.int64], *, fnr: float, fdr: float
) -> int:
    """The longest stride that keeps both rates; 1 always does.

    `truth`: bool (N,); `timestamps_us`: int64 (N,), from 0. A rate that has nothing to count keeps
    its bound.
    """
    unit = unit_of(timestamps_us, WINDOW_US)
    longest = int(np.searchsorted(timestamps_us, LONGEST_US))
    # Downwards, for a longer stride may do where a shorter one does not.
    for step in range(longest, 1, -1):
        if _within(count_errors(truth, held(truth, step), unit), fnr, fdr):
            return step
    return 1


def held(truth: NDArray[np.bool_], step: int) -> NDArray[np.bool_]:
    """What each `step`-th frame answers for itself and those up to the next, bool (N,)."""
    return truth[::step].repeat(step)[: len(truth)]


def _within(counts: ErrorCounts, fnr: float, fdr: float) -> bool:
    return (counts.fnr or 0.0) <= fnr and (counts.fdr or 0.0) <= fdr


def _seen(frames: FrameBatch) -> Seen:
    return Seen(frames.ordinals)
