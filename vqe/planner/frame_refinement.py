"""Refinement of questions whose errors count in single frames.

Changes are found to the frame, and the frames around each are asked until a few in a row agree:
objects flicker as they come, and as they go. What is left to go wrong are short runs that no frame
of the grid has met: blips where nothing is, and holes in what is there. Nothing predicts them, but
the frames of the grid are a sample of all frames. A run of c frames on a grid of spacing g is met
with probability min(1, c / g), so each short one that was met stands for g / c (Horvitz and
Thompson, JASA 1952). Their number is as good as Poisson, so more of them are allowed for than were
seen: even where none was met, there may be as many frames in blips as two spacings have.

Absent and present frames have each their own spacing, down to every frame: an object that is there
for a tenth of the time, and has many holes, costs its tenth. Many blips cost everything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.plan.accuracy import Accuracy
from vqe.planner.fineness import Fineness, fineness
from vqe.planner.refinement import UNKNOWN, WORTHWHILE, Positions, Refinement
from vqe.statistics.short_runs import ShortRuns

AGREEING_FRAMES = 5
"""Frames in a row, on either side of a change, that must agree."""

MOST_FINER = 2.0
"""A grid is made so many times as fine at most before the flicker is estimated anew; and once more
where that is needed even if things are well."""


@dataclass(frozen=True)
class FrameFineness:
    """What is known of a grid, the first of each pair about blips, the second about holes.

    `unseen`: frames that are missed, and false, hardly more, as shares of the frames found;
    `flicker`: frames of all runs too short for the grid, about, as such shares; `spacings`: what
    the next grid should have among absent, and among present frames; `share`: of all frames that
    would have to be asked about, if things are well.
    """

    unseen: tuple[float, float]
    flicker: tuple[float, float]
    spacings: tuple[float, float]
    share: float
    enough: bool

    @property
    def hopeless(self) -> bool:
        """Whether no grid that is worth it would be fine enough."""
        return self.share > WORTHWHILE

    @property
    def told(self) -> str:
        """Why the other frames may follow from these."""
        missed, false = self.unseen
        return f"flicker between them leaves at most {missed:.1%} missed and {false:.1%} false"

    @property
    def why_not(self) -> str:
        """Why no grid is fine enough."""
        if not any(self.flicker):
            return f"too little was seen: the bounds need {self.share:.0%} of the frames"
        blips, holes = self.flicker
        return (
            f"flicker: blips are {blips:.1%} and holes {holes:.1%} of what is found, about, "
            f"so that the bounds need {self.share:.0%} of the frames"
        )


class FrameRefinement(Refinement):
    """The frames of a query by position 0..N−1, each a unit of its own."""

    def __init__(self, frames: int, grid: Positions, seed: int) -> None:
        super().__init__(np.arange(frames), grid)
        self.seed = seed
        self._spacings = (1.0, 1.0)
        self._random = np.random.default_rng(seed)

    def on(self, grid: Positions) -> FrameRefinement:
        """The same frames on another grid, with nothing known."""
        return FrameRefinement(len(self.unit), grid, self.seed)

    def _unsettled(self) -> Positions:
        """Frames around each change that have no label yet."""
        answers = self.answers()
        change = np.flatnonzero(answers[1:] != answers[:-1])
        around = change[:, None] + np.arange(1 - AGREEING_FRAMES, AGREEING_FRAMES + 1)
        near: Positions = np.unique(around.clip(0, len(answers) - 1))
        still_open: Positions = near[self.state[near] == UNKNOWN]
        return still_open

    def short_runs(self, state: bool) -> ShortRuns:
        """Runs of an answer. What lies so near to another that it was found with it is one run."""
        frames = np.flatnonzero(self.answers() == state)
        first = _first_of_runs(frames)
        on_grid = np.isin(frames, self.grid, assume_unique=True)
        met = np.add.reduceat(on_grid, first, dtype=np.int64) > 0
        begins = np.flatnonzero(np.diff(frames, prepend=-2) > 1)
        run = np.searchsorted(first, begins, side="right") - 1
        pieces = np.diff(np.append(begins, len(frames)))[met[run]]
        runs = np.flatnonzero(np.diff(run[met[run]], prepend=-1))
        return ShortRuns(pieces, runs, np.diff(self.grid)[self._among(not state)])

    def _among(self, state: bool) -> NDArray[np.bool_]:
        """Which gaps of the grid, bool (G,), lie among frames of this answer: not within runs of
        the other, nor what is so near together that it counts as one."""
        others = np.flatnonzero(self.answers() != state)
        first = _first_of_runs(others)
        ends = np.append(first, len(others))[1:] - 1
        # A frame of the grid lies within the run that began last, if that has not ended.
        run = np.searchsorted(others[first], self.grid, side="right") - 1
        outside = (run < 0) | (self.grid > np.append(others[ends], -1)[run])
        return outside[1:] | outside[:-1]

    def fineness(self, accuracy: Accuracy) -> FrameFineness:
        """Whether the grid is fine enough; to be asked when all is settled on it.

        Runs that lie closer than the grid hide one another, and seem longer than they are: the
        halves of a grid show that, as long as runs may hide from a change beside them.
        """
        positive = int(self.answers().sum())
        false = (
            None if accuracy.fdr is None else accuracy.fdr * positive,
            None if accuracy.fpr is None else accuracy.fpr * (len(self.unit) - positive),
        )
        allowed = (
            np.inf if accuracy.fnr is None else accuracy.fnr * positive,
            min((most for most in false if most is not None), default=np.inf),
        )
        halves = self.coarser()
        wrong = (
            max(half.false_negatives for half in halves),
            max(half.false_positives for half in halves),
        )
        runs = self.short_runs(True), self.short_runs(False)
        spacings, enough, share = [], True, len(self.known) / len(self.unit)
        for of, most, others in zip(runs, allowed, wrong, strict=True):
            hidden = others > most and of.spacing > 2 * AGREEING_FRAMES
            wanted = min(of.needed(most), of.spacing / (MOST_FINER if hidden else 1))
            hoped = of.needed(most, hope=True)
            finest = of.spacing / MOST_FINER
            spacings.append(max(wanted, min(max(hoped, finest / MOST_FINER), finest), 1.0))
            enough &= of.unseen() <= most and not hidden
            share += of.gaps.sum() * (1 / hoped - 1 / of.spacing) / len(self.unit)
        self._spacings = (spacings[0], spacings[1])
        found = max(positive, 1)
        return FrameFineness(
            unseen=(runs[0].unseen() / found, runs[1].unseen() / found),
            flicker=(runs[0].flickering / found, runs[1].flickering / found),
            spacings=self._spacings,
            share=float(share),
            enough=bool(enough),
        )

    def halve(self) -> None:
        """Puts frames between those of the grid, as many as the last look at its fineness said.

        Their places are drawn by chance around equal distances: with its key frames, or at every so
        many frames, an encoder may do something that a network notices.
        """
        gaps = np.diff(self.grid)
        spacing = np.full(len(gaps), np.inf)
        for state, wanted in zip((False, True), self._spacings, strict=True):
            among = self._among(state)
            spacing[among] = np.minimum(spacing[among], wanted)
        # A gap of no whole number of spacings gets one frame more by chance.
        wanted_pieces = np.floor(gaps / spacing + self._random.random(len(gaps)))
        pieces: NDArray[np.int64] = wanted_pieces.clip(1, gaps).astype(np.int64)
        gap = np.repeat(np.arange(len(gaps)), pieces - 1)
        number = np.arange(len(gap)) - np.searchsorted(gap, gap) + 1
        shift = np.where(spacing[gap] > 1, self._random.random(len(gap)) - 0.5, 0)
        apart = np.floor(gaps[gap] * (number + shift) / pieces[gap]).astype(np.int64)
        self.grid = np.union1d(self.grid, self.grid[gap] + apart.clip(1, gaps[gap] - 1))


def _first_of_runs(frames: Positions) -> NDArray[np.int64]:
    """Where among ascending frames runs begin: more than a few frames after the last one."""
    return np.flatnonzero(np.diff(frames, prepend=-AGREEING_FRAMES - 1) > AGREEING_FRAMES)


def judge(refinement: Refinement, accuracy: Accuracy) -> Fineness | FrameFineness:
    """Whether the grid is fine enough for the bounds; to be asked when all is settled on it."""
    if isinstance(refinement, FrameRefinement):
        return refinement.fineness(accuracy)
    return fineness(refinement, accuracy)
