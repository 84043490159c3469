"""Asking the reference network about the frames that a refinement wants."""

from __future__ import annotations

import math
import time
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.physical.fill_scan import Fill
from vqe.planner.labeller import Labeller
from vqe.planner.refinement import AGREEING, Fineness, Refinement, fineness
from vqe.planner.refinement_cost import Forecast, Spending, foretell
from vqe.planner.refinement_rates import rates_seen
from vqe.planner.visual_scan import VisualScan
from vqe.runtime.context import Context
from vqe.runtime.metrics import StageMetrics
from vqe.statistics.rates import ErrorRate
from vqe.statistics.units import unit_of
from vqe.storage.store import Store
from vqe.video.reader import Reader
from vqe.video.strategies import FrameSet

SPACING_UNITS = 2.5
"""Units between two frames of the first grid, about, where key frames do not decide it."""

SPARSE_KEYS = 4.0
"""Key frames alone are the grid while they are at most so many times as far apart."""

LEAST_GRID = 10
"""Frames of a grid that may find enough visits to judge by; shorter videos are not worth it."""

WORTHWHILE = 0.5
"""Share that may be spent: of the frames, as labels, and of the time that labelling all of them
would take. Decoding counts there: each round of questions decodes its groups of pictures anew."""

LEAST_SAVING_SECONDS = 1.0
"""A query that takes less is answered as it is."""

FIRST_LOOK_BATCHES = 3
"""Batches that tell how fast the reference network is; the first one warms it up."""


class NotWorthwhileError(Exception):
    """Why this question is not answered from few frames; never leaves the planner.

    `seconds`: what it was predicted to take, None where it never came to that.
    """

    def __init__(self, reason: str, seconds: float | None = None) -> None:
        super().__init__(reason)
        self.seconds = seconds


@dataclass(frozen=True)
class Refined:
    """What was found out: the answers that all others follow from, the seconds between two frames
    of the grid, and what is known of its fineness; the steps that it took, with what was foretold
    of them."""

    fill: Fill
    spacing: float
    fineness: Fineness
    rates: tuple[ErrorRate, ...]
    spent: tuple[StageMetrics, ...]
    forecast: Forecast | None

    @property
    def reason(self) -> str:
        """Why the other frames may follow from these."""
        found = self.fineness
        rates = (("missed", found.fnr), ("false", found.fdr))
        told = " and ".join(f"{rate:.1%} {what}" for what, rate in rates if rate is not None)
        spacing = f"a frame every {self.spacing:.1f} s, and around every change"
        return f"{spacing}; every other of them would have given {told or 'the same'}"


def first_grid(scan: VisualScan, *, fill: bool) -> NDArray[np.int64] | None:
    """The frames to begin with, as positions among those of the scan, int64, ascending.

    None where frames may not be answered by their neighbours: errors must count in units that a few
    frames settle, all rows must be wanted, and the setting `fill` must allow it; nor is it worth it
    where the video is short.
    """
    unit_us = scan.accuracy.unit_us
    if unit_us is None or scan.limit is not None or not fill:
        return None
    units = unit_of(scan.index.timestamps_us[scan.ordinals], unit_us)
    if not len(units) or len(units) < AGREEING * len(np.unique(units)):
        return None
    index, ordinals = scan.index, scan.ordinals
    grid = grid_of(index.timestamps_us[ordinals], index.keyframe[ordinals], unit_us)
    return grid if len(grid) >= LEAST_GRID else None


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


class Refining:
    """A refinement at work on a scan."""

    def __init__(
        self,
        scan: VisualScan,
        grid: NDArray[np.int64],
        labeller: Labeller,
        store: Store,
        context: Context,
    ) -> None:
        self.scan = scan
        self.store = store
        self.labeller = labeller
        self.context = context
        units = unit_of(scan.index.timestamps_us[scan.ordinals], scan.accuracy.unit_us)
        self.unlabelled = len(scan.remaining)
        self.refinement = Refinement(np.unique(units, return_inverse=True)[1], grid)
        self.spending = Spending(labeller)
        self.forecast: Forecast | None = None

    def run(self) -> Refined:
        """Asks until the grid is fine enough. Raises NotWorthwhileError where that does not pay."""
        try:
            return self._run()
        except NotWorthwhileError as reason:
            if self.forecast is not None:
                reason.seconds = self.forecast.seconds
            raise

    def _run(self) -> Refined:
        refinement, began = self.refinement, time.perf_counter()
        self._ask(refinement.grid[: FIRST_LOOK_BATCHES * self.scan.network.batch_size])
        if self._seconds_without() < LEAST_SAVING_SECONDS:
            raise NotWorthwhileError(f"all takes only {self._seconds_without():.1f} s")
        self._ask(refinement.ask())
        self.forecast = self._foretold()
        while True:
            while len(positions := refinement.ask()):
                if len(self.labeller.fresh) + len(positions) > WORTHWHILE * self.scan.frames:
                    raise NotWorthwhileError(f"{WORTHWHILE:.0%} of the frames are near a change")
                if time.perf_counter() - began > WORTHWHILE * self._seconds_without():
                    raise NotWorthwhileError("the same frames are decoded again and again")
                self._ask(positions)
            found = fineness(refinement, self.scan.accuracy)
            if found.enough:
                return self._refined(found)
            if found.excess * len(refinement.grid) > self.scan.frames:
                raise NotWorthwhileError("visits are short, or flicker: the grid needs all frames")
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
        plan = FrameSet().plan(self.scan.index, unknown)
        counting = self.labeller.counting_cpu(reader)
        with counting, closing(reader.read(plan)) as batches:
            for frames in batches:
                self.context.check()
                self.labeller.label(frames)
                self.context.progress.advance(len(frames))
        self.spending.add(reader.report)
        self.context.metrics.decoded_to_plan += reader.report.decoded
        self.context.check()
        if reader.report.damage:
            raise NotWorthwhileError("some frames cannot be decoded")
        score = self.labeller.scores(ordinals)
        self.refinement.tell(positions, self.scan.question.holds(score))

    def _refined(self, found: Fineness) -> Refined:
        known, grid = self.refinement.known, self.refinement.grid
        ordinals = self.scan.ordinals[known]
        times = self.scan.index.timestamps_us[self.scan.ordinals[grid]]
        spacing = float(np.median(np.diff(times))) / 1e6 if len(grid) > 1 else 0.0
        return Refined(
            fill=Fill(ordinals, self.labeller.scores(ordinals)),
            spacing=spacing,
            fineness=found,
            rates=rates_seen(self.refinement, found),
            spent=self.spending.steps,
            forecast=self.forecast,
        )

    def _foretold(self) -> Forecast | None:
        """What all this will take. Raises NotWorthwhileError where all frames would take less."""
        told = foretell(self.scan, self.refinement, self.spending, self.store, self.context)
        if told is not None and told.ahead > told.without_ahead:
            reason = (
                f"{told.ahead:.1f} s to go are more than the {told.without_ahead:.1f} s for all"
            )
            raise NotWorthwhileError(reason, told.seconds)
        return told
