"""The search over cascades: train, score once, sweep thresholds, take the cheapest.

Models are trained from the cheapest to the dearest, while the time they could still save is worth
the time to train them, and not for long where none of them saves anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vqe.models.specialized import Architecture
from vqe.plan.accuracy import Accuracy
from vqe.planner.allowance import SpentError
from vqe.planner.candidate_plan import Plan
from vqe.planner.candidates import (
    DetectorCandidate,
    ModelCandidate,
    fit_detectors,
)
from vqe.planner.choice import chosen, decision_on, why_none
from vqe.planner.cost import Costs, StageCost
from vqe.planner.decision import Alternative, Decision
from vqe.planner.evidence import Evidence
from vqe.planner.linking import Linking, can_link
from vqe.planner.prices import Prices
from vqe.planner.scene import motion_of
from vqe.planner.selection import Selection
from vqe.planner.training import Trainer
from vqe.planner.tuning import Tuning
from vqe.planner.turns import Turns
from vqe.runtime.context import Context
from vqe.statistics.units import unit_of
from vqe.video.decode_plan import DecodeWork
from vqe.video.index import VideoIndex
from vqe.video.strategies import FrameSet

INVESTED = 0.2
"""Part of the seconds without a cascade that trainings may take before they save anything; what
they save may be invested too. So a query loses no more than that by learning."""

HORIZONS = (2.0, 4.0, 8.0)
"""Samples so many times as large are foreseen: a rare object shows in few blocks of a small one."""

UNHURRIED = 2.0
"""Before a DEADLINE, so much longer than foretold a plan is given: threads may have to share cores.
"""

MOST_LINKED = 4
"""Plans to which a link is tried: it saves the more, the fewer frames the others leave."""

TURNS_PART = 0.1
"""Part of the frames left to the reference network that labels for a link may be taken for."""

SHARED = 0.5
"""Part of the bounds that the thresholds before a link are tuned for: the rest is for the link."""


class Search:
    """The plans for one scan, as far as they have been explored."""

    def __init__(
        self,
        *,
        index: VideoIndex,
        evidence: Evidence,
        accuracy: Accuracy,
        costs: Costs,
        frames: int,
        work: DecodeWork,
        reference_name: str,
        seconds_left: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self.index = index
        self.evidence = evidence
        self.accuracy = accuracy
        self.prices = Prices(costs, frames, work, reference_name)
        self.seconds_left = seconds_left
        chosen = ~evidence.training
        timestamps = index.timestamps_us[evidence.ordinals[chosen]]
        units = unit_of(timestamps, accuracy.unit_us)
        self.selection = Selection(
            present=evidence.present[chosen],
            unit=np.unique(units, return_inverse=True)[1],
            block=evidence.block[chosen],
            drawn=evidence.drawn[chosen],
        )
        larger = replace(self.selection, growth=max(HORIZONS))
        self.decidable = larger.decidable(accuracy)
        self.within_reach = self.selection.decidable(accuracy, unseen=True)
        self.plans: list[Plan] = []
        self.skipped: list[Alternative] = []
        self.candidates: list[tuple[DetectorCandidate | None, ModelCandidate | None]] = []
        self.training_seconds = 0.0
        self.late = False  # whether the DEADLINE leaves time for nothing but the plans so far

    def explore(self, context: Context, trainer: Trainer) -> None:
        """Trains what pays, and finds the thresholds of all plans."""
        with context.metrics.phase("search"):
            detectors = self._detectors()
            for detector in detectors:
                self.consider(detector, None)
        training = context.progress.phase("training", None, unit="models")
        for arch in trainer.offered(self.evidence):
            try:
                if not self._worth_training(arch, context, trainer):
                    continue
                invested = trainer.invested
                with context.metrics.phase("training"):
                    check = self._check(context, self._using(arch, trainer))
                    model = trainer.train(arch, self.evidence, check)
            except SpentError:
                self._skip(arch, "the DEADLINE came while it was trained")
                self.late = True
                break
            self.training_seconds += trainer.invested - invested
            training.advance(1)
            with context.metrics.phase("search"):
                for first in (None, *detectors):
                    self.consider(first, model)

    def at_best(self, decided: float, seconds_per_frame: float = 0.0) -> float:
        """Seconds of a cascade whose one stage answers such a share of the frames."""
        return self.prices.at_best(decided, seconds_per_frame)

    def foreseen(self, growth: float) -> float:
        """Seconds of the best plan, if a sample so many times as large looked like this one: how
        surely its thresholds separate is known better then."""
        tuning = replace(self.tuning, selection=replace(self.selection, growth=growth))
        best = min(self.plans, key=self.prices.seconds, default=None)
        wanted = [pair for pair in self.candidates if None in pair]
        if best is not None:
            wanted.append((best.detector, best.model))
        plans = [
            Plan(*pair, thresholds)
            for pair in wanted
            if (thresholds := tuning.thresholds(*pair)) is not None
        ]
        return min([self.best_seconds, *map(self.prices.seconds, plans)])

    def _detectors(self) -> list[DetectorCandidate]:
        """Those that may help: where the camera moves, no picture is a reference for others."""
        motion = motion_of(self.evidence)
        if not motion.moves:
            return fit_detectors(self.evidence)
        self.skipped.append(Alternative("difference detectors", None, motion.reason))
        return []

    def consider(self, detector: DetectorCandidate | None, model: ModelCandidate | None) -> None:
        """Finds the thresholds of a plan, unless none keeps the bounds for less."""
        self.candidates.append((detector, model))
        thresholds = self.tuning.thresholds(detector, model)
        if thresholds is not None:
            self.plans.append(Plan(detector, model, thresholds))

    def consider_links(self, context: Context, find_turns: Callable[[float], Turns | None]) -> None:
        """The cheapest plans, and no stage at all, with frames linked that these leave open.
        `find_turns` seeks them with so many labels at most."""
        if not can_link(self.accuracy):
            return
        cheapest = sorted(self.plans, key=self.prices.seconds)[:MOST_LINKED]
        left = self.prices.predictions(min((None, *cheapest), key=self.prices.seconds))[
            -1
        ].frames_in
        with context.metrics.phase("labelling"):
            turns = find_turns(TURNS_PART * left)
        if turns is None:
            return
        costs = replace(self.costs, earlier=turns.pictures.seconds)
        self.prices = replace(self.prices, costs=costs)
        with context.metrics.phase("search"):
            known = self.index, self.evidence, self.selection, self.accuracy
            linking = Linking(*known, turns, frames=self.prices.frames)
            for plan in (Plan(None, None, None), *cheapest):
                self._consider_link(plan, linking)

    def _consider_link(self, plan: Plan, linking: Linking) -> None:
        part = 1.0
        if plan.thresholds is not None:
            part = SHARED
            thresholds = self.tuning.thresholds(plan.detector, plan.model, part)
            if thresholds is None:
                return
            plan = replace(plan, thresholds=thresholds)
        link = linking.best(*plan.answers(self.selection.present), part=part)
        if link is not None:
            self.plans.append(replace(plan, link=link))

    def _worth_training(self, arch: Architecture, context: Context, trainer: Trainer) -> bool:
        """Whether the best this model could do pays for training it."""
        with context.metrics.phase("training"):
            seconds = trainer.expected(arch, self.evidence, self._check(context))
        saving = self.best_seconds - self.at_best(self.decidable, trainer.scoring[arch.name])
        without = self.seconds_without
        reason = f"training takes {seconds:.1f} s"
        if seconds + self._using(arch, trainer) > self.seconds_left():
            reason += ": the DEADLINE is nearer"
        elif saving <= seconds:
            reason += f", saves {max(saving, 0):.1f} s at most"
        elif trainer.invested + seconds > INVESTED * without + (without - self.best_seconds):
            reason += f" more, after {trainer.invested:.1f} s that have not paid yet"
        else:
            return True
        self._skip(arch, reason)
        return False

    def _skip(self, arch: Architecture, reason: str) -> None:
        self.skipped.append(Alternative(arch.name, None, reason))

    def _using(self, arch: Architecture, trainer: Trainer) -> float:
        """Seconds on the clock in which a model decides what it can: of no use without them."""
        stage = StageCost(arch.name, trainer.scoring.get(arch.name, 0.0), 0)
        return UNHURRIED * self.prices.total([stage]) / self.costs.decoders

    def _check(self, context: Context, needed: float = 0.0) -> Callable[[], None]:
        """Raises SpentError once no more than the seconds `needed` are left of the DEADLINE."""

        def check() -> None:
            context.check()
            if self.seconds_left() <= needed:
                raise SpentError

        return check

    @property
    def tuning(self) -> Tuning:
        """What finds thresholds."""
        return Tuning(self.selection, self.accuracy, self.costs)

    @property
    def costs(self) -> Costs:
        """Measured seconds per frame."""
        return self.prices.costs

    def decoding(self, ordinals: NDArray[np.int64]) -> float:
        """Seconds on the clock that it takes to decode such frames, int64 ascending."""
        work = FrameSet().plan(self.index, ordinals).work
        return self.costs.decode.seconds(work) / self.costs.decoders

    @property
    def best_seconds(self) -> float:
        """Of the cheapest plan so far."""
        return min(self.prices.seconds(plan) for plan in (None, *self.plans))

    @property
    def seconds_without(self) -> float:
        """Of the reference network alone."""
        return self.prices.seconds(None)

    def decide(self) -> Decision:
        """The safest of the cheapest plans."""
        best = chosen(self.plans, self.prices)
        decision = decision_on(best, self.plans, self.prices, self.evidence, self.selection)
        return replace(
            decision,
            reason=decision.reason or why_none(self.selection, self.accuracy),
            alternatives=(*decision.alternatives, *self.skipped),
            stricter=self.tuning.stricter(best, self.evidence) if best else (),
        )
