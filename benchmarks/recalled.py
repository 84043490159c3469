"""A reference network that recalls what it saw: it costs time, but no processor."""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass, field

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
    without a region. `frames`: by their pixels, those that look so; `asked`: the pixels that were
    shown to it.
    """

    seen: dict[int, Seen]
    frames: dict[int, list[int]]
    labels: tuple[str, ...]
    min_score: float
    fingerprint: str
    asked: list[int] = field(default_factory=list)

    def __call__(self, frames: NDArray[np.uint8]) -> list[Seen]:
        """Detections in pictures, uint8 (N, H, W, 3); KeyError where one was never seen."""
        time.sleep(SECONDS_PER_FRAME * len(frames))
        digests = [_digest(frame) for frame in frames]
        self.asked.extend(digests)
        return [self.seen[digest] for digest in digests]

    def asked_about(self, calls: slice = slice(None)) -> NDArray[np.int64]:
        """Frames that look like those shown in some of the calls, int64 ascending."""
        found = {frame for digest in self.asked[calls] for frame in self.frames[digest]}
        return np.array(sorted(found), np.int64)


def recalled(truth: Truth, index: VideoIndex, labels: tuple[str, ...]) -> Recalled:
    """Of the truth about a video, whose frames are decoded once."""
    scores = {name: truth.scores(name) for name in labels}
    seen: dict[int, Seen] = {}
    frames: dict[int, list[int]] = {}
    for batch in Reader().read(FrameSet().plan(index, np.arange(len(index)))):
        for row, frame in enumerate(batch.ordinals.tolist()):
            digest = _digest(batch.rgb(row))
            best = ((name, float(of[frame])) for name, of in scores.items())
            seen[digest] = [(n, s, 0.0, 0.0, 1.0, 1.0) for n, s in best if s > 0]
            frames.setdefault(digest, []).append(frame)
    return Recalled(seen, frames, labels, truth.min_score, f"{truth.fingerprint} recalled")


def _digest(picture: NDArray[np.uint8]) -> int:
    return zlib.crc32(np.ascontiguousarray(picture).data)
