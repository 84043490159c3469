"""What a refinement will take, foretold once its first grid is known, and anew with each further.

The refinement is played through on what is known by then, with each change somewhere between the
two frames of the grid that disagree. That tells which frames it would ask about, round by round,
and so what the decoder will have to do. What it cannot tell: visits that only a finer grid meets,
flickering, which takes more labels to settle, and on its first grid whether there will be a second.
So it is rather too low than too high, the more so the earlier it is made.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.plan.accuracy import Accuracy
from vqe.planner.calibration import decode_costs
from vqe.planner.cost import NetworkCost, ScanCost, StageCost, StagePrediction
from vqe.planner.decision import NO_CASCADE, Alternative
from vqe.planner.decoding import choose_decoding
from vqe.planner.fineness import Fineness, tells
from vqe.planner.frame_refinement import judge
from vqe.planner.labeller import Labeller
from vqe.planner.refinement import UNKNOWN, Positions, Refinement
from vqe.planner.visual_scan import VisualScan
from vqe.runtime.context import Context
from vqe.runtime.metrics import StageMetrics
from vqe.storage.store import Store
from vqe.video.costs import SAMPLE_SECONDS, DecodeCosts
from vqe.video.decode_plan import DecodeWork
from vqe.video.reader import ReadReport
from vqe.video.strategies import FrameSet

MEASURING_SHARE = 0.02
"""Share of the time that all labels would take which may be spent on measuring decode costs."""

MOST_HALVINGS = 20
"""Of a grid that is played through: then every frame is on it, whatever the video."""

GOLDEN_RATIO = (5**0.5 - 1) / 2
"""Its multiples, without their whole parts, are spread evenly over [0, 1)."""


class Spending:
    """What a refinement has asked of decoder and network so far."""

    def __init__(self, labeller: Labeller) -> None:
        self.labeller = labeller
        self.began_cpu = time.process_time()
        self.work = DecodeWork()
        self.decoded = 0
        self.decode_seconds = 0.0

    def add(self, report: ReadReport) -> None:
        """Counts what a reader did."""
        self.work += report.work
        self.decoded += report.decoded
        self.decode_seconds += report.seconds

    @property
    def steps(self) -> tuple[StageMetrics, ...]:
        """Decoding and the reference network, measured."""
        calls = len(self.labeller.fresh)
        return (
            StageMetrics("decode", self.decoded, 0, self.decode_seconds),
            StageMetrics(self.labeller.network.name, calls, calls, self.labeller.seconds),
        )

    @property
    def other_cpu_seconds(self) -> float:
        """CPU time since the beginning that was neither decoding nor the network."""
        spent = self.decode_seconds + self.labeller.cpu_seconds
        return max(time.process_time() - self.began_cpu - spent, 0.0)

    def decode_costs(self) -> DecodeCosts:
        """All packets alike: what a decoded frame took, with its share of everything around it."""
        each = self.decode_seconds / max(self.work.decoded, 1)
        return DecodeCosts(0.0, each, each, each, reference_share=1.0, seek=0.0)


@dataclass(frozen=True)
class Forecast:
    """What a refinement takes in all, and what the reference network on every frame would take.

    `ahead` and `without_ahead` are the seconds of both that are still to come, on the clock, while
    several threads decode; `labels_ahead` are frames that the refinement still has to ask about.
    """

    predictions: tuple[StagePrediction, ...]
    without: tuple[StagePrediction, ...]
    ahead: float
    without_ahead: float
    labels_ahead: int
    one_off_cpu_seconds: float

    @property
    def seconds(self) -> float:
        """Of the refinement, from its first label on."""
        return sum(step.seconds for step in self.predictions)

    @property
    def rejected(self) -> Alternative:
        """The reference network on every frame, as the plan that was not chosen."""
        seconds = sum(step.seconds for step in self.without)
        reason = "dearer" if seconds > self.seconds else "cheaper, as it turned out"
        return Alternative(NO_CASCADE, seconds, reason, self.without)


def foretell(
    scan: VisualScan, refinement: Refinement, spending: Spending, store: Store, context: Context
) -> Forecast | None:
    """To be asked when a grid is new, or the first one known; None where the network was never
    timed."""
    labeller = spending.labeller
    network = labeller.cost
    if network is None:
        return None
    unlabelled = np.setdiff1d(scan.ordinals, _labelled_before(scan, labeller), assume_unique=True)
    worth_measuring = MEASURING_SHARE * network.seconds_per_frame * len(unlabelled)
    costs = scan.decode_costs(store)
    if costs is None and worth_measuring > SAMPLE_SECONDS:
        costs = decode_costs(scan, store, context)
    costs = costs or spending.decode_costs()
    mark = labeller.marks_or_nan(scan.ordinals)
    asked, work = ahead(scan, refinement, mark)
    decode, calls = spending.steps
    frames, decoding = costs.frames_out(work), costs.seconds(work)
    total, asking = calls.frames_in + asked, asked * network.seconds_per_frame
    filled = int(np.isnan(mark).sum()) - asked
    threads = context.decode_threads
    all_decoding, *all_calls = without_cascade(scan, scan.remaining, costs, network)
    return Forecast(
        predictions=(
            StagePrediction("decode", decode.frames_in + frames, 0, decode.seconds + decoding),
            StagePrediction(calls.name, total, total, calls.seconds + asking, network.cores),
            StagePrediction("fill", filled, filled, 0.0),
        ),
        without=without_cascade(scan, unlabelled, costs, network),
        ahead=decoding / threads + asking,
        without_ahead=all_decoding.seconds / threads + sum(step.seconds for step in all_calls),
        labels_ahead=asked,
        one_off_cpu_seconds=spending.other_cpu_seconds,
    )


def without_cascade(
    scan: VisualScan, ordinals: NDArray[np.int64], costs: DecodeCosts, network: NetworkCost
) -> tuple[StagePrediction, ...]:
    """The reference network on each of the frames, int64, ascending."""
    stage = StageCost(scan.network.name, network.seconds_per_frame, 0, network.cores)
    work = choose_decoding(scan.index, ordinals, costs).work
    return ScanCost(costs, (stage,)).predict(len(ordinals), work)


def ahead(
    scan: VisualScan, refinement: Refinement, mark: NDArray[np.float32]
) -> tuple[int, DecodeWork]:
    """Labels that are still to come, and what they take of the decoder.

    `mark`, float32 (N,), has those of all labelled frames, NaN for the others: labels of other
    questions need not be asked for.
    """
    unlabelled = np.isnan(mark)
    # Without a label, what the refinement has guessed.
    state = np.where(unlabelled, refinement.state, scan.question.holds(mark)).astype(np.int8)
    asked, work = 0, DecodeWork()
    for positions in rounds_ahead(refinement, state, scan.accuracy, most=scan.frames / 2):
        unknown = scan.ordinals[positions[unlabelled[positions]]]
        asked += len(unknown)
        work += FrameSet().plan(scan.index, unknown).work
    return asked, work


def rounds_ahead(
    refinement: Refinement, state: NDArray[np.int8], accuracy: Accuracy, most: float
) -> list[Positions]:
    """What it would ask about from now on, round by round, if nothing changes but between frames
    that disagree; no further than about `most` frames. `state`, int8 (N,): what is known of the
    frames, whether the refinement has asked about them or not.

    On its first grid, where changes lie is merely supposed: that tells what it takes to settle
    them, but not that they come too close to one another for this grid.
    """
    truth = _supposed(state)
    played = refinement.copy()
    rounds: list[Positions] = []
    supposed = not refinement.halved
    for _ in range(MOST_HALVINGS):
        while len(positions := played.ask()):
            rounds.append(positions)
            played.tell(positions, truth[positions])
        found = judge(played, accuracy)
        supposed &= isinstance(found, Fineness) and bool((state[played.known] == UNKNOWN).any())
        enough = found.enough or (supposed and tells(played, accuracy))
        if enough or found.hopeless or len(played.known) > most:
            break
        played.halve()
    return rounds


def _supposed(state: NDArray[np.int8]) -> NDArray[np.bool_]:
    """An answer for every frame, bool (N,), that agrees with the known ones.

    Changes lie all over the intervals between known frames, not in their middles: those would be
    where seconds begin, more often than not, and then fewer seconds need to be settled.
    """
    known = np.flatnonzero(state != UNKNOWN)
    part = np.arange(len(known) - 1) * GOLDEN_RATIO % 1
    changes = known[:-1] + 1 + np.floor(part * np.diff(known)).astype(np.int64)
    ends = np.concatenate([[0], changes, [len(state)]])
    return np.repeat(state[known] == 1, np.diff(ends))


def _labelled_before(scan: VisualScan, labeller: Labeller) -> NDArray[np.int64]:
    known = scan.labels.frames()
    return np.setdiff1d(known, np.array(labeller.fresh, np.int64), assume_unique=True)
