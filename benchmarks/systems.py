"""What every system of the benchmark `noscope` is given, and what it must hand back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqe.statistics.units import ErrorCounts, count_errors, unit_of
from vqe.video.index import VideoIndex

SYSTEMS = {
    "reference": "reference network on every frame",
    "skipping": "frame skipping with hold",
    "noscope": "NoScope as released",
    "cold": "vqe, cold",
    "again": "vqe, the same question again",
    "other": "vqe, another object",
    "frames": "vqe, cold, per frame",
}
"""By their short names, in the order of the tables."""

OPTIONAL = ("skipping", "noscope", "other", "frames")
"""Those that a run may leave out."""

WINDOW_FRAMES = 30
"""NoScope's window."""

WINDOW_POSITIVE = 28
"""Its released code calls a window positive from so many positive frames on."""


@dataclass(frozen=True)
class Task:
    """A question about a video, with all that the baselines may know.

    `truth`: bool (N,), what the reference network answers for each frame; a baseline looks at it
    only where it pays for a call of the network, `call_seconds` each, conversion to RGB included.
    `overlaps`: the network runs on another device than the decoders, so that both work at once;
    `index_seconds`: what building `index` took, which every system pays; `threads` decode, and
    `network_threads` are those of torch, None for as many as it likes.
    """

    index: VideoIndex
    truth: NDArray[np.bool_]
    call_seconds: float
    threads: int
    seed: int
    overlaps: bool = False
    index_seconds: float = 0.0
    network_threads: int | None = None

    def charge(self, calls: int, *, beside: float) -> float:
        """Seconds that calls of the network add to those in which their frames were decoded.

        All that the calls take where both share the cores, otherwise what exceeds `beside`, the
        seconds of decoding.
        """
        seconds = calls * self.call_seconds
        return max(seconds - beside, 0.0) if self.overlaps else seconds


@dataclass(frozen=True)
class Run:
    """What a system answered, and what that cost.

    `answer`: bool (N,), one per frame; `phases`: wall seconds that add up to the whole, one-off
    ones named in `one_off`; `charged`: those of them that were not spent but charged for calls of
    the reference network at their measured price; `decoded`: frames that left the decoder;
    `calls`: frames that the reference network saw. `windows`: bool (⌈N / 30⌉,), what the system
    says of the windows of `window_truth`, None where that is what its frames say.

    `in_memory_seconds`: NoScope's own timer, that is, all frames lie in memory in the size that
    each step wants, and one-off work is left out. A baseline knows the parts, and `timed` adds them
    up: `models_in_memory_seconds` of its models, and `in_memory_calls` of the reference network.
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
    windows: NDArray[np.bool_] | None = None
    models_in_memory_seconds: float = 0.0
    in_memory_calls: int | None = None

    @property
    def seconds(self) -> float:
        """All of them."""
        return sum(self.phases.values())

    @property
    def one_off_seconds(self) -> float:
        """What does not grow with every further frame."""
        return sum(self.phases.get(name, 0.0) for name in self.one_off)

    def timed(self, call_seconds: float) -> Run:
        """With what NoScope's timer shows, if a call on a frame in memory takes that long."""
        assert self.in_memory_calls is not None
        seconds = self.models_in_memory_seconds + self.in_memory_calls * call_seconds
        return replace(self, in_memory_seconds=seconds)


def errors(
    truth: NDArray[np.bool_],
    answer: NDArray[np.bool_],
    timestamps_us: NDArray[np.int64],
    windows: NDArray[np.bool_] | None = None,
) -> dict[str, dict[str, int]]:
    """Counts of errors by what they are counted in, as plain data.

    `frame` and `second` as vqe counts them; `window majority` as NoScope's paper does, over whole
    windows of 30 frames, one after the other; `window 28 of 30` as its released code does, over
    those of `window_truth`, with the answers `windows` where a system has them for itself.
    """
    counted = {
        "frame": count_errors(truth, answer, unit_of(timestamps_us, None)),
        "second": count_errors(truth, answer, unit_of(timestamps_us, 1_000_000)),
    }
    for name, (t, a) in {
        "window majority": (_majorities(truth), _majorities(answer)),
        "window 28 of 30": (
            window_truth(truth),
            window_truth(answer) if windows is None else windows,
        ),
    }.items():
        each = np.arange(len(t))
        counted[name] = count_errors(t, a, each) if len(t) else ErrorCounts(0, 0, 0, 0)
    return {
        name: {
            "true_positives": counts.true_positives,
            "false_negatives": counts.false_negatives,
            "false_positives": counts.false_positives,
            "true_negatives": counts.true_negatives,
        }
        for name, counts in counted.items()
    }


def window_sums(positive: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many of the frames [i − 15, i + 15) are positive, int64 (N,), for bool (N,).

    What lies beyond the ends counts as absent, as in NoScope's released code.
    """
    half = WINDOW_FRAMES // 2
    total = np.concatenate([[0], np.cumsum(positive)])
    at = np.arange(len(positive))
    sums: NDArray[np.int64] = (
        total[np.minimum(at + half, len(positive))] - total[np.maximum(at - half, 0)]
    )
    return sums


def window_truth(truth: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which windows are positive, bool (⌈N / 30⌉,); one frame in 30 lies in the middle of each."""
    positive: NDArray[np.bool_] = window_sums(truth)[::WINDOW_FRAMES] >= WINDOW_POSITIVE
    return positive


def _majorities(positive: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether more than half of each whole window is positive, bool (⌊N / 30⌋,)."""
    whole = len(positive) // WINDOW_FRAMES * WINDOW_FRAMES
    sums: NDArray[np.int64] = positive[:whole].reshape(-1, WINDOW_FRAMES).sum(axis=1)
    return 2 * sums > WINDOW_FRAMES
