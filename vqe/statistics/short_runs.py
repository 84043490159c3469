"""How many short runs a grid of frames has not met, told from those that it has."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vqe.statistics.poisson import least_expected, most_expected

BROKEN = 0.2
"""How often there may be more runs than allowed for, if they come independently."""

FINER = 1.05
"""Spacings are tried by powers of this."""


@dataclass(frozen=True)
class ShortRuns:
    """Runs of one answer, and the grid among the frames of the other, on which they are looked for.

    Only such as the grid has met: those that were found on the way to a change stand for no others.
    A run may be in `pieces`, int64 (p,), frames each, so near to one another that one leads to the
    others; `first`: int64 (c,), the first piece of each run. `gaps`: int64 (G,), frames from one
    frame of the grid to the next.
    """

    pieces: NDArray[np.int64]
    first: NDArray[np.int64]
    gaps: NDArray[np.int64]

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Frames of each run, int64 (c,)."""
        return np.add.reduceat(self.pieces, self.first) if len(self.first) else self.first

    @cached_property
    def spacing(self) -> float:
        """Frames for each frame of the grid."""
        return float(self.gaps.mean()) if len(self.gaps) else 1.0

    @cached_property
    def chance(self) -> NDArray[np.float64]:
        """Of each run to be met, float64 (c,)."""
        if not len(self.gaps):
            return np.ones(len(self.first))
        lengths, which = np.unique(self.pieces, return_inverse=True)
        gaps, count = np.unique(self.gaps, return_counts=True)
        met = np.minimum(gaps, lengths[:, None]) @ count / self.gaps.sum()
        return self._of_runs(met[which])

    def chance_on(self, spacing: float) -> NDArray[np.float64]:
        """Of each run to be met by an even grid of that spacing, float64 (c,)."""
        return self._of_runs(np.minimum(self.pieces / spacing, 1))

    def _of_runs(self, met: NDArray[np.float64]) -> NDArray[np.float64]:
        """The chance to meet any piece of each run, from that to meet each piece."""
        if not len(self.first):
            return np.ones(0)
        chance: NDArray[np.float64] = 1 - np.multiply.reduceat(1 - met, self.first)
        return chance

    @property
    def flickering(self) -> float:
        """Frames of runs too short for this grid, met or not, about."""
        short = self.chance < 1
        return float((self.lengths / self.chance)[short].sum())

    def unseen(self, spacing: float | None = None, *, hope: bool = False) -> float:
        """Frames of runs that a grid of that spacing, or else this one, has not met: hardly more.

        With `hope` as few runs were met by chance as that is likely, and there are fewer.
        """
        each = self.spacing if spacing is None else spacing
        chance = self.chance if spacing is None else self.chance_on(spacing)
        # For each that was met there are so many of its kind.
        alike = 1 / self.chance
        if hope:
            met = float((self.chance < 1).sum())
            alike *= least_expected(met, BROKEN) / max(met, 1)
        short = chance < 1
        expected = float((alike * self.lengths * (1 - chance))[short].sum())
        met = float((alike * chance)[short].sum())
        return expected + (most_expected(met, BROKEN) - met) * (each - 1)

    def needed(self, allowed: float, *, hope: bool = False) -> float:
        """The spacing at which no more than so many frames would be unseen; 1 for every frame."""
        spacing = self.spacing
        while spacing > 1 and self.unseen(spacing, hope=hope) > allowed:
            spacing /= FINER
        return max(spacing, 1.0)
