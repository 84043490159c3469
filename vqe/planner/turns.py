"""Turns: frames around which the answer changes, sought between labelled ones.

The sampled blocks are short, and few of them see the answer turn. Between neighbouring blocks of
different answers there is a turn, which bisection finds with a few more labels.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.detectors.earlier import block_means
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
class Turns:
    """The n frames around some turns, ascending.

    `ordinals`: int64 (n,); `block`: int64 (n,), the number of the turn; `present`: bool (n,);
    `means`: float32 (n, 400), luma per block of the picture.
    """

    ordinals: NDArray[np.int64]
    block: NDArray[np.int64]
    present: NDArray[np.bool_]
    means: NDArray[np.float32]


def find_turns(
    scan: VisualScan, evidence: Evidence, labeller: Labeller, context: Context, most_labels: float
) -> Turns | None:
    """The shortest ways to a turn first, for about `most_labels` at most; None where that is too
    little for any, or the query has limits: labels are for its answers then."""
    if labeller.allowance.limited:
        return None
    at = np.searchsorted(scan.ordinals, evidence.ordinals)
    turning = np.flatnonzero(evidence.present[1:] != evidence.present[:-1])
    before, after = at[turning], at[turning + 1]
    labels = np.ceil(np.log2(after - before)) + 2 * AROUND
    order = np.argsort(labels, kind="stable")
    enough = int(np.searchsorted(np.cumsum(labels[order]), most_labels, side="right"))
    chosen = np.sort(order[: min(enough, MOST_TURNS)])
    before, after = before[chosen], after[chosen]
    while len(before) and (after - before).max() > 1:
        middle = (before + after) // 2
        ordinals = scan.ordinals[np.unique(middle)]
        labeller.read(scan.index, labeller.unknown(ordinals), "labelling")
        came = ~np.isnan(labeller.marks_or_nan(scan.ordinals[middle]))  # others are damaged
        before, middle, after = before[came], middle[came], after[came]
        as_before = _holds(scan, middle, labeller) == _holds(scan, before, labeller)
        before, after = np.where(as_before, middle, before), np.where(as_before, after, middle)
    return _around(scan, before, labeller, context) if len(before) else None


def _holds(scan: VisualScan, positions: NDArray[np.int64], labeller: Labeller) -> NDArray[np.bool_]:
    return scan.question.holds(labeller.marks_or_nan(scan.ordinals[positions]))


def _around(
    scan: VisualScan, before: NDArray[np.int64], labeller: Labeller, context: Context
) -> Turns | None:
    """The frames around turns behind the positions `before`, int64 ascending."""
    near = (before[:, None] + np.arange(1 - AROUND, AROUND + 1)).clip(0, scan.frames - 1)
    positions, first = np.unique(near, return_index=True)
    turn = first // (2 * AROUND)
    turn_of = dict(zip(scan.ordinals[positions].tolist(), turn.tolist(), strict=True))
    reader = Reader(threads=context.decode_threads, cancelled=context.cancelled.is_set)
    ordinals: list[int] = []
    present, means = [], []
    plan = FrameSet().plan(scan.index, scan.ordinals[positions])
    with closing(reader.read(plan)) as batches:
        for frames in batches:
            context.check()
            present.append(labeller.label(frames))
            means.append(block_means(frames))
            ordinals.extend(frames.ordinals.tolist())
    context.metrics.decoded_to_plan += reader.report.decoded
    context.check()
    if not ordinals:
        return None
    return Turns(
        np.array(ordinals, np.int64),
        np.array([turn_of[o] for o in ordinals], np.int64),
        np.concatenate(present),
        np.concatenate(means),
    )
