"""Linking: which frames may take the answer of one just before them, by the labelled blocks.

A linked frame is answered wrongly where the answer has turned since its anchor, and the picture has
hardly changed. The selection blocks are played through, each from its first frame, and errors are
counted at the labelled frames, jointly with those of the other stages. As few of these blocks see
the answer turn, there is a margin as for other thresholds. The frames that may go wrong are those
so soon after a turn that an anchor may lie before it, and they weigh by the harm that they do to
their unit. More blocks have such frames than were seen to, as their number is hardly better known
than a Poisson one; and as the video has but so many, at times more of them go wrong than may be
expected to. Of these frames the bounds allow a share to go wrong, and no threshold passes the level
below which a larger share of the turns change the picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.detectors.earlier import EARLIER_FRAMES
from vqe.physical.earlier import EarlierFrameStage
from vqe.plan.accuracy import Accuracy
from vqe.planner.evidence import Evidence
from vqe.planner.playing import Frames, Played
from vqe.planner.selection import Selection
from vqe.planner.thresholds import allowance
from vqe.planner.turn_changes import changes_of_turns
from vqe.planner.turns import Turns
from vqe.statistics.normal import MIN_SIZE
from vqe.statistics.poisson import least_expected, most_expected
from vqe.statistics.units import ErrorCounts, count_errors
from vqe.video.index import VideoIndex

DELAYS_US = (250_000, 500_000, 1_000_000, 2_000_000, 4_000_000)
"""How old an anchor may be: not older than a block is long, nor younger than labels are apart, or
nothing would be known about it."""

LEVELS = 16
"""Values tried for each threshold."""

CHANCE = 0.1
"""That turns are more frequent than is reckoned with; and that of those which the video happens to
have more go wrong than are expected to. Together that makes one bound of five."""


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
    """The links for one question, about so many `frames`."""

    def __init__(
        self,
        index: VideoIndex,
        evidence: Evidence,
        selection: Selection,
        accuracy: Accuracy,
        turns: Turns,
        *,
        frames: int,
    ) -> None:
        self.selection = selection
        self.accuracy = accuracy
        self.frames = frames
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
            self.turns = changes_of_turns(self.played, turns, self.delays)

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
            right = self.played.right(stage, asked, anchors)
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
        to_turn, share = self.to_turn(asked, delay, part)
        positives = max(int((self.selection.present & self.selection.drawn).sum()), 1)
        for detector in EARLIER_FRAMES:
            turned = self.turns[detector, delay]
            ceiling = math.inf if share == 1 else turned.level(min(share, 0.5), CHANCE)
            changes = self.played.changes[detector]
            inside = changes[asked[self.played.before]][:, : delay - 1]
            inside = inside[inside < ceiling]
            if not len(inside):
                continue
            levels = np.quantile(inside.astype(np.float64), np.arange(1, LEVELS + 1) / LEVELS)
            levels = np.unique([*levels[np.isfinite(levels)], *([ceiling] * (ceiling < math.inf))])
            wrong = turned.shares_below(levels)
            for level, each in zip(levels.tolist(), wrong.tolist(), strict=True):
                risk = each * to_turn / positives
                yield EarlierFrameStage(detector, level, delay), risk

    def to_turn(self, asked: NDArray[np.bool_], delay: int, part: float) -> tuple[float, float]:
        """How many of the labelled frames may be expected to follow a turn, and which share of such
        frames may go wrong."""
        labelled, left = self.played.labelled, asked & self.selection.drawn
        turned = labelled.turned(left, delay)
        expected, share = 0.0, 1.0
        for harm, allowed in self.harms(turned):
            harmful = turned & (harm > 0)
            blocks = len(np.unique(labelled.block[harmful]))
            # Where no turn was seen, one in the middle of the time that an anchor lasts is thought.
            unseen = delay / 2 / labelled.spacing * float(harm[left].max(initial=0))
            in_block = float(harm[harmful].sum() / blocks) if blocks else unseen
            may_be = most_expected(blocks, CHANCE)
            if in_block:
                share = min(share, self._surely(part * allowed, in_block) / (in_block * may_be))
            expected = max(expected, float(harmful.sum() / max(blocks, 1) * may_be))
        return expected, share

    def harms(self, turned: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.float64], float]]:
        """For each kind of error: what harm is done where each labelled frame goes wrong, float64
        (n,), and how much of it is allowed. Errors count in frames, and in units.

        A unit goes wrong where so many of its frames do that the majority is another one. The
        probability of that is not above their expected number divided by it (Markov).
        """
        selection = self.selection
        present, unit, truth = selection.present, selection.unit, selection.positive_units
        positive = np.bincount(unit[present], minlength=len(truth))
        majority = selection.majority
        enough = np.where(truth, positive - majority + 1, majority - positive)
        kinds = selection.firm_positives, selection.firm_negatives
        turning = np.bincount(unit[turned & (kinds[0] | kinds[1])], minlength=len(truth))
        of_unit = np.where(turning >= enough, 1 / enough, 0.0)[unit]
        in_frames = [float((kind & selection.drawn).sum()) for kind in kinds]
        in_units = [float((truth == kind)[selection.drawn_units].sum()) for kind in (True, False)]
        for of, (positives, negatives) in (
            ((present, ~present), in_frames),
            ((kinds[0] * of_unit, kinds[1] * of_unit), in_units),
        ):
            yield of[0].astype(np.float64), (self.accuracy.fnr or 0) * positives
            yield of[1].astype(np.float64), self._false(positives, negatives)

    def _false(self, positives: float, negatives: float) -> float:
        """How many may be false, of so many."""
        of = (self.accuracy.fpr, negatives), (self.accuracy.fdr, positives)
        return min(share * number for share, number in of if share is not None)

    def _surely(self, allowed: float, in_block: float) -> float:
        """How much harm may be expected, so much being `allowed`: as it is done by blocks, so much
        in each of them, the video has at times more of it than expected."""
        per_label = self.frames / float(self.selection.drawn.sum())
        blocks = math.floor(allowed * per_label / in_block)
        return least_expected(blocks + 1, CHANCE) * in_block / per_label


def _delays(frames: Frames, timestamps_us: NDArray[np.int64]) -> tuple[int, ...]:
    """In frames, those that labels can tell about; `timestamps_us`: int64 (n,), of frames."""
    ordinals, block = frames.ordinals, frames.block
    same = block[1:] == block[:-1]
    if not same.any():
        return ()
    frame_us = np.median((np.diff(timestamps_us) / np.diff(ordinals))[same])
    first = np.flatnonzero(np.diff(block, prepend=-1))
    last = np.append(first[1:], len(block)) - 1
    longest = np.median(ordinals[last] - ordinals[first]) + frames.spacing
    delays = {round(us / frame_us) for us in DELAYS_US}
    return tuple(sorted(delay for delay in delays if frames.spacing < delay <= longest))
