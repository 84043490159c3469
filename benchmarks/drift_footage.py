"""Footage that is disturbed only where a plan labels nothing: what it has not seen.

Disturbances are as strong as the generator's own can be (`benchmarks/timeline.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmarks.footage import Footage
from benchmarks.timeline import EXPOSURE_STEP, JOLT_ROWS, LIGHTS_OFF, Timeline
from vqe.planner.sampling import cut
from vqe.video.decode_plan import spans_of
from vqe.video.index import VideoIndex

KINDS = {
    "none": "undisturbed",
    "exposure": "exposure step",
    "lights": "lights off",
    "jolts": "camera jolted",
}
JOLT = 12, -12
"""Pixels of 720p to the right and down: as far as the generator's jolts go."""


@dataclass(frozen=True)
class DisturbedFootage(Footage):
    """Footage with `spells` of one kind of disturbance: spans of frames, [start, stop)."""

    kind: str = "none"
    spells: tuple[tuple[int, int], ...] = ()

    @cached_property
    def timeline(self) -> Timeline:
        """What is to be seen when, the disturbances among it."""
        calm = Footage(**{name: getattr(self, name) for name in Footage.__dataclass_fields__})
        return disturbed(calm.timeline, self.spells, self.kind, self.height)

    def inside(self, ordinals: NDArray[np.int64]) -> int:
        """How many of the frames are disturbed."""
        return sum(int(((ordinals >= a) & (ordinals < b)).sum()) for a, b in self.spells)


def unlabelled(index: VideoIndex, labelled: NDArray[np.int64]) -> tuple[tuple[int, int], ...]:
    """The spans of blocks in which none of the frames `labelled`, int64, lies.

    Whole blocks, also around a frame that was only probed: a disturbance that spares one frame
    would be none.
    """
    strip = cut(index, np.arange(len(index)), None)
    free = np.ones(len(strip), np.bool_)
    free[strip.numbers(labelled)] = False
    edges = strip.edges.tolist()
    return tuple((edges[first], edges[stop]) for first, stop in spans_of(np.flatnonzero(free)))


def disturbed(
    timeline: Timeline, spells: Sequence[tuple[int, int]], kind: str, rows: int
) -> Timeline:
    """The time line with a disturbance in each span of frames, as strong as the generator's are."""
    light, shift = timeline.light.copy(), timeline.shift.copy()
    for start, stop in spells:
        match kind:
            case "lights":
                light[start:stop] *= LIGHTS_OFF
            case "exposure":
                light[start:stop] *= 1 - EXPOSURE_STEP
            case "jolts":
                away = np.array(JOLT) * rows / JOLT_ROWS
                shift[start:stop] += 2 * np.rint(away / 2).astype(np.int64)
            case _:
                raise ValueError(f"no disturbance {kind!r}: there are {', '.join(KINDS)}")
    return replace(timeline, light=light, shift=shift)
