"""Asking the reference network about the frames that a refinement wants."""

from __future__ import annotations

import math
import time
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.physical.fill_scan import Fill
from vqe.planner.frame_refinement import FrameFineness, FrameRefinement, judge
from vqe.planner.labeller import Labeller
from vqe.planner.refinement import AGREEING, WORTHWHILE, Fineness, Refinement
from vqe.planner.visual_scan import VisualScan
from vqe.runtime.context import Context
from vqe.statistics.units import unit_of
from vqe.video.reader import Reader
from vqe.video.strategies import FrameSet

SPACING_UNITS = 2.5
"""Units between two frames of the first grid, about, where key frames do not decide it."""

SPARSE_KEYS = 4.0
"""Key frames alone are the grid while they are at most so many times as far apart."""

GRID_UNIT_US = 1_000_000
"""What the first grid is spaced by where errors count in frames: visits last as long as they do."""

LEAST_GRID = 10
"""Frames of a grid that may find enough visits to judge by; shorter videos are not worth it."""

LEAST_SAVING_SECONDS = 1.0
"""A query that takes less is answered as it is."""

FIRST_LOOK_BATCHES = 3
"""Batches that tell how fast the reference network is; the first one warms it up."""


class NotWorthwhileError(Exception):
    """Why this question is not answered from few frames; never leaves the planner."""


@dataclass(frozen=True)
class Refined:
    """What was found out: the answers that all others follow from, the seconds between two frames
    of the grid, and what is known of its fineness."""

    fill: Fill
    spacing: float
    fineness: Fineness | FrameFineness

    @property
    def reason(self) -> str:
        """Why the other frames may follow from these."""
        spacing = f"a frame every {self.spacing:.1f} s, and around every change"
        return f"{spacing}; {self.fineness.told}"


def first_grid(scan: VisualScan, *, fill: bool) -> NDArray[np.int64] | None:
    """The frames to begin with, as positions among those of the scan, int64, ascending.

    None where frames may not be answered by their neighbours: errors must count in single frames or
    in units that a few frames settle, all rows must be wanted, and the setting `fill` must allow
    it; nor is it worth it where the video is short.
    """
    index, ordinals, unit_us = scan.index, scan.ordinals, scan.accuracy.unit_us
    if scan.limit is not None or not fill or not len(ordinals):
        return None
    times_us = index.timestamps_us[ordinals]
    if unit_us is not None and len(ordinals) < AGREEING * len(np.unique(times_us // unit_us)):
        return None
    grid = grid_of(times_us, index.keyframe[ordinals], unit_us or GRID_UNIT_US)
    return grid if LEAST_GRID <= len(grid) <= WORTHWHILE * len(ordinals) else None


def grid_of(
    times_us: NDArray[np.int64], keyframe: NDArray[np.bool_], unit_us: int
) -> NDArray[np.int64]:
    """The first grid over N frames, by their timestamps and whether they are key frames: positions.

    Key frames, for nothing else need be decoded to see them, and others where those are far apart.
    The ends of every stretch are among them: no answer is carried over a gap.
    """
    wanted_us = SPACING_UNITS * unit_us
    keys = np.flatnonzero(keyframe)
    if len(keys) > 1:
        apart_us = max(float(np.median(np.diff(times_us[keys]))), 1.0)
        keys = keys[:: max(round(wanted_us / apart_us), 1)]
    ends = np.flatnonzero(np.diff(times_us) > unit_us)
    grid = np.unique(np.concatenate([[0], keys, ends, ends + 1, [len(times_us) - 1]]))
    # Where the grid has gaps, frames at regular times that are far from both of their edges.
    regular = np.unique(np.searchsorted(times_us, np.arange(times_us[0], times_us[-1], wanted_us)))
    after = np.searchsorted(times_us[grid], times_us[regular]).clip(1)
    edges = times_us[grid][np.stack([after - 1, after])]
    far = np.abs(edges - times_us[regular]).min(axis=0) > SPARSE_KEYS / 2 * wanted_us
    return np.union1d(grid, regular[far])


def refinement_of(scan: VisualScan, grid: NDArray[np.int64], seed: int) -> Refinement:
    """The refinement of a scan: to the unit, or to the frame."""
    if scan.accuracy.unit_us is None:
        return FrameRefinement(scan.frames, grid, seed)
    units = unit_of(scan.index.timestamps_us[scan.ordinals], scan.accuracy.unit_us)
    return Refinement(np.unique(units, return_inverse=True)[1], grid)


class Refining:
    """A refinement at work on a scan."""

    def __init__(
        self, scan: VisualScan, grid: NDArray[np.int64], labeller: Labeller, context: Context
    ) -> None:
        self.scan = scan
        self.labeller = labeller
        self.context = context
        self.unlabelled = len(scan.remaining)
        self.refinement = refinement_of(scan, grid, context.settings.seed)

    def run(self) -> Refined:
        """Asks until the grid is fine enough. Raises NotWorthwhileError where that does not pay."""
        refinement, began = self.refinement, time.perf_counter()
        self._ask(refinement.grid[: FIRST_LOOK_BATCHES * self.scan.network.batch_size])
        if self._seconds_without() < LEAST_SAVING_SECONDS:
            raise NotWorthwhileError(f"all takes only {self._seconds_without():.1f} s")
        while True:
            while len(positions := refinement.ask()):
                if len(self.labeller.fresh) + len(positions) > WORTHWHILE * self.scan.frames:
                    raise NotWorthwhileError(f"{WORTHWHILE:.0%} of the frames are near a change")
                if time.perf_counter() - began > WORTHWHILE * self._seconds_without():
                    raise NotWorthwhileError("the same frames are decoded again and again")
                self._ask(positions)
            found = judge(refinement, self.scan.accuracy)
            if found.enough:
                return self._refined(found)
            if found.hopeless:
                raise NotWorthwhileError(found.why_not)
            refinement.halve()

    def _seconds_without(self) -> float:
        """What the reference network would take for all frames that had no label."""
        seconds = self.labeller.seconds_per_frame
        # Nothing had to be asked so far: the labels were known.
        return math.inf if seconds is None else seconds * self.unlabelled

    def _ask(self, positions: NDArray[np.int64]) -> None:
        """Tells the refinement about these frames."""
        ordinals = self.scan.ordinals[positions]
        unknown = self.labeller.unknown(ordinals)
        self.context.progress.phase("labelling", len(unknown))
        reader = Reader(
            threads=self.context.decode_threads,
            batch_frames=self.scan.network.batch_size,
            cancelled=self.context.cancelled.is_set,
        )
        with closing(reader.read(FrameSet().plan(self.scan.index, unknown))) as batches:
            for frames in batches:
                self.context.check()
                self.labeller.label(frames)
                self.context.progress.advance(len(frames))
        self.context.metrics.decoded_to_plan += reader.report.decoded
        self.context.check()
        if reader.report.damage:
            raise NotWorthwhileError("some frames cannot be decoded")
        score = self.labeller.scores(ordinals)
        self.refinement.tell(positions, self.scan.question.holds(score))

    def _refined(self, found: Fineness | FrameFineness) -> Refined:
        known, grid = self.refinement.known, self.refinement.grid
        ordinals = self.scan.ordinals[known]
        times = self.scan.index.timestamps_us[self.scan.ordinals[grid]]
        spacing = float(np.median(np.diff(times))) / 1e6 if len(grid) > 1 else 0.0
        return Refined(Fill(ordinals, self.labeller.scores(ordinals)), spacing, found)
