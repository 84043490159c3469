"""Ruling out frames of a grid without the reference network.

Most frames of a grid show what most others show: an empty scene. A part of the grid, drawn at
random in strata of time, is labelled; a model learns what the usual ones among them look like
(`models/kernel_model.py`); whatever does not look usual is labelled too, and what is next to a
change. The others are *guessed* to be as the usual ones.

A guess hides a visit only if every frame of the grid in it looks usual. How likely that is shows in
the visits that were found, once they are settled: by the score that the most unusual frame of each
had while the model knew nothing of its stretch of time. The threshold is set by the usual frames
alone, so that only a few of them exceed it; where the visits do not lie so far above it that, by a
normal prediction bound, hardly one falls below, all guesses are withdrawn. A sample of the guessed
frames is labelled as well: a visit found there alone stands for the others that were not.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vqe.models.kernel_model import SIZE, fit_kernel
from vqe.plan.accuracy import Accuracy
from vqe.planner.refinement import Positions, Refinement
from vqe.statistics.normal import MIN_SIZE, NormalSample
from vqe.statistics.units import unit_answers

SAMPLED_EVERY = 4
"""One frame in so many is drawn first, or as many as make MOST_DRAWN."""

MOST_DRAWN = 1000

USUAL = 0.97
"""Share of the usual frames below the threshold. The others cost a label each; what they buy is
distance from the visits."""

UNRECOGNISABLE = 0.5
"""A threshold that high says that usual frames do not look alike."""

AUDITED = 0.1
"""Share of the guessed frames that is labelled all the same."""

LEAST_AUDITED, MOST_AUDITED = 10, 500

STRETCHES = 12
"""Stretches of time that are left out in turn."""

MOST_ROUNDS = 6
"""Rounds of learning from what looked unusual to the round before."""

MOST_ASKED = 0.75
"""With more of the grid labelled there is nothing to gain."""

PART_OF_BOUND = 0.25
"""Part of an error bound that visits hidden by guesses may take."""

LEAST_SHARE = 1e-4
"""Nothing is said about rarer things."""

Label = Callable[[Positions], NDArray[np.bool_]]
Thumbnails = Callable[[Positions], NDArray[np.uint8]]


class GridProxy:
    """Guesses on the grid of a refinement.

    `label` is the reference network, bool (n,); `thumbnails`, uint8 (n, 32, 32, 3) RGB, show what
    frames look like.
    """

    def __init__(
        self,
        refinement: Refinement,
        accuracy: Accuracy,
        label: Label,
        thumbnails: Thumbnails,
        seed: int,
    ) -> None:
        self.refinement = refinement
        self.accuracy = accuracy
        self.grid = refinement.grid
        self._label = label
        self._thumbnails = thumbnails
        self._rng = np.random.default_rng(seed)
        self._drawn = 0.0  # share of the grid that was drawn, whatever it looks like
        self._usual = False
        self._threshold = math.inf
        self._pictures = np.empty((0, SIZE, SIZE, 3), np.uint8)
        self._score = np.empty(0)  # of each frame of the grid

    def rule_out(self) -> None:
        """Labels a part of the grid and guesses the rest, or nothing where it cannot be told."""
        n = len(self.grid)
        every = max(SAMPLED_EVERY, math.ceil(n / MOST_DRAWN))
        strata = np.arange(0, n, every)
        sample = np.minimum(strata + self._rng.integers(every, size=len(strata)), n - 1)
        self._ask(np.union1d(sample, [0, n - 1]))
        self._drawn = len(sample) / n
        present = self.refinement.state[self.grid[self._asked]] == 1
        self._usual = bool(2 * present.sum() > len(present))
        if not self._bound or min(present.sum(), (~present).sum()) == 0:
            return
        self._pictures = self._thumbnails(self.grid)
        for _ in range(MOST_ROUNDS):
            self._threshold = self._learn()
            if self._threshold >= UNRECOGNISABLE or self._asked.mean() > MOST_ASKED:
                return
            wanted = (self._score >= self._threshold) | _next_to(self._unusual)
            if not (wanted & ~self._asked).any():
                self._guess()
                return
            self._ask(np.flatnonzero(wanted))

    def holds(self) -> bool:
        """Whether the guesses may stay; to be asked when all is settled."""
        refinement = self.refinement
        if not refinement.guessed.any():
            return True
        self._learn()
        best = self._recognised()
        if len(best) < MIN_SIZE:
            return False
        allowed = PART_OF_BOUND * self._bound
        sample = NormalSample(best, len(best))
        if sample.lower_bound(max(allowed, LEAST_SHARE)) < self._threshold:
            return False
        # By the normal model, and by those that only a draw has found.
        expected = float(sample.shares_below(np.array([self._threshold]))[0])
        drawn = (best < self._threshold).mean() * (1 / self._drawn - 1)
        refinement.hidden = max(expected, float(drawn))
        return refinement.hidden <= allowed

    def _ask(self, rows: NDArray[np.int64]) -> None:
        """Labels frames of the grid, by their number there, that have no label yet."""
        positions = self.grid[rows]
        positions = positions[~self.refinement.asked[positions]]
        self.refinement.tell(positions, self._label(positions))

    @property
    def _asked(self) -> NDArray[np.bool_]:
        """Which frames of the grid have been asked about, bool (n,)."""
        return self.refinement.asked[self.grid]

    @property
    def _unusual(self) -> NDArray[np.bool_]:
        """Which frames of the grid are known to be unlike most, bool (n,)."""
        present = self.refinement.state[self.grid] == 1
        unusual: NDArray[np.bool_] = self._asked & (present != self._usual)
        return unusual

    @property
    def _bound(self) -> float:
        """What may be missed of the unusual, as a share; 0 where nothing says so."""
        if not self._usual:
            return self.accuracy.fnr or 0.0
        bounds = [b for b in (self.accuracy.fpr, self.accuracy.fdr) if b is not None]
        return min(bounds, default=0.0)

    def _learn(self) -> float:
        """Scores all frames of the grid, labelled ones by what other stretches tell; returns what
        few of the usual ones exceed."""
        rows = np.flatnonzero(self._asked)
        unusual = self._unusual[rows]
        stretch = rows * STRETCHES // len(self.grid)
        model = fit_kernel(self._pictures[rows], unusual, stretch)
        self._score = np.empty(len(self.grid))
        self._score[rows] = model.held_out
        rest = np.flatnonzero(~self._asked)
        self._score[rest] = model.score(self._pictures[rest])
        return float(np.quantile(model.held_out[~unusual], USUAL))

    def _guess(self) -> None:
        """Guesses all that is left of the grid but for a sample."""
        rest = np.flatnonzero(~self._asked)
        size = min(max(LEAST_AUDITED, round(AUDITED * len(rest))), MOST_AUDITED, len(rest))
        self._ask(np.sort(self._rng.choice(rest, size, replace=False)))
        self._drawn += (1 - self._drawn) * size / max(len(rest), 1)
        self.refinement.guess(self.grid[~self._asked], self._usual)

    def _recognised(self) -> NDArray[np.float64]:
        """The highest score of each visit (or pause, where presence is usual) that has a whole unit
        and was met by the grid, float64 (n,)."""
        refinement = self.refinement
        units = unit_answers(refinement.answers(), refinement.unit)
        unusual = units[refinement.unit[self.grid]] != self._usual
        firm = np.flatnonzero(self._unusual & unusual)
        if not len(firm):
            return np.empty(0)
        first = np.flatnonzero(np.diff(firm, prepend=-9) > 2)
        return np.maximum.reduceat(self._score[firm], first)


def _next_to(rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The neighbours of the rows, bool (n,)."""
    near = np.zeros_like(rows)
    near[1:] |= rows[:-1]
    near[:-1] |= rows[1:]
    return near
