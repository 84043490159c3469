"""Baseline: the reference network on every s-th frame, whose answer holds until the next one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.bare_decoding import decode
from benchmarks.systems import Run, Task
from vqe.statistics.units import unit_answers, unit_of
from vqe.video.strategies import Stride

LONGEST_US = 10_000_000
"""No stride is longer than the frames of the first ten seconds."""

WINDOW_US = 1_000_000
"""Errors are counted in windows of a second."""


@dataclass(frozen=True)
class Skipping:
    """The network looks at the frames `offset`, `offset` + `step`, … The answer of each holds from
    there on up to the next one, or, where it is `centred`, for the frames nearest to it."""

    step: int
    offset: int
    centred: bool

    @property
    def name(self) -> str:
        """In words."""
        if self.step == 1:
            return "reference network on every frame: no longer stride keeps the bounds"
        way = "for the frames nearest to it" if self.centred else "until the next"
        return f"reference network on one frame in {self.step}, whose answer holds {way}"

    def answer(self, truth: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """What it says of each frame, bool (N,)."""
        n = len(truth)
        back = self.step // 2 if self.centred else 0
        asked = (np.arange(n) - self.offset + back) // self.step
        last = (n - 1 - self.offset) // self.step
        held: NDArray[np.bool_] = truth[self.offset + asked.clip(0, last) * self.step]
        return held


def run(task: Task, *, fnr: float, fdr: float) -> Run:
    """Decodes each s-th frame and charges a call of the reference network for it, as in `Task`.

    The stride s is the longest with which both rates, per window of a second, stay within `fnr` and
    `fdr`. It is chosen by an oracle, and so are the first frame and which frames an answer holds
    for: the choice looks at the answers for all frames of this very video and costs nothing, which
    nobody could do who does not know the answers yet.
    """
    chosen = longest_stride(task.truth, task.index.timestamps_us, fnr=fnr, fdr=fdr)
    frames = np.arange(chosen.offset, len(task.index))
    plan = Stride(chosen.step).plan(task.index, frames)
    seconds, decoded = decode(plan, task.threads)
    calls = len(plan.ordinals)
    charged = task.charge(calls, beside=seconds)
    return Run(
        system="skipping",
        plan=chosen.name,
        answer=chosen.answer(task.truth),
        phases={"index": task.index_seconds, "decoding": seconds, "reference network": charged},
        one_off=("index",),
        charged=charged,
        decoded=decoded,
        calls=calls,
        details={"stride": chosen.step, "offset": chosen.offset, "centred": chosen.centred},
        in_memory_calls=calls,
    )


def longest_stride(
    truth: NDArray[np.bool_], timestamps_us: NDArray[np.int64], *, fnr: float, fdr: float
) -> Skipping:
    """The longest stride that keeps both rates; 1 always does.

    `truth`: bool (N,); `timestamps_us`: int64 (N,), from 0. A rate that has nothing to count keeps
    its bound.
    """
    unit = np.unique(unit_of(timestamps_us, WINDOW_US), return_inverse=True)[1]
    windows = unit_answers(truth, unit)
    longest = int(np.searchsorted(timestamps_us, LONGEST_US))
    # Downwards, for a longer stride may do where a shorter one does not.
    for step in range(longest, 1, -1):
        for offset in range(min(step, len(truth))):
            for centred in (True, False):
                tried = Skipping(step, offset, centred)
                answers = unit_answers(tried.answer(truth), unit)
                missed, false = (windows & ~answers).sum(), (answers & ~windows).sum()
                if missed <= fnr * windows.sum() and false <= fdr * answers.sum():
                    return tried
    return Skipping(1, 0, False)
