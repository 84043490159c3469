"""Frames merged into stretches of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.schema import DecidedBy


@dataclass(frozen=True)
class Span:
    """A stretch of time, start inclusive, stop exclusive, and who answered for it."""

    start_us: int
    stop_us: int
    decided_by: DecidedBy | None = None


def runs(
    frames: NDArray[np.int64],
    timestamps: NDArray[np.int64],
    decided_by: Sequence[DecidedBy] | None = None,
) -> list[Span]:
    """The spans of consecutive `frames` (ascending ordinals, with `timestamps` in microseconds).

    A change of `decided_by` ends a span too. A span reaches to the next frame, whose time is
    taken from the typical distance of neighbours where the next frame is not among `frames`.
    """
    frames, timestamps = np.asarray(frames), np.asarray(timestamps)
    if len(frames) == 0:
        return []
    neighbours = np.diff(frames) == 1
    steps = np.diff(timestamps)
    step = int(np.median(steps[neighbours])) if neighbours.any() else 0
    stops = np.append(np.where(neighbours, timestamps[1:], timestamps[:-1] + step), 0)
    stops[-1] = timestamps[-1] + step
    breaks = ~neighbours
    if decided_by is not None:
        names = np.asarray(decided_by)
        breaks |= names[1:] != names[:-1]
    starts = np.flatnonzero(np.append(True, breaks))
    ends = np.flatnonzero(np.append(breaks, True))
    return [
        Span(int(timestamps[i]), int(stops[j]), None if decided_by is None else decided_by[i])
        for i, j in zip(starts.tolist(), ends.tolist(), strict=True)
    ]
