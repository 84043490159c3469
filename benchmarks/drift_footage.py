"""Footage that is disturbed only where queries label nothing: what a plan has not seen.

Disturbances are as strong as the generator's own can be (`benchmarks/timeline.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from benchmarks.footage import Footage, make
from benchmarks.timeline import EXPOSURE_STEP, JOLT_ROWS, LIGHTS_OFF, Timeline
from vqe.planner.sampling import draw_blocks
from vqe.video.decode_plan import spans_of
from vqe.video.indexing import build_index

KINDS = {
    "none": "undisturbed",
    "exposure": "exposure step",
    "lights": "lights off",
    "jolts": "camera jolted",
}
LEAST_SPELL_SECONDS = 1.5
JOLT = 12, -12
"""Pixels of 720p to the right and down: as far as the generator's jolts go."""


@dataclass(frozen=True)
class DisturbedFootage(Footage):
    """Footage with spells of one kind of disturbance, only where queries with seed `hidden_from`
    and errors per frame or per second label nothing to learn a cascade."""

    kind: str = "none"
    hidden_from: int = 0

    @cached_property
    def timeline(self) -> Timeline:
        """What is to be seen when, the disturbances among it."""
        return disturbed(self.calm.timeline, self.spells, self.kind, self.height)

    @cached_property
    def spells(self) -> list[tuple[int, int]]:
        """Spans of frames that are disturbed."""
        return [] if self.kind == "none" else unlabelled(self.calm, self.hidden_from)

    @property
    def calm(self) -> Footage:
        """The same, undisturbed."""
        return Footage(**{name: getattr(self, name) for name in Footage.__dataclass_fields__})


def unlabelled(footage: Footage, seed: int) -> list[tuple[int, int]]:
    """Spans of frames between the blocks that a query with a seed labels, the long ones."""
    index = build_index(str(make(footage)), lambda: None)
    free = np.ones(len(index), np.bool_)
    for block in draw_blocks(index, np.arange(len(index)), None, seed):
        free[block.ordinals[0] : block.ordinals[-1] + 1] = False
    least = LEAST_SPELL_SECONDS * footage.fps
    return [span for span in spans_of(np.flatnonzero(free)) if span[1] - span[0] >= least]


def disturbed(timeline: Timeline, spells: list[tuple[int, int]], kind: str, rows: int) -> Timeline:
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
