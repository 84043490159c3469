"""LIMIT n GAP d: frames far apart, found without answering for all the others.

Frames of a grid are looked at in an order that is spread over the whole video at any time. Those
that look least like the ones without the object (`models/kernel_model.py`) are shown to the
reference network first; what it says makes the model better. Only confirmed frames count, so that
the order decides what is found, never whether it is true. The grid is the one that a refinement
begins with: where it does not hold enough, its labels are needed anyway.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from vqe.models.kernel_model import SIZE, fit_kernel
from vqe.plan.gap import Gap
from vqe.planner.allowance import SpentError
from vqe.planner.asking import Asking
from vqe.planner.labeller import Labeller
from vqe.planner.refine import NotWorthwhileError
from vqe.planner.refining import GRID_UNIT_US, LEAST_GRID, grid_of
from vqe.planner.visual_scan import VisualScan
from vqe.runtime.context import Context

LOOKED_AT = 128
"""Frames of the grid that are decoded together, for a look: cheap beside calls of the network."""

ASKED = 16
"""Frames that the network is asked about before the model learns from them."""

MOST_IN_VAIN = 4
"""Rounds without a new one, once all was looked at: what is left does not look promising."""

Positions = NDArray[np.int64]


class Seeking:
    """A search for `wanted` frames of a scan, pairwise `gap` apart."""

    def __init__(
        self, scan: VisualScan, wanted: int, gap: Gap, labeller: Labeller, context: Context
    ) -> None:
        self.scan = scan
        self.wanted = wanted
        self.gap = gap
        self.labeller = labeller
        self.asking = Asking(scan, labeller, context)
        self._times = scan.index.timestamps_us[scan.ordinals]
        self._marks = labeller.marks_or_nan(scan.ordinals)
        # A network on a GPU sees a frame about as fast as it is decoded: no use in looking first.
        self._looks = not scan.network.device.startswith("cuda")

    def run(self) -> Positions:
        """Positions among the frames of the scan, ascending, confirmed and far enough apart: as
        many as are wanted, or fewer."""
        # Damage, or the end of the effort: what was found stays true.
        with suppress(NotWorthwhileError, SpentError):
            self._search()
        return self._found()[: self.wanted]

    def _search(self) -> None:
        if len(self._found()) >= self.wanted:
            return
        scan = self.scan
        grid = grid_of(self._times, scan.index.keyframe[scan.ordinals], GRID_UNIT_US)
        if len(grid) < LEAST_GRID:
            return
        pool = np.empty(0, np.int64)
        pictures = np.empty((0, SIZE, SIZE, 3), np.uint8)
        order = grid[spread_order(len(grid))]
        for first in range(0, len(order), LOOKED_AT):
            chunk = np.sort(order[first : first + LOOKED_AT])
            if not self._looks:
                self._ask(self._open(chunk))
            else:
                pool = np.concatenate([pool, chunk])
                pictures = np.concatenate([pictures, self.asking.thumbnails(chunk)])
                self._ask_best(pool, pictures)
            if len(self._found()) >= self.wanted:
                return
        in_vain = 0
        while len(self._open(pool)) and in_vain < MOST_IN_VAIN:
            before = len(self._found())
            self._ask_best(pool, pictures)
            found = len(self._found())
            if found >= self.wanted:
                return
            in_vain = 0 if found > before else in_vain + 1

    def _ask_best(self, pool: Positions, pictures: NDArray[np.uint8]) -> None:
        """Asks about the most promising of the frames that were looked at."""
        marks = self._marks[pool]
        holds = self.scan.question.holds(marks)
        known = ~np.isnan(marks)
        still_open = np.flatnonzero(np.isin(pool, self._open(pool)))
        if holds.any() and (known & ~holds).sum() > 1:
            model = fit_kernel(pictures[known], holds[known], pool[known])
            still_open = still_open[np.argsort(-model.score(pictures[still_open]), kind="stable")]
        else:  # all over what was looked at
            still_open = still_open[spread_order(len(still_open))]
        self._ask(np.sort(pool[still_open[:ASKED]]))

    def _ask(self, positions: Positions) -> None:
        """Learns what the network says of these frames."""
        self.asking.read(positions)
        self._marks[positions] = self.labeller.marks_or_nan(self.scan.ordinals[positions])

    def _open(self, positions: Positions) -> Positions:
        """Those that have no label, and could still be one of those that are wanted."""
        near = self.gap.near(self.scan.ordinals, self._times, self._found())
        return positions[np.isnan(self._marks[positions]) & ~near[positions]]

    def _found(self) -> Positions:
        """As many confirmed frames as there can be, far enough apart."""
        holding = np.flatnonzero(self.scan.question.holds(self._marks))
        return holding[self.gap.apart(self.scan.ordinals[holding], self._times[holding])]


def spread_order(n: int) -> Positions:
    """The numbers 0..n−1 so that the first of them are spread over all: by their bits, reversed
    (van der Corput, "Verteilungsfunktionen", 1935)."""
    bits = max(n - 1, 1).bit_length()
    numbers = np.arange(n)
    reversed_ = np.zeros(n, np.int64)
    for bit in range(bits):
        reversed_ |= (numbers >> bit & 1) << (bits - 1 - bit)
    return np.argsort(reversed_, kind="stable")
