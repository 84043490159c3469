"""Refinement: which frames to ask the reference network about, so that the others follow from them.

A video is looked at on a coarse grid of frames first. Where two neighbours of the grid disagree,
the frames between are halved until the change is found. Then every unit that a change could tip is
*settled*: frames in it are asked until a majority of them have the same answer, or the first few,
spread over the unit, all agree. Each other frame gets the answer of the nearest that was asked.

So a unit near a change is wrong hardly ever, and what is left to go wrong is a visit that begins
and ends between two frames of the grid: `fineness.py` tells how much of that there is.

Frames of the grid may be guessed (`grid_proxy.py`). What those hide is added to what was missed; a
guess beside a label that says otherwise is replaced by a label.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vqe.statistics.nearest import nearest
from vqe.statistics.units import ErrorCounts, count_errors, unit_answers

UNKNOWN = -1

AGREEING = 5
"""Frames, spread over a unit, that settle it where all of them have the same answer."""

REACH = 1
"""Units on either side of a change that are settled with it: objects flicker as they come, and as
they go."""

WORTHWHILE = 0.5
"""Share that may be spent: of the frames, as labels, and of the time that labelling all of them
would take. Decoding counts there: each round of questions decodes its groups of pictures anew."""

Positions = NDArray[np.int64]


class Refinement:
    """The frames of a query by position 0..N−1, and what is known of them.

    `unit`: int64 (N,), the metric unit of each frame, numbered 0..U−1 in ascending order; `grid`:
    int64, ascending, the positions to begin with, the first and the last among them. Some of these
    may be guessed instead of asked about (`guessed`, bool (N,)); `hidden` is the share of the
    visits, or pauses, that guesses may hide. `halved`: whether the grid is another one by now.
    """

    def __init__(self, unit: NDArray[np.int64], grid: Positions) -> None:
        self.unit = unit
        self.grid = grid
        self.size = np.bincount(unit)
        self._start = np.concatenate([[0], np.cumsum(self.size)[:-1]])
        self.state = np.full(len(unit), UNKNOWN, np.int8)
        self.guessed = np.zeros(len(unit), np.bool_)
        self.hidden = 0.0
        self.halved = False

    def tell(self, positions: Positions, present: NDArray[np.bool_]) -> None:
        """The reference network's answers."""
        self.state[positions] = present
        self.guessed[positions] = False

    def guess(self, positions: Positions, present: bool) -> None:
        """Answers that are taken for true as long as nothing else comes up beside them."""
        self.state[positions] = present
        self.guessed[positions] = True

    def withdraw(self) -> None:
        """Forgets all that was guessed."""
        self.state[self.guessed] = UNKNOWN
        self.guessed[:] = False

    @property
    def known(self) -> Positions:
        """The positions that have an answer, if only a guess."""
        return np.flatnonzero(self.state != UNKNOWN)

    @property
    def asked(self) -> NDArray[np.bool_]:
        """Which frames the reference network has answered, bool (N,)."""
        asked: NDArray[np.bool_] = (self.state != UNKNOWN) & ~self.guessed
        return asked

    @property
    def open_on_grid(self) -> NDArray[np.bool_]:
        """Which frames of the grid have no answer, bool."""
        still_open: NDArray[np.bool_] = self.state[self.grid] == UNKNOWN
        return still_open

    def copy(self) -> Refinement:
        """With the same answers, to go on by itself."""
        other = self.on(self.grid)
        other.state, other.guessed = self.state.copy(), self.guessed.copy()
        other.hidden, other.halved = self.hidden, self.halved
        return other

    def answers(self) -> NDArray[np.bool_]:
        """For every frame that of the nearest known one, bool (N,); of two, that of the later."""
        known = self.known
        answers: NDArray[np.bool_] = self.state[known][nearest(known, len(self.state))] == 1
        return answers

    def ask(self) -> Positions:
        """The positions to ask about next, ascending; none once all is settled on this grid."""
        still_open = self.grid[self.open_on_grid]
        if len(still_open):
            return still_open
        doubtful = self._doubtful()
        if len(doubtful):
            return doubtful
        known = self.known
        before, after = known[:-1], known[1:]
        change = self.state[before] != self.state[after]
        apart = change & (self.unit[after] - self.unit[before] > 1) & (after - before > 1)
        if apart.any():
            middle: Positions = ((before + after) // 2)[apart]
            return middle
        return self._unsettled()

    def _doubtful(self) -> Positions:
        """Guesses next to another answer, or in a unit that has to be settled."""
        if not self.guessed.any():
            return np.empty(0, np.int64)
        known = self.known
        change = np.flatnonzero(self.state[known][1:] != self.state[known][:-1])
        doubtful = np.zeros(len(self.state), np.bool_)
        doubtful[known[change]] = doubtful[known[change + 1]] = True
        doubtful |= (self._per_unit(self.asked) > 0)[self.unit]
        return np.flatnonzero(doubtful & self.guessed)

    def _unsettled(self) -> Positions:
        """Frames of the units that a change could tip, as many as could settle them."""
        answers = self.answers()
        positive = self._per_unit(answers)
        near = (positive > 0) & (positive < self.size)
        change = np.flatnonzero(answers[1:] != answers[:-1])
        near[self.unit[change]] = near[self.unit[change + 1]] = True
        near = _widened(near, REACH)
        present, absent = self._per_unit(self.state == 1), self._per_unit(self.state == 0)
        agreed = (present == 0) | (absent == 0)
        # Of an even number, half make a unit negative.
        missing = np.minimum(self.size // 2 + 1 - present, (self.size + 1) // 2 - absent)
        missing = np.where(agreed, np.minimum(missing, AGREEING - present - absent), missing)
        return self._spread(np.where(near, np.maximum(missing, 0), 0))

    def _spread(self, wanted: NDArray[np.int64]) -> Positions:
        """So many unknown frames of each unit, spread evenly over its unknown ones."""
        rows = np.flatnonzero((wanted[self.unit] > 0) & (self.state == UNKNOWN))
        unit = self.unit[rows]
        _, first, counts = np.unique(unit, return_index=True, return_counts=True)
        number = np.arange(len(rows)) - np.repeat(first, counts)
        n, take = np.repeat(counts, counts), wanted[unit]
        # A frame is taken where the whole number of taken ones steps up.
        return rows[((number + 1) * take + n // 2) // n > (number * take + n // 2) // n]

    def _per_unit(self, frames: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many of the frames, bool (N,), in each unit, int64 (U,)."""
        return np.add.reduceat(frames, self._start, dtype=np.int64)

    def on(self, grid: Positions) -> Refinement:
        """The same frames on another grid, with nothing known."""
        return Refinement(self.unit, grid)

    def halve(self) -> None:
        """Puts a frame in the middle between any two of the grid."""
        apart = np.diff(self.grid) > 1
        middle = ((self.grid[:-1] + self.grid[1:]) // 2)[apart]
        self.grid = np.union1d(self.grid, middle)
        self.halved = True

    def settle(self, truth: NDArray[np.bool_]) -> None:
        """Asks `truth`, bool (N,), until there is nothing left to ask."""
        while len(positions := self.ask()):
            self.tell(positions, truth[positions])

    def coarser(self) -> tuple[ErrorCounts, ErrorCounts]:
        """The errors that each half of the grid would have made, against what is known now."""
        now = self.answers()
        last = len(self.unit) - 1
        halves = []
        for offset in (0, 1):
            half = self.on(np.union1d(self.grid[offset::2], [0, last]))
            half.settle(now)
            halves.append(count_errors(now, half.answers(), self.unit))
        return halves[0], halves[1]

    def visits(self, state: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Frames and units of each visit (or pause) that has a whole unit of this answer.

        What lies within reach of one another is found together, and counts as one.
        """
        answers = self.answers()
        frames = np.flatnonzero(answers == state)
        if not len(frames):
            return frames, frames
        unit = self.unit[frames]
        first = np.flatnonzero(np.diff(unit, prepend=-3 * REACH) > 2 * REACH)
        length = np.diff(np.append(first, len(frames)))
        seen = np.cumsum(np.append(0, unit_answers(answers, self.unit) == state))
        units = seen[unit[first + length - 1] + 1] - seen[unit[first]]
        return length[units > 0], units[units > 0]

    def overlooked(self, state: bool) -> float:
        """Units of this answer in visits (or pauses) that no frame of the grid has met, about, or
        that frames have met which were guessed to be otherwise.

        A visit of c frames meets a grid of spacing g with probability min(1, c / g), as the grid
        begins by chance.
        """
        length, units = self.visits(state)
        chance = np.minimum(length / np.median(np.diff(self.grid)), 1)
        unmet = float((units * (1 / chance - 1)).sum())
        guesses = self.state[self.guessed]
        if not len(guesses) or guesses[0] == state:
            return unmet
        return (unmet + float(units.sum()) * self.hidden) / (1 - self.hidden)


def _widened(units: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """The units, bool (U,), and so many on either side of each."""
    wide = units.copy()
    for step in range(1, reach + 1):
        wide[step:] |= units[:-step]
        wide[:-step] |= units[step:]
    return wide
