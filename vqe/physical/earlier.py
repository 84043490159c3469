"""The stage that links frames to one that the reference network is asked about anyway."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.detectors.earlier import EarlierFrame, block_means
from vqe.schema import DecidedBy
from vqe.video.frames import FrameBatch

Follow = Callable[[FrameBatch, NDArray[np.bool_]], NDArray[np.int64]]
"""The ordinal of each frame's anchor, int64 (N,), its own for one that has no other; which of the
frames have a label, bool (N,), is given. To be called in order of time."""

Trace = Callable[[NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_]], NDArray[np.int64]]
"""As Follow, of frames that were measured: their ordinals, int64 (N,), and values, float32 (N, B),
are given."""


@dataclass(frozen=True)
class EarlierFrameStage:
    """The same answer as the anchor's: the last frame that has a label or was handed on to get one,
    in the same segment.

    A frame is linked to it while it has changed by less than `threshold` grey values, and fewer
    than `delay` frames have passed; else it is handed on, and is the anchor from there on. What the
    anchor's answer is need not be known by then. Stands right before the reference network.
    """

    detector: EarlierFrame
    threshold: float
    delay: int
    decided_by: DecidedBy = "difference"

    @property
    def name(self) -> str:
        return self.detector.name

    @property
    def rule(self) -> str:
        return f"same below {self.threshold:.2f}, for {self.delay - 1} frames"

    def measure(self, frames: FrameBatch) -> NDArray[np.float32]:
        """What is compared, float32 (N, B)."""
        return self.detector.values(block_means(frames))

    def follow(self) -> Follow:
        """Finds the anchors of one segment's frames, from its first on."""
        trace = self.trace()
        return lambda frames, labelled: trace(frames.ordinals, self.measure(frames), labelled)

    def trace(self) -> Trace:
        """As `follow`, where frames were measured before."""
        anchor: tuple[int, NDArray[np.float32]] | None = None

        def find(
            ordinals: NDArray[np.int64], values: NDArray[np.float32], labelled: NDArray[np.bool_]
        ) -> NDArray[np.int64]:
            nonlocal anchor
            found = np.empty(len(ordinals), np.int64)
            for row, ordinal in enumerate(ordinals.tolist()):
                one = values[row]
                if (
                    anchor is None
                    or labelled[row]
                    or not self._same(ordinal - anchor[0], one, anchor[1])
                ):
                    anchor = ordinal, one.copy()
                found[row] = anchor[0]
            return found

        return find

    def _same(self, age: int, one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
        return age < self.delay and self.detector.change(one, other) < self.threshold
