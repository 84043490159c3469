"""Reference labels of one video by one model."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from vqe.detections import Box, Detections, concatenate


class LabelStore:
    """Which frames a reference network has seen, and every detection in them.

    Grows by batches of frames, each frame once; lookups see them in ascending order. Once it holds
    `quota_bytes` it keeps what it has and forgets what comes. Safe to use from several threads.
    """

    def __init__(self, quota_bytes: int) -> None:
        self.quota_bytes = quota_bytes
        self._lock = threading.Lock()
        self._parts: list[tuple[NDArray[np.int64], Detections]] = []
        self.nbytes = 0

    def add(self, frames: NDArray[np.int64], detections: Detections) -> None:
        """What was seen in `frames`, int64 (N,) ordinals that are not labelled yet."""
        with self._lock:
            if self.nbytes >= self.quota_bytes:
                return
            self.nbytes += frames.nbytes + detections.nbytes
            # Larger parts before smaller ones: there are few, however small the batches, and a
            # frame is copied only when its part has doubled.
            while self._parts and len(self._parts[-1][0]) <= len(frames):
                earlier_frames, earlier = self._parts.pop()
                frames = np.concatenate([earlier_frames, frames])
                detections = concatenate([earlier, detections])
            self._parts.append((frames, detections))

    def best_score(
        self, label: int, region: Box | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The labelled frames, int64 (N,) ascending, and the highest score of `label` in each."""
        with self._lock:
            parts = list(self._parts)
        frames = np.concatenate([np.empty(0, np.int64), *(frames for frames, _ in parts)])
        scores = np.concatenate(
            [np.empty(0, np.float32), *(seen.best_score(label, region) for _, seen in parts)]
        )
        frames, first = np.unique(frames, return_index=True)
        return frames, scores[first]
