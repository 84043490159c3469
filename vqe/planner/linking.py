"""Linking: which frames may take the answer of one just before them, by the labelled blocks.

A linked frame is answered wrongly where the answer has turned since its anchor, and the picture has
hardly changed. The selection blocks are played through with the pictures of all their frames, each
from its first one: any of them may be an anchor. Errors are counted at the labelled frames, jointly
with those of the other stages. As few of these blocks see the answer turn, there is a margin as for
other thresholds. The frames that may go wrong are those so soon after a turn that
an anchor may lie before it: more blocks have such frames than were seen to, as their number is
hardly better known than a Poisson one. Of these frames the bounds allow a share to go wrong; no
threshold passes the level below which, by a normal prediction bound, the next turn changes the
picture with a larger probability. What a turn looks like is learned where one was found to the
frame.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.detectors.earlier import EARLIER_FRAMES, EarlierFrame
from vqe.physical.earlier import EarlierFrameStage
from vqe.plan.accuracy import Accuracy
from vqe.planner.evidence import Evidence
from vqe.planner.playing import Frames, Played
from vqe.planner.selection import Selection
from vqe.planner.thresholds import allowance
from vqe.planner.turns import Turns
from vqe.statistics.normal import MIN_SIZE, NormalSample
from vqe.statistics.poisson import most_expected
from vqe.statistics.units import ErrorCounts, count_errors
from vqe.video.index import VideoIndex

DELAYS_US = (250_000, 500_000, 1_000_000, 2_000_000, 4_000_000)
"""How old an anchor may be: not older than a block is long, or nothing would be known about it."""

LEVELS = 16
"""Values tried for each threshold."""

CHANCE = 0.2
"""That turns are more frequent than is reckoned with."""

LEAST_TURNS = 3
"""With turns in fewer blocks there is no telling what a turn looks like."""


@dataclass(frozen=True)
class Link:
    """The choice, and what it does to the selection frames: `passes`, the share of those that reach
    it which it hands on; `risk`: frames expected to go wrong per positive one, by the model of the
    margin; the errors are those of the whole cascade."""

    stage: EarlierFrameStage
    passes: float
    risk: float
    errors: ErrorCounts
    frame_errors: ErrorCounts


def can_link(accuracy: Accuracy) -> bool:
    """Whether both kinds of error have a bound: a link may make either."""
    return accuracy.fnr is not None and not (accuracy.fpr is None and accuracy.fdr is None)


class Linking:
    """The links for one question."""

    def __init__(
        self,
        index: VideoIndex,
        evidence: Evidence,
        selection: Selection,
        accuracy: Accuracy,
        turns: Turns,
    ) -> None:
        self.selection = selection
        self.accuracy = accuracy
        chosen = ~evidence.training
        ordinals = evidence.ordinals[chosen]
        labelled = Frames(ordinals, selection.present, selection.block)
        self.delays = _delays(labelled, index.timestamps_us[ordinals])
        self.possible = bool(self.delays) and can_link(accuracy)
        self.possible &= bool(np.isin(ordinals, turns.pictures.ordinals).all())
        kinds = selection.firm_positives, selection.firm_negatives
        self.possible &= min(selection.witnesses(of & selection.drawn) for of in kinds) >= MIN_SIZE
        if self.possible:
            self.played = Played(labelled, turns, max(self.delays))
            self._turns = {
                (detector, delay): _least_changes(turns, detector, delay)
                for detector in EARLIER_FRAMES
                for delay in self.delays
            }

    def best(
        self, answer: NDArray[np.bool_], asked: NDArray[np.bool_], *, part: float
    ) -> Link | None:
        """The safest among the cheapest links; None where none keeps the bounds.

        `answer`: bool (n,), what the stages before it, and the reference network, say of the
        selection frames; `asked`: bool (n,), those that are left to it. It gets a `part` of the
        margin.
        """
        if not self.possible or not asked.any():
            return None
        tried = [
            (stage, risk)
            for delay in self.delays
            for stage, risk in self._candidates(asked, delay, part)
        ]
        if not tried:
            return None
        present, drawn = self.selection.present, self.selection.drawn[self.played.before]
        left = asked[self.played.before] & drawn
        if not left.any():
            return None
        answers, passes = np.empty((len(tried), len(present)), np.bool_), np.empty(len(tried))
        for row, (stage, _) in enumerate(tried):
            anchors = self.played.anchors(stage, asked)
            right = (self.played.answer[:, anchors[self.played.at]] == present).all(axis=0)
            answers[row] = np.where(asked, right == present, answer)
            passes[row] = (anchors == self.played.columns)[left].mean()
        passes[~self.selection.keeps(answers, self.accuracy)] = 1.0
        if passes.min() == 1:
            return None
        cheap = passes <= allowance(float(passes.min()), 1.0)
        best = int(np.where(cheap, [risk for _, risk in tried], math.inf).argmin())
        drawn = self.selection.drawn
        said, present, unit = answers[best][drawn], present[drawn], self.selection.unit[drawn]
        return Link(
            stage=tried[best][0],
            passes=float(passes[best]),
            risk=tried[best][1],
            errors=count_errors(present, said, unit),
            frame_errors=count_errors(present, said, np.arange(len(said))),
        )

    def _candidates(
        self, asked: NDArray[np.bool_], delay: int, part: float
    ) -> Iterator[tuple[EarlierFrameStage, float]]:
        """Stages to try, with their risk."""
        to_turn, allowed = self._to_turn(asked, delay)
        share = min((part * a / t for a, t in zip(allowed, to_turn, strict=True) if t), default=1.0)
        positives = max(int(self.played.frames.present.sum()), 1)
        for detector in EARLIER_FRAMES:
            turns = self._turns[detector, delay]
            ceiling = math.inf
            if share < 1:
                ceiling = math.exp(turns.lower_bound(min(share, 0.5), LEAST_TURNS))
            changes = self.played.changes[detector]
            inside = changes[asked[self.played.before]][:, : delay - 1]
            inside = inside[inside < ceiling]
            if not len(inside):
                continue
            levels = np.quantile(inside.astype(np.float64), np.arange(1, LEVELS + 1) / LEVELS)
            levels = np.unique([*levels[np.isfinite(levels)], *([ceiling] * (ceiling < math.inf))])
            wrong = np.ones(len(levels))
            if turns.size >= LEAST_TURNS:
                wrong = turns.shares_below(np.log(np.maximum(levels, 1e-9)))
            for level, each in zip(levels.tolist(), wrong.tolist(), strict=True):
                risk = each * sum(to_turn) / positives
                yield EarlierFrameStage(detector, level, delay), risk

    def _to_turn(
        self, asked: NDArray[np.bool_], delay: int
    ) -> tuple[tuple[float, float], tuple[float, float]]:
        """Of the pictures with the object, and of those without: how many may be expected to
        follow a turn, and how many of either may go wrong."""
        selection, accuracy = self.selection, self.accuracy
        played = self.played
        frames, drawn = played.frames, selection.drawn[played.before]
        left = asked[played.before] & drawn
        turned = frames.turned(left, delay)
        positives = float(frames.present[drawn].sum())
        negatives = float(drawn.sum()) - positives
        expected = []
        for kind in (frames.present, ~frames.present):
            found, blocks = (turned & kind).sum(), len(np.unique(frames.block[turned & kind]))
            # Where no turn was seen, one in the middle of the time that an anchor lasts is thought.
            in_block = found / blocks if blocks else delay / 2 * (left & kind).any()
            expected.append(float(in_block * most_expected(blocks, CHANCE)))
        false = [
            share * of
            for share, of in ((accuracy.fpr, negatives), (accuracy.fdr, positives))
            if share is not None
        ]
        missed = (accuracy.fnr or 0) * positives
        return (expected[0], expected[1]), (missed, min(false))


def _least_changes(turns: Turns, detector: EarlierFrame, delay: int) -> NormalSample:
    """Logarithms of each frame's smallest change since one with another answer, worth as many as
    there are turns."""
    first = np.searchsorted(turns.block, turns.block)
    most = int((np.arange(len(first)) - first).max(initial=0))
    changes = detector.changes_back(turns.means, first, most)
    least = np.full(len(first), np.inf)
    frames = Frames(turns.ordinals, turns.present, turns.block)
    for back, rows in frames.pairs(delay):
        differs = rows[turns.present[rows] != turns.present[rows - back]]
        least[differs] = np.minimum(least[differs], changes[differs, back - 1])
    turned = np.isfinite(least)
    blocks = len(np.unique(turns.block[turned]))
    return NormalSample(np.log(np.maximum(least[turned], 1e-9)), blocks)


def _delays(frames: Frames, timestamps_us: NDArray[np.int64]) -> tuple[int, ...]:
    """In frames, those that blocks are long enough for; `timestamps_us`: int64 (n,), of frames."""
    ordinals, block = frames.ordinals, frames.block
    same = block[1:] == block[:-1]
    if not same.any():
        return ()
    frame_us = np.median((np.diff(timestamps_us) / np.diff(ordinals))[same])
    first = np.flatnonzero(np.diff(block, prepend=-1))
    last = np.append(first[1:], len(block)) - 1
    longest = np.median(ordinals[last] - ordinals[first]) + frames.spacing
    delays = {round(us / frame_us) for us in DELAYS_US}
    return tuple(sorted(delay for delay in delays if 2 <= delay <= longest))
