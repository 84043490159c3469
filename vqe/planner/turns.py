"""Turns: frames around which the answer changes, sought between labelled ones.

Only some frames of a block are labelled, and few blocks see the answer turn. Between neighbouring
labelled frames of different answers there is a turn, which bisection finds with a few more labels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.physical.stages import PRESENT, UNKNOWN
from vqe.planner.evidence import Evidence
from vqe.planner.inquiry import Inquiry, Pictures

MOST_TURNS = 16
"""So many tell what a turn looks like."""

AROUND = 5
"""Frames on either side of a turn that are looked at: those farther away have changed more."""

GOLDEN_RATIO = (math.sqrt(5) - 1) / 2
"""Of its multiples, the fractions below any number come at even distances."""


@dataclass(frozen=True)
class Turns:
    """The n frames around some turns, ascending, and where turns are.

    `ordinals`: int64 (n,); `block`: int64 (n,), the number of the turn; `present`: bool (n,);
    `means`: float32 (n, 400), luma per block of the picture; `last`: int64 (T,), ascending, the
    frames right before each turn that was found; `pictures`: all frames from the first to the last
    labelled one of each selection block.
    """

    ordinals: NDArray[np.int64]
    block: NDArray[np.int64]
    present: NDArray[np.bool_]
    means: NDArray[np.float32]
    last: NDArray[np.int64]
    pictures: Pictures


def find_turns(inquiry: Inquiry, evidence: Evidence, most_labels: float) -> Turns | None:
    """The shortest ways to a turn in each block first, spread over the video, then those inside
    selection blocks, for about `most_labels` at most; None where that, or what is spare, is too
    little for any."""
    most_labels = min(most_labels, inquiry.spare)
    at = np.searchsorted(inquiry.ordinals, evidence.ordinals)
    turning = np.flatnonzero(evidence.present[1:] != evidence.present[:-1])
    before, after = at[turning], at[turning + 1]
    ways = np.ceil(np.log2(after - before))
    block = evidence.block[turning]
    # Turns of one block look alike, and so do those of one visit.
    earlier = np.arange(len(turning)) - np.searchsorted(block, block)
    scattered = np.arange(len(turning)) * GOLDEN_RATIO % 1
    order = np.lexsort((scattered, ways, earlier))
    enough = np.searchsorted(np.cumsum(ways[order] + 2 * AROUND), most_labels, side="right")
    looked_at = order[: min(int(enough), MOST_TURNS)]
    if not len(looked_at):
        return None
    inside = (block == evidence.block[turning + 1]) & ~evidence.training[turning]
    spent = (ways[looked_at] + 2 * AROUND).sum()
    others = order[inside[order] & ~np.isin(order, looked_at)]
    enough = np.searchsorted(spent + np.cumsum(ways[others]), most_labels, side="right")
    wanted = np.sort(np.concatenate([looked_at, others[: int(enough)]]))
    was_present = evidence.present[turning[wanted]]
    last = _bisected(inquiry, before[wanted], after[wanted], was_present)
    near = last[np.isin(wanted, looked_at)]
    around = _around(inquiry, near[near >= 0])
    if around is None:
        return None
    pictures = inquiry.pictures(_spans(inquiry.ordinals, evidence))
    return Turns(*around, last=inquiry.ordinals[np.unique(last[last >= 0])], pictures=pictures)


def _bisected(
    inquiry: Inquiry,
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    was_present: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """The last position before a turn between labelled positions, int64 (T,), -1 in damage;
    `was_present`: the answers before, bool (T,)."""
    last = np.full(len(before), -1)
    rows = np.arange(len(before))
    while len(rows) and (after - before).max() > 1:
        middle = (before + after) // 2
        said = inquiry.label(inquiry.ordinals[middle])
        came = said != UNKNOWN  # others are damaged
        rows, before, middle, after = rows[came], before[came], middle[came], after[came]
        as_before = (said[came] == PRESENT) == was_present[rows]
        before, after = np.where(as_before, middle, before), np.where(as_before, after, middle)
    last[rows] = before
    return last


def _around(
    inquiry: Inquiry, near: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], NDArray[np.float32]] | None:
    """The frames around the turns behind the positions `near`, int64 ascending: their ordinals,
    turns, answers and means; None where none of them can be decoded."""
    frames = len(inquiry.ordinals)
    around = (near[:, None] + np.arange(1 - AROUND, AROUND + 1)).clip(0, frames - 1)
    positions, first = np.unique(around, return_index=True)
    ordinals, turn = inquiry.ordinals[positions], first // (2 * AROUND)
    said = inquiry.label(ordinals)
    came = said != UNKNOWN
    if not came.any():
        return None
    pictures = inquiry.pictures(ordinals[came])
    came &= np.isin(ordinals, pictures.ordinals)
    return pictures.ordinals, turn[came], said[came] == PRESENT, pictures.means


def _spans(ordinals: NDArray[np.int64], evidence: Evidence) -> NDArray[np.int64]:
    """Those of the frames that lie in selection blocks, from their first labels to their last."""
    selected, block = evidence.ordinals[~evidence.training], evidence.block[~evidence.training]
    first = np.flatnonzero(np.diff(block, prepend=-1))
    of = np.searchsorted(selected[first], ordinals, side="right") - 1
    last = selected[np.append(first[1:], len(selected)) - 1]
    inside: NDArray[np.bool_] = (of >= 0) & (ordinals <= last[of])
    return ordinals[inside]
