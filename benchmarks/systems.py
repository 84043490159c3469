"""What every system of the benchmark `noscope` is given, and what it must hand back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqe.statistics.units import count_errors, unit_of
from vqe.video.index import VideoIndex

SYSTEMS = {
    "reference": "reference network on every frame",
    "skipping": "frame skipping with hold",
    "noscope": "NoScope as released",
    "cold": "vqe, cold",
    "again": "vqe, the same question again",
    "other": "vqe, another object",
}
"""By their short names, in the order of the tables."""

WINDOW_FRAMES = 30
"""NoScope's window."""

WINDOW_POSITIVE = 28
"""Its released code calls a window positive from so many positive frames on."""


@dataclass(frozen=True)
class Task:
    """A question about a video, with all that the baselines may know.

    `truth`: bool (N,), what the reference network answers for each frame; a baseline looks at it
    only where it pays for a call of the network, `call_seconds` each, conversion to RGB included.
    """

    index: VideoIndex
    truth: NDArray[np.bool_]
    call_seconds: float
    threads: int
    seed: int


@dataclass(frozen=True)
class Run:
    """What a system answered, and what that cost.

    `answer`: bool (N,), one per frame; `phases`: wall seconds that add up to the whole, one-off
    ones named in `one_off`; `charged`: those of them that were not spent but charged for calls of
    the reference network at their measured price; `decoded`: frames that left the decoder;
    `calls`: frames that the reference network saw. `in_memory_seconds`: NoScope's own timer, that
    is, all frames lie in memory in the size that each step wants, and one-off work is left out.
    """

    system: str
    plan: str
    answer: NDArray[np.bool_]
    phases: dict[str, float]
    one_off: tuple[str, ...]
    charged: float
    decoded: int
    calls: int
    in_memory_seconds: float | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """All of them."""
        return sum(self.phases.values())

    @property
    def one_off_seconds(self) -> float:
        """What does not grow with every further frame."""
        return sum(self.phases.get(name, 0.0) for name in self.one_off)


def errors(
    truth: NDArray[np.bool_], answer: NDArray[np.bool_], timestamps_us: NDArray[np.int64]
) -> dict[str, dict[str, int]]:
    """Counts of errors by what they are counted in, as plain data.

    `frame` and `second` as vqe counts them; `window majority` and `window 28 of 30` as NoScope's
    paper and its released code do, over windows of 30 frames; the rest at the end is no window.
    """
    counted = {
        "frame": count_errors(truth, answer, unit_of(timestamps_us, None)),
        "second": count_errors(truth, answer, unit_of(timestamps_us, 1_000_000)),
    }
    windows = [_window_sums(each) for each in (truth, answer)]
    for name, least in (
        ("window majority", WINDOW_FRAMES // 2 + 1),
        ("window 28 of 30", WINDOW_POSITIVE),
    ):
        t, a = (sums >= least for sums in windows)
        counted[name] = count_errors(t, a, np.arange(len(t)))
    return {
        name: {
            "true_positives": counts.true_positives,
            "false_negatives": counts.false_negatives,
            "false_positives": counts.false_positives,
            "true_negatives": counts.true_negatives,
        }
        for name, counts in counted.items()
    }


def _window_sums(positive: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Positive frames of each whole window, int64 (N // 30,)."""
    whole = len(positive) // WINDOW_FRAMES * WINDOW_FRAMES
    sums: NDArray[np.int64] = positive[:whole].reshape(-1, WINDOW_FRAMES).sum(axis=1)
    return sums
