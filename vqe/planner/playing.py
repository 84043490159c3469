"""Playing: what a link would answer in the selection blocks.

All of their frames are pictures, and any of them may become an anchor, but only some are labelled.
So the blocks are played twice: with all pictures, to see which are asked about, and with labelled
frames alone. What is in these is known, and among them are as many that flicker as among all; of
the others it is only known what is in the labelled ones around them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.detectors.earlier import EARLIER_FRAMES, EarlierFrame
from vqe.detectors.kernels import anchors_of
from vqe.physical.earlier import EarlierFrameStage
from vqe.planner.turns import Turns


@dataclass(frozen=True)
class Frames:
    """n frames of some blocks, and what is in them."""

    ordinals: NDArray[np.int64]
    present: NDArray[np.bool_]
    block: NDArray[np.int64]

    @property
    def spacing(self) -> float:
        """Frames from one label of a block to the next."""
        same = self.block[1:] == self.block[:-1]
        return float(np.median(np.diff(self.ordinals)[same])) if same.any() else 1.0

    def pairs(self, delay: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """How many rows back, and which rows have an anchor there that is not too old."""
        for back in range(1, delay):
            rows = np.arange(back, len(self.ordinals))
            near = self.ordinals[rows] - self.ordinals[rows - back] < delay
            rows = rows[near & (self.block[rows] == self.block[rows - back])]
            if not len(rows):
                return
            yield back, rows

    def changes(
        self, means: NDArray[np.float32], delay: int
    ) -> dict[EarlierFrame, NDArray[np.float32]]:
        """By detector, float32 (n, most), the changes since the frames of the same block before,
        the nearest first, as far back as an anchor may lie; `means`: float32 (n, 400)."""
        first = np.searchsorted(self.block, self.block)
        most = int(min((np.arange(len(first)) - first).max(initial=0), delay - 1))
        return {d: d.changes_back(means, first, most) for d in EARLIER_FRAMES}

    def least_changes(self, changes: NDArray[np.float32], delay: int) -> NDArray[np.float32]:
        """Each frame's smallest change since one with another answer that may be its anchor,
        float32 (n,), infinite where there is none."""
        least = np.full(len(self.ordinals), np.float32(np.inf))
        for back, rows in self.pairs(delay):
            differs = rows[self.present[rows] != self.present[rows - back]]
            least[differs] = np.minimum(least[differs], changes[differs, back - 1])
        return least

    def turned(self, asked: NDArray[np.bool_], delay: int) -> NDArray[np.bool_]:
        """Which of the frames that are `asked` about follow such a one with another answer."""
        turned = np.zeros(len(self.ordinals), np.bool_)
        for back, rows in self.pairs(delay):
            differs = self.present[rows] != self.present[rows - back]
            turned[rows[differs & asked[rows] & asked[rows - back]]] = True
        return turned


class Played:
    """The N pictures of the selection blocks, and what is known of their n labelled frames.

    `at`: int64 (n,), the rows of these; `before`: int64 (N,), the last of these up to each frame;
    `answer`: bool (2, N), what is in each frame: both differ where it is not known on which side of
    a turn it lies; `frames`: of these the first; `changes`: by detector, float32 (N, most), since
    the frames before; `between`: by detector, float32 (n, most), since the labelled ones before.
    """

    def __init__(self, labelled: Frames, turns: Turns, delay: int) -> None:
        self.labelled = labelled
        known, self.ordinals = labelled.ordinals, turns.pictures.ordinals
        self.at = np.searchsorted(self.ordinals, known)
        self.before = np.searchsorted(known, self.ordinals, side="right") - 1
        after = np.searchsorted(known, self.ordinals)
        answer = np.stack([labelled.present[self.before], labelled.present[after]])
        last = np.append(turns.last, np.iinfo(np.int64).max)
        turn = last[np.searchsorted(last, known[self.before])]
        found = turn < known[after]
        side = (self.ordinals > turn).astype(np.int64)
        self.answer = np.where(found, answer[side, self.columns], answer)
        means = turns.pictures.means
        self.frames = Frames(self.ordinals, self.answer[0], labelled.block[self.before])
        self.changes = self.frames.changes(means, delay)
        self.between = labelled.changes(means[self.at], delay)

    @property
    def columns(self) -> NDArray[np.int64]:
        """0..N−1."""
        return np.arange(len(self.ordinals))

    def anchors(self, stage: EarlierFrameStage, asked: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The row of each frame's anchor, int64 (N,); `asked`, bool (n,), are the labelled ones
        that are left to the stage, and with each those up to the next."""
        changes, left = self.changes[stage.detector], asked[self.before]
        return anchors_of(changes, self.ordinals, left, stage.delay, stage.threshold)

    def right(
        self, stage: EarlierFrameStage, asked: NDArray[np.bool_], anchors: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Which labelled frames have the answer of their `anchors`, and of those that they would
        have if there were no other frames, bool (n,)."""
        present = self.labelled.present
        right = (self.answer[:, anchors[self.at]] == present).all(axis=0)
        changes, ordinals = self.between[stage.detector], self.labelled.ordinals
        alone = anchors_of(changes, ordinals, asked, stage.delay, stage.threshold)
        both: NDArray[np.bool_] = right & (present[alone] == present)
        return both
