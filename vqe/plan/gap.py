"""How far apart the rows of LIMIT n GAP d must lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.errors import PlanError
from vqe.sql.literals import format_interval


@dataclass(frozen=True)
class Gap:
    """A distance in microseconds or in frames: one of the two is 0."""

    us: int = 0
    frames: int = 0

    def __post_init__(self) -> None:
        if self.us < 0 or self.frames < 0 or (self.us and self.frames):
            raise PlanError(f"no gap: {self.us} µs, {self.frames} frames")

    def __str__(self) -> str:
        if self.frames:
            return f"{self.frames} FRAMES"
        return f"INTERVAL '{format_interval(self.us)}'"

    def apart(self, frames: NDArray[np.int64], times_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """Positions of as many as there can be, pairwise at least that far apart: the first, and
        each time the next that is far enough. All are int64 (N,), ascending."""
        place = self._places(frames, times_us)
        picked, position = [], 0
        while position < len(place):
            picked.append(position)
            position = int(np.searchsorted(place, place[position] + max(self.size, 1)))
        return np.array(picked, np.int64)

    def near(
        self,
        frames: NDArray[np.int64],
        times_us: NDArray[np.int64],
        picked: NDArray[np.int64],
    ) -> NDArray[np.bool_]:
        """Which of N frames are too near to one of those at the positions `picked`, bool (N,)."""
        if not len(picked):
            return np.zeros(len(frames), np.bool_)
        place = self._places(frames, times_us)
        at = place[picked]
        after = np.searchsorted(at, place)
        edges = at[np.stack([after.clip(max=len(at) - 1), (after - 1).clip(min=0)])]
        near: NDArray[np.bool_] = np.abs(edges - place).min(axis=0) < max(self.size, 1)
        return near

    @property
    def size(self) -> int:
        """The distance, whatever it counts."""
        return self.frames or self.us

    def _places(self, frames: NDArray[np.int64], times_us: NDArray[np.int64]) -> NDArray[np.int64]:
        return frames if self.frames or not self.us else times_us
