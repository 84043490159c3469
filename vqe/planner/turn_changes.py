"""By how much the picture changes where the answer turns: what no link may take for the same."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vqe.detectors.earlier import EARLIER_FRAMES, EarlierFrame
from vqe.planner.playing import Frames, Played
from vqe.planner.turns import Turns
from vqe.statistics.normal import NormalSample
from vqe.statistics.poisson import most_expected

LEAST_TURNS = 3
"""With turns in fewer blocks there is no telling what a turn looks like."""

LEAST_CHANGE = 1e-9
"""In grey values: what has changed by less has not changed."""


@dataclass(frozen=True)
class TurnChanges:
    """Of n frames, the smallest change since one with another answer: `change`, float64 (n,), in
    grey values; `block`: int64 (n,), where they lie: frames of one block are hardly independent."""

    change: NDArray[np.float64]
    block: NDArray[np.int64]

    @cached_property
    def sample(self) -> NormalSample:
        """Logarithms of the changes, worth as many as there are blocks."""
        logs = np.log(np.maximum(self.change, LEAST_CHANGE))
        return NormalSample(logs, len(np.unique(self.block)))

    def level(self, share: float, chance: float) -> float:
        """The change that no more than a `share` of the turns stay below.

        Neither the next turn does, by a normal prediction bound, nor did more of those that were
        seen: turns that can be seen, and flickers that cannot, are not one normal population. How
        many of these are below is hardly better known than a Poisson number of blocks: with
        probability `chance`, there are more.
        """
        normal = math.exp(self.sample.lower_bound(share, LEAST_TURNS))
        if not len(self.change):
            return normal
        order = np.argsort(self.change, kind="stable")
        block, n = self.block[order], len(order)
        seen, below = set[int](), 0
        for below, number in enumerate(block.tolist()):
            seen.add(number)
            if (below + 1) / n * most_expected(len(seen), chance) / len(seen) > share:
                break
        return min(normal, float(self.change[order[below]]))

    def shares_below(self, levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of further turns expected below each level, both float64 (L,); of too few turns,
        all of them."""
        if self.sample.size < LEAST_TURNS:
            return np.ones(len(levels))
        return self.sample.shares_below(np.log(np.maximum(levels, LEAST_CHANGE)))


def changes_of_turns(
    played: Played, turns: Turns, delays: tuple[int, ...]
) -> dict[tuple[EarlierFrame, int], TurnChanges]:
    """By detector and delay, those in the selection blocks and around turns."""
    around = Frames(turns.ordinals, turns.present, turns.block)
    frames, changes = played.frames, around.changes(turns.means, max(delays))
    at = np.searchsorted(frames.ordinals, turns.ordinals).clip(max=len(frames.ordinals) - 1)
    inside = frames.ordinals[at] == turns.ordinals
    block = np.concatenate([frames.block, np.where(inside, frames.block[at], -1 - turns.block)])
    found = {}
    for detector in EARLIER_FRAMES:
        for delay in delays:
            least = frames.least_changes(played.changes[detector], delay)
            others = around.least_changes(changes[detector], delay)
            values = np.concatenate([least, others]).astype(np.float64)
            turned = np.isfinite(values)
            found[detector, delay] = TurnChanges(values[turned], block[turned])
    return found
