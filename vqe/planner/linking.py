"""Linking: which frames may take the answer of one just before them, by the labelled blocks.

A linked frame is answered wrongly where the answer has turned since its anchor, and the picture has
hardly changed. Errors are counted over the selection blocks, each played through from its first
frame, jointly with those of the other stages. As few of these blocks see the answer turn, there is
a margin as for other thresholds. The frames that may go wrong are those so soon after a turn that
an anchor may lie before it: more blocks have such frames than were seen to, as their number is
hardly better known than a Poisson one. Of these frames the bounds allow a share to go wrong; no
threshold passes the level below which, by a normal prediction bound, the next turn changes the
picture with a larger probability. What a turn looks like is learned from the training blocks, too,
and from turns that were sought for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.detectors.earlier import EARLIER_FRAMES, EarlierFrame
from vqe.detectors.kernels import anchors_of
from vqe.physical.earlier import EarlierFrameStage
from vqe.plan.accuracy import Accuracy
from vqe.planner.evidence import Evidence
from vqe.planner.selection import Selection
from vqe.planner.thresholds import allowance
from vqe.planner.turns import Turns
from vqe.statistics.normal import NormalSample
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


@dataclass(frozen=True)
class _Frames:
    """Labelled frames, n of them, with the row at which the block of each begins; `changes`, by
    detector, float32 (n, most), since the frames before."""

    ordinals: NDArray[np.int64]
    present: NDArray[np.bool_]
    block: NDArray[np.int64]
    changes: dict[EarlierFrame, NDArray[np.float32]]

    def pairs(self, delay: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """How many rows back, and which rows have an anchor there that is not too old."""
        most = next(iter(self.changes.values())).shape[1]
        for back in range(1, most + 1):
            rows = np.arange(back, len(self.ordinals))
            near = self.ordinals[rows] - self.ordinals[rows - back] < delay
            rows = rows[near & (self.block[rows] == self.block[rows - back])]
            if not len(rows):
                return
            yield back, rows

    def turned(self, asked: NDArray[np.bool_], delay: int) -> NDArray[np.bool_]:
        """Which of the frames that are `asked` about follow such a one with another answer."""
        turned = np.zeros(len(self.ordinals), np.bool_)
        for back, rows in self.pairs(delay):
            differs = self.present[rows] != self.present[rows - back]
            turned[rows[differs & asked[rows] & asked[rows - back]]] = True
        return turned

    def least_changes(self, detector: EarlierFrame, delay: int) -> NDArray[np.float64]:
        """The smallest change since a frame with another answer, float64 (n,), or infinity."""
        least = np.full(len(self.ordinals), np.inf)
        for back, rows in self.pairs(delay):
            differs = rows[self.present[rows] != self.present[rows - back]]
            change = self.changes[detector][differs, back - 1]
            least[differs] = np.minimum(least[differs], change)
        return least


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
        turns: Turns | None,
    ) -> None:
        self.selection = selection
        self.accuracy = accuracy
        chosen = ~evidence.training
        timestamps = index.timestamps_us[evidence.ordinals[chosen]]
        self.delays = _delays(evidence.ordinals[chosen], timestamps, selection.block)
        self.possible = bool(self.delays) and can_link(accuracy)
        if self.possible:
            most = max(self.delays)
            self.frames = _frames(evidence, most, chosen)
            others = [_frames(evidence, most, evidence.training)]
            others += [] if turns is None else [_frames(turns, most)]
            self._turns = {
                (detector, delay): _turns([self.frames, *others], detector, delay)
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
        anchors = np.stack([self._anchors(stage, asked) for stage, _ in tried])
        answers = np.where(asked, self.selection.present[anchors], answer)
        handed_on = (anchors == np.arange(len(asked))) & asked
        passes = handed_on.sum(axis=1) / asked.sum()
        passes[~self.selection.keeps(answers, self.accuracy)] = 1.0
        if passes.min() == 1:
            return None
        cheap = passes <= allowance(float(passes.min()), 1.0)
        best = int(np.where(cheap, [risk for _, risk in tried], math.inf).argmin())
        present, unit = self.selection.present, self.selection.unit
        return Link(
            stage=tried[best][0],
            passes=float(passes[best]),
            risk=tried[best][1],
            errors=count_errors(present, answers[best], unit),
            frame_errors=count_errors(present, answers[best], np.arange(len(present))),
        )

    def _anchors(self, stage: EarlierFrameStage, asked: NDArray[np.bool_]) -> NDArray[np.int64]:
        changes = self.frames.changes[stage.detector]
        return anchors_of(changes, self.frames.ordinals, asked, stage.delay, stage.threshold)

    def _candidates(
        self, asked: NDArray[np.bool_], delay: int, part: float
    ) -> Iterator[tuple[EarlierFrameStage, float]]:
        """Stages to try, with their risk."""
        to_turn, allowed = self._to_turn(asked, delay)
        share = min((part * a / t for a, t in zip(allowed, to_turn, strict=True) if t), default=1.0)
        positives = max(int(self.selection.present.sum()), 1)
        for detector in EARLIER_FRAMES:
            turns = self._turns[detector, delay]
            ceiling = math.inf
            if share < 1:
                ceiling = math.exp(turns.lower_bound(min(share, 0.5), LEAST_TURNS))
            changes = self.frames.changes[detector]
            inside = changes[asked][:, : delay - 1]
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
        """Of selection frames with the object, and of those without: how many may be expected to
        follow a turn, and how many of either may go wrong."""
        selection, accuracy = self.selection, self.accuracy
        turned = self.frames.turned(asked, delay)
        positives = float(selection.present.sum())
        negatives = len(selection.present) - positives
        expected = []
        for kind in (selection.present, ~selection.present):
            frames, blocks = (turned & kind).sum(), selection.witnesses(turned & kind)
            # Where no turn was seen, one in the middle of the time that an anchor lasts is thought.
            in_block = frames / blocks if blocks else delay / 2 * (asked & kind).any()
            expected.append(float(in_block * most_expected(blocks, CHANCE)))
        false = [
            share * of
            for share, of in ((accuracy.fpr, negatives), (accuracy.fdr, positives))
            if share is not None
        ]
        missed = (accuracy.fnr or 0) * positives
        return (expected[0], expected[1]), (missed, min(false))


def _frames(
    of: Evidence | Turns, delay: int, rows: NDArray[np.bool_] | slice = slice(None)
) -> _Frames:
    """Those of the frames at `rows`, which are linked over less than `delay` frames."""
    block = of.block[rows]
    first = np.searchsorted(block, block)
    most = int(min((np.arange(len(block)) - first).max(initial=0), delay - 1))
    means = of.means[rows]
    changes = {detector: detector.changes_back(means, first, most) for detector in EARLIER_FRAMES}
    return _Frames(of.ordinals[rows], of.present[rows], block, changes)


def _turns(parts: list[_Frames], detector: EarlierFrame, delay: int) -> NormalSample:
    """Logarithms of the least changes at turns, worth as many as there are blocks with any."""
    values, blocks = [], 0
    for frames in parts:
        least = frames.least_changes(detector, delay)
        turned = np.isfinite(least)
        values.append(np.log(np.maximum(least[turned], 1e-9)))
        blocks += len(np.unique(frames.block[turned]))
    return NormalSample(np.concatenate(values), blocks)


def _delays(
    ordinals: NDArray[np.int64], timestamps_us: NDArray[np.int64], block: NDArray[np.int64]
) -> tuple[int, ...]:
    """In frames, those that blocks are long enough for; of selection frames, int64 (n,)."""
    same = block[1:] == block[:-1]
    if not same.any():
        return ()
    frame_us = np.median((np.diff(timestamps_us) / np.diff(ordinals))[same])
    first = np.flatnonzero(np.diff(block, prepend=-1))
    last = np.append(first[1:], len(block)) - 1
    longest = np.median(ordinals[last] - ordinals[first]) + 1
    delays = {round(us / frame_us) for us in DELAYS_US}
    return tuple(sorted(delay for delay in delays if 2 <= delay <= longest))
