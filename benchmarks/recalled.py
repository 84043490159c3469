"""A reference network that recalls what it saw: it costs time, but no processor."""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.truth import Truth
from vqe.video.index import VideoIndex
from vqe.video.reader import Reader
from vqe.video.strategies import FrameSet

Seen = list[tuple[str, float, float, float, float, float]]

SECONDS_PER_FRAME = 0.01


@dataclass(frozen=True)
class Recalled:
    """Answers by the truth, knowing frames by their pixels, and takes SECONDS_PER_FRAME for each.

    Truth has the best score of a label in a frame, but no boxes: it is enough for `contains`
    without a region.
    """

    seen: dict[int, Seen]
    labels: tuple[str, ...]
    min_score: float
    fingerprint: str

    def __call__(self, frames: NDArray[np.uint8]) -> list[Seen]:
        """Detections in pictures, uint8 (N, H, W, 3); KeyError where one was never seen."""
        time.sleep(SECONDS_PER_FRAME * len(frames))
        return [self.seen[_digest(frame)] for frame in frames]


def recalled(truth: Truth, index: VideoIndex, labels: tuple[str, ...]) -> Recalled:
    """Of the truth about a video, whose frames are decoded once."""
    scores = {name: truth.scores(name) for name in labels}
    seen: dict[int, Seen] = {}
    for batch in Reader().read(FrameSet().plan(index, np.arange(len(index)))):
        for row, frame in enumerate(batch.ordinals.tolist()):
            best = ((name, float(of[frame])) for name, of in scores.items())
            seen[_digest(batch.rgb(row))] = [(n, s, 0.0, 0.0, 1.0, 1.0) for n, s in best if s > 0]
    return Recalled(seen, labels, truth.min_score, f"{truth.fingerprint} recalled")


def _digest(picture: NDArray[np.uint8]) -> int:
    return zlib.crc32(np.ascontiguousarray(picture).data)
