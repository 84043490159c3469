"""Reference labels of one video by one model."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vqe.detections import Detections, concatenate, empty, overlaid

Measure = Callable[[NDArray[np.int64], Detections], NDArray[np.float32]]
"""A number for each of N frames, by what was seen in them."""

Part = tuple[NDArray[np.int64], Detections]
"""Frames, int64 (N,), and what was seen in each."""


class LabelStore:
    """Which frames a reference network has seen, and every detection in them.

    Grows by batches of frames, each frame once; lookups see them in ascending order. Once it holds
    `quota_bytes` it keeps what it has and forgets what comes. Safe to use from several threads.
    """

    def __init__(self, quota_bytes: int) -> None:
        self.quota_bytes = quota_bytes
        self._lock = threading.Lock()
        self._parts: list[Part] = []
        self.nbytes = 0

    def add(self, frames: NDArray[np.int64], detections: Detections) -> bool:
        """Keeps what was seen in `frames`, int64 (N,) ordinals that are not labelled yet; whether
        there was room."""
        with self._lock:
            if self.nbytes >= self.quota_bytes:
                return False
            self.nbytes += frames.nbytes + detections.nbytes
            # Larger parts before smaller ones: there are few, however small the batches, and a
            # frame is copied only when its part has doubled.
            while self._parts and len(self._parts[-1][0]) <= len(frames):
                earlier_frames, earlier = self._parts.pop()
                frames = np.concatenate([earlier_frames, frames])
                detections = concatenate([earlier, detections])
            self._parts.append((frames, detections))
            return True

    def parts(self) -> list[Part]:
        """The labels as they are now; a frame may be in several parts."""
        with self._lock:
            return list(self._parts)

    def frames(self) -> NDArray[np.int64]:
        """The labelled frames, int64 (N,) ascending."""
        parts = [frames for frames, _ in self.parts()]
        return np.unique(np.concatenate([np.empty(0, np.int64), *parts]))

    def of(self, ordinals: NDArray[np.int64]) -> tuple[NDArray[np.bool_], Detections]:
        """Which of the N frames, int64 ascending, are labelled, bool (N,), and what was seen."""
        parts = self.parts()
        labelled = np.zeros(len(ordinals), np.bool_)
        seen = [empty(len(ordinals))]
        for frames, detections in parts:
            _, at, found = np.intersect1d(ordinals, frames, return_indices=True)
            place = np.full(len(frames), -1, np.int64)
            new = ~labelled[at]
            place[found[new]] = at[new]
            labelled[at] = True
            seen.append(detections.placed(place, len(ordinals)))
        return labelled, overlaid(seen)

    def measure(self, measure: Measure) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The labelled frames, int64 (N,) ascending, and what `measure` makes of each label."""
        parts = self.parts()
        frames = np.concatenate([np.empty(0, np.int64), *(frames for frames, _ in parts)])
        values = np.concatenate([np.empty(0, np.float32), *(measure(*part) for part in parts)])
        frames, first = np.unique(frames, return_index=True)
        return frames, values[first]


class QueryLabels(LabelStore):
    """The labels of `stored`, and those of one query that found no room there: it must not ask
    about a frame twice, however full the store is."""

    def __init__(self, stored: LabelStore, quota_bytes: int) -> None:
        super().__init__(quota_bytes)
        self.stored = stored

    def add(self, frames: NDArray[np.int64], detections: Detections) -> bool:
        """Keeps labels in the store, or else for the query alone."""
        return self.stored.add(frames, detections) or super().add(frames, detections)

    def parts(self) -> list[Part]:
        """Those of the store and of the query."""
        return [*self.stored.parts(), *super().parts()]
