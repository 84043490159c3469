"""Asking the reference network about the frames that a refinement wants."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.physical.fill_scan import Fill
from vqe.planner.asking import Asking
from vqe.planner.fineness import Fineness
from vqe.planner.frame_refinement import FrameFineness, FrameRefinement
from vqe.planner.grid_proxy import GridProxy
from vqe.planner.labeller import Labeller
from vqe.planner.refine import NotWorthwhileError, refine
from vqe.planner.refinement import AGREEING, WORTHWHILE, Refinement
from vqe.planner.refinement_cost import Forecast, foretell
from vqe.planner.refinement_rates import rates_seen
from vqe.planner.visual_scan import VisualScan
from vqe.runtime.context import Context
from vqe.runtime.metrics import StageMetrics
from vqe.statistics.rates import ErrorRate
from vqe.storage.store import Store

SPACING_UNITS = 2.5
"""Units between two frames of the first grid, about, where key frames do not decide it."""

SPARSE_KEYS = 4.0
"""Key frames alone are the grid while they are at most so many times as far apart."""

GRID_UNIT_US = 1_000_000
"""What the first grid is spaced by where errors count in frames: visits last as long as they do."""

LEAST_GRID = 10
"""Frames of a grid that may find enough visits to judge by; shorter videos are not worth it."""

LEAST_GUESSABLE = 100
"""Frames of a grid of which a proxy may guess some: fewer hardly show enough visits to judge by."""

GUESSED = 0.4
"""Share of a grid that a proxy rules out, about, where one can be had."""

LEAST_SAVING_SECONDS = 1.0
"""A query that takes less is answered as it is."""

FIRST_LOOK_BATCHES = 3
"""Batches that tell how fast the reference network is; the first one warms it up."""


@dataclass(frozen=True)
class Refined:
    """What was found out: the answers that all others follow from, the seconds between two frames
    of the grid, and what is known of its fineness; the steps that it took, with what was foretold
    of them."""

    fill: Fill
    spacing: float
    fineness: Fineness | FrameFineness
    rates: tuple[ErrorRate, ...]
    spent: tuple[StageMetrics, ...]
    forecast: Forecast | None

    @property
    def reason(self) -> str:
        """Why the other frames may follow from these."""
        guessed = self.fill.guessed
        look = f" ({guessed:,} of them guessed, as they look like most others)" if guessed else ""
        spacing = f"a frame every {self.spacing:.1f} s{look}, and around every change"
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
    return Refinement(scan.unit, grid)


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
        self.asking = Asking(scan, labeller, context)
        self.unlabelled = len(scan.remaining)
        self.refinement = refinement_of(scan, grid, context.settings.seed)
        self.forecast: Forecast | None = None
        self._began = time.perf_counter()

    def run(self) -> Refined:
        """Asks until the grid is fine enough. Raises NotWorthwhileError where that does not pay."""
        try:
            return self._run()
        except NotWorthwhileError as reason:
            if self.forecast is not None:
                reason.seconds = self.forecast.seconds
            raise

    def _run(self) -> Refined:
        refinement, grid = self.refinement, self.refinement.grid
        seconds = self._first_look(grid[: FIRST_LOOK_BATCHES * self.scan.network.batch_size])
        if self._seconds_without() < LEAST_SAVING_SECONDS:
            raise NotWorthwhileError(f"all takes only {self._seconds_without():.1f} s")
        proxy = None
        if self._worth_guessing(seconds):
            proxy = GridProxy(
                refinement,
                self.scan.accuracy,
                self._label,
                self.asking.thumbnails,
                self.context.settings.seed,
            )
            proxy.rule_out()
        still_open = grid[refinement.open_on_grid]
        refinement.tell(still_open, self._label(still_open))
        self._foretell()
        found = refine(refinement, self.scan.accuracy, self._label, proxy, self._foretell)
        return self._refined(found)

    def _first_look(self, positions: NDArray[np.int64]) -> float:
        """Tells about the first frames, and what is in store of the grid; returns what decoding
        one frame of the grid takes, in seconds."""
        refinement, grid = self.refinement, self.refinement.grid
        before = len(self.labeller.fresh)
        seconds = self.asking.read(positions).seconds
        n_read = max(len(self.labeller.fresh) - before, 1)
        ordinals = self.scan.ordinals[grid]
        stored = grid[~np.isin(ordinals, self.labeller.unknown(ordinals))]
        refinement.tell(stored, self.asking.answers(stored))
        return seconds / n_read / self.context.decode_threads

    def _worth_guessing(self, decoding: float) -> bool:
        """Whether looking at the whole grid, at so many seconds a frame, may save enough calls.

        Not where errors count in frames: a guess would say nothing about blips.
        """
        if self.scan.accuracy.unit_us is None:
            return False
        calls = self.labeller.seconds_per_frame
        still_open = int(self.refinement.open_on_grid.sum())
        if calls is None or still_open < LEAST_GUESSABLE:
            return False
        return still_open * (GUESSED * calls - decoding) > LEAST_SAVING_SECONDS

    def _seconds_without(self) -> float:
        """What the reference network would take for all frames that had no label."""
        seconds = self.labeller.seconds_per_frame
        # Nothing had to be asked so far: the labels were known.
        return math.inf if seconds is None else seconds * self.unlabelled

    def _label(self, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
        """The answers for these frames, bool (n,). Raises NotWorthwhileError at too high a cost."""
        if len(self.labeller.fresh) + len(positions) > WORTHWHILE * self.scan.frames:
            raise NotWorthwhileError(f"{WORTHWHILE:.0%} of the frames are near a change")
        if time.perf_counter() - self._began > WORTHWHILE * self._seconds_without():
            raise NotWorthwhileError("the same frames are decoded again and again")
        self.asking.read(positions)
        return self.asking.answers(positions)

    def _foretell(self) -> None:
        """What all this will take, as far as the grid tells. Raises NotWorthwhileError where all
        frames would take less."""
        spending = self.asking.spending
        told = foretell(self.scan, self.refinement, spending, self.store, self.context)
        if told is not None and told.ahead > told.without_ahead:
            reason = (
                f"{told.ahead:.1f} s to go are more than the {told.without_ahead:.1f} s for all"
            )
            raise NotWorthwhileError(reason, told.seconds)
        self.forecast = told
        if told is not None:
            self.context.progress.expect(told.labels_ahead)

    def _refined(self, found: Fineness | FrameFineness) -> Refined:
        refinement = self.refinement
        known, grid = refinement.known, refinement.grid
        asked = refinement.asked[known]
        mark = np.full(len(known), np.nan, np.float32)
        mark[asked] = self.labeller.marks(self.scan.ordinals[known[asked]])
        times = self.scan.index.timestamps_us[self.scan.ordinals[grid]]
        return Refined(
            fill=Fill(self.scan.ordinals[known], refinement.state[known] == 1, mark),
            spacing=float(np.median(np.diff(times))) / 1e6 if len(grid) > 1 else 0.0,
            fineness=found,
            rates=rates_seen(refinement, found),
            spent=self.asking.spending.steps,
            forecast=self.forecast,
        )
