"""Turns: frames around which the answer changes, sought between labelled ones.

Only some frames of a block are labelled, and few blocks see the answer turn. Between neighbouring
labelled frames of different answers there is a turn, which bisection finds with a few more labels.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.detectors.difference import GRID
from vqe.detectors.earlier import block_means, compile_kernels
from vqe.planner.evidence import Evidence
from vqe.planner.labeller import Labeller
from vqe.planner.visual_scan import VisualScan
from vqe.runtime.context import Context
from vqe.video.reader import Reader
from vqe.video.strategies import FrameSet

MOST_TURNS = 16
"""So many tell what a turn looks like."""

AROUND = 5
"""Frames on either side of a turn that are looked at: those farther away have changed more."""


@dataclass(frozen=True)
class Pictures:
    """All frames from the first to the last labelled one of each selection block, n of them.

    `ordinals`: int64 (n,), ascending; `means`: float32 (n, 400), luma per block of the picture;
    `seconds`: what measuring takes per frame.
    """

    ordinals: NDArray[np.int64]
    means: NDArray[np.float32]
    seconds: float


@dataclass(frozen=True)
class Turns:
    """The n frames around some turns, ascending, and where turns are.

    `ordinals`: int64 (n,); `block`: int64 (n,), the number of the turn; `present`: bool (n,);
    `means`: float32 (n, 400), luma per block of the picture; `last`: int64 (T,), ascending, the
    frames right before each turn that was found; `pictures`: in the selection blocks.
    """

    ordinals: NDArray[np.int64]
    block: NDArray[np.int64]
    present: NDArray[np.bool_]
    means: NDArray[np.float32]
    last: NDArray[np.int64]
    pictures: Pictures


def find_turns(
    scan: VisualScan, evidence: Evidence, labeller: Labeller, context: Context, most_labels: float
) -> Turns | None:
    """The shortest ways to a turn first, then those inside selection blocks, for about
    `most_labels` at most; None where that is too little for any, or the query has limits: labels
    are for its answers then."""
    if labeller.allowance.limited:
        return None
    at = np.searchsorted(scan.ordinals, evidence.ordinals)
    turning = np.flatnonzero(evidence.present[1:] != evidence.present[:-1])
    before, after = at[turning], at[turning + 1]
    ways = np.ceil(np.log2(after - before))
    order = np.argsort(ways, kind="stable")
    enough = np.searchsorted(np.cumsum(ways[order] + 2 * AROUND), most_labels, side="right")
    looked_at = order[: min(int(enough), MOST_TURNS)]
    if not len(looked_at):
        return None
    inside = (evidence.block[turning] == evidence.block[turning + 1]) & ~evidence.training[turning]
    spent = (ways[looked_at] + 2 * AROUND).sum()
    others = order[inside[order] & ~np.isin(order, looked_at)]
    enough = np.searchsorted(spent + np.cumsum(ways[others]), most_labels, side="right")
    wanted = np.sort(np.concatenate([looked_at, others[: int(enough)]]))
    last = _bisected(scan, before[wanted], after[wanted], labeller)
    near = last[np.isin(wanted, looked_at)]
    around = _around(scan, near[near >= 0], labeller, context)
    if around is None:
        return None
    pictures = _pictures(scan, _spans(scan.ordinals, evidence), context)
    return Turns(*around, last=scan.ordinals[np.unique(last[last >= 0])], pictures=pictures)


def _bisected(
    scan: VisualScan, before: NDArray[np.int64], after: NDArray[np.int64], labeller: Labeller
) -> NDArray[np.int64]:
    """The last position before a turn between labelled positions, int64 (T,), -1 in damage."""
    last = np.full(len(before), -1)
    rows = np.arange(len(before))
    while len(rows) and (after - before).max() > 1:
        middle = (before + after) // 2
        ordinals = scan.ordinals[np.unique(middle)]
        labeller.read(scan.index, labeller.unknown(ordinals), "labelling")
        came = ~np.isnan(labeller.marks_or_nan(scan.ordinals[middle]))  # others are damaged
        rows, before, middle, after = rows[came], before[came], middle[came], after[came]
        as_before = _holds(scan, middle, labeller) == _holds(scan, before, labeller)
        before, after = np.where(as_before, middle, before), np.where(as_before, after, middle)
    last[rows] = before
    return last


def _holds(scan: VisualScan, positions: NDArray[np.int64], labeller: Labeller) -> NDArray[np.bool_]:
    return scan.question.holds(labeller.marks_or_nan(scan.ordinals[positions]))


def _around(
    scan: VisualScan, near: NDArray[np.int64], labeller: Labeller, context: Context
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], NDArray[np.float32]] | None:
    """The frames around the turns behind the positions `near`, int64 ascending: their ordinals,
    turns, answers and means; None where none of them can be decoded."""
    around = (near[:, None] + np.arange(1 - AROUND, AROUND + 1)).clip(0, scan.frames - 1)
    positions, first = np.unique(around, return_index=True)
    ordinals, turn = scan.ordinals[positions], first // (2 * AROUND)
    labeller.read(scan.index, labeller.unknown(ordinals), "labelling")
    came = ~np.isnan(labeller.marks_or_nan(ordinals))
    if not came.any():
        return None
    pictures = _pictures(scan, ordinals[came], context)
    came &= np.isin(ordinals, pictures.ordinals)
    present = scan.question.holds(labeller.marks(ordinals[came]))
    return pictures.ordinals, turn[came], present, pictures.means


def _spans(ordinals: NDArray[np.int64], evidence: Evidence) -> NDArray[np.int64]:
    """Those of the frames that lie in selection blocks, from their first labels to their last."""
    selected, block = evidence.ordinals[~evidence.training], evidence.block[~evidence.training]
    first = np.flatnonzero(np.diff(block, prepend=-1))
    of = np.searchsorted(selected[first], ordinals, side="right") - 1
    last = selected[np.append(first[1:], len(selected)) - 1]
    inside: NDArray[np.bool_] = (of >= 0) & (ordinals <= last[of])
    return ordinals[inside]


def _pictures(scan: VisualScan, ordinals: NDArray[np.int64], context: Context) -> Pictures:
    """Of frames, int64 ascending, as far as they can be decoded."""
    compile_kernels()  # outside the measurement
    reader = Reader(threads=context.decode_threads, cancelled=context.cancelled.is_set)
    found, means = [np.empty(0, np.int64)], [np.empty((0, GRID[0] * GRID[1]), np.float32)]
    seconds = 0.0
    with closing(reader.read(FrameSet().plan(scan.index, ordinals))) as batches:
        for frames in batches:
            context.check()
            clock = time.perf_counter()
            means.append(block_means(frames))
            seconds += time.perf_counter() - clock
            found.append(frames.ordinals)
    context.metrics.decoded_to_plan += reader.report.decoded
    context.check()
    n = sum(map(len, found))
    return Pictures(np.concatenate(found), np.concatenate(means), seconds / max(n, 1))
