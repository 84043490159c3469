"""The search over cascades: train, score once, sweep thresholds, take the cheapest.

Models are trained from the cheapest to the dearest, while the time they could still save is worth
the time to train them, and not for long where none of them saves anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from vqe.models.specialized import Architecture
from vqe.physical.stages import ScoringStage
from vqe.plan.accuracy import Accuracy
from vqe.planner.allowance import SpentError
from vqe.planner.candidate_plan import Plan
from vqe.planner.candidates import (
    DetectorCandidate,
    ModelCandidate,
    fit_detectors,
)
from vqe.planner.cost import Costs, ScanCost, StageCost, StagePrediction
from vqe.planner.decision import NO_CASCADE, Alternative, Decision, Measured
from vqe.planner.evidence import Evidence
from vqe.planner.linking import Linking, can_link
from vqe.planner.scene import motion_of, watch_of
from vqe.planner.selection import Selection
from vqe.planner.thresholds import Thresholds, allowance, choose
from vqe.planner.training import Trainer
from vqe.planner.turns import Turns
from vqe.runtime.context import Context
from vqe.statistics.units import unit_of
from vqe.video.decode_plan import DecodeWork
from vqe.video.index import VideoIndex

INVESTED = 0.2
"""Part of the seconds without a cascade that trainings may take before they save anything; what
they save may be invested too. So a query loses no more than that by learning."""

HORIZONS = (2.0, 4.0, 8.0)
"""Samples so many times as large are foreseen: a rare object shows in few blocks of a small one."""

STRICTER = (0.1, 0.4)
"""Parts of the bounds that stricter plans are tuned for: a proof begins with the strictest, which
errors hardly ever stop."""

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
        self.costs = costs
        self.frames = frames  # still to be answered
        self.work = work  # what that takes of the decoder
        self.reference_name = reference_name
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
                    check = self._check(context, self._using(arch, trainer, context))
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
        stage = StageCost("", seconds_per_frame, 1 - decided)
        return self._total([stage, self._reference_cost])

    def foreseen(self, growth: float) -> float:
        """Seconds of the best plan, if a sample so many times as large looked like this one: how
        surely its thresholds separate is known better then."""
        larger = replace(self.selection, growth=growth)
        best = min(self.plans, key=self._seconds, default=None)
        wanted = [pair for pair in self.candidates if None in pair]
        if best is not None:
            wanted.append((best.detector, best.model))
        plans = [
            Plan(*pair, thresholds)
            for pair in wanted
            if (thresholds := self._thresholds(*pair, self.accuracy, larger)) is not None
        ]
        return min([self.best_seconds, *map(self._seconds, plans)])

    def _detectors(self) -> list[DetectorCandidate]:
        """Those that may help: where the camera moves, no picture is a reference for others."""
        motion = motion_of(self.evidence)
        if not motion.moves:
            return fit_detectors(self.evidence)
        self.skipped.append(Alternative("difference detectors", None, motion.reason))
        return []

    def _thresholds(
        self,
        detector: DetectorCandidate | None,
        model: ModelCandidate | None,
        accuracy: Accuracy,
        selection: Selection | None = None,
    ) -> Thresholds | None:
        """None where the two save nothing, or one of them hands on every frame: it only costs, and
        the plan without it is considered anyway."""
        thresholds = choose(
            selection or self.selection,
            detector.distance if detector else None,
            model.score if model else None,
            accuracy,
            (
                self.costs.specialized[model.model.name] if model else 0.0,
                self.costs.reference.seconds_per_frame,
            ),
            promised=self.accuracy,
        )
        if thresholds is None:
            return None
        idle = (detector and thresholds.detector_passes == 1) or (
            model and thresholds.model_passes == 1
        )
        return None if idle else thresholds

    def consider(self, detector: DetectorCandidate | None, model: ModelCandidate | None) -> None:
        """Finds the thresholds of a plan, unless none keeps the bounds for less."""
        self.candidates.append((detector, model))
        thresholds = self._thresholds(detector, model, self.accuracy)
        if thresholds is not None:
            self.plans.append(Plan(detector, model, thresholds))

    def consider_links(self, context: Context, find_turns: Callable[[float], Turns | None]) -> None:
        """The cheapest plans, and no stage at all, with frames linked that these leave open.
        `find_turns` seeks them with so many labels at most."""
        if not can_link(self.accuracy):
            return
        cheapest = sorted(self.plans, key=self._seconds)[:MOST_LINKED]
        left = self._predictions(min((None, *cheapest), key=self._seconds))[-1].frames_in
        with context.metrics.phase("labelling"):
            turns = find_turns(TURNS_PART * left)
        if turns is None:
            return
        self.costs = replace(self.costs, earlier=turns.pictures.seconds)
        with context.metrics.phase("search"):
            linking = Linking(self.index, self.evidence, self.selection, self.accuracy, turns)
            for plan in (Plan(None, None, None), *cheapest):
                self._consider_link(plan, linking)

    def _consider_link(self, plan: Plan, linking: Linking) -> None:
        part = 1.0
        if plan.thresholds is not None:
            part, shared = SHARED, self.accuracy.scaled(SHARED)
            thresholds = self._thresholds(plan.detector, plan.model, shared)
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
        if seconds + self._using(arch, trainer, context) > self.seconds_left():
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

    def _using(self, arch: Architecture, trainer: Trainer, context: Context) -> float:
        """Seconds on the clock in which a model decides what it can: of no use without them."""
        stage = StageCost(arch.name, trainer.scoring.get(arch.name, 0.0), 0)
        return UNHURRIED * self._total([stage]) / context.decode_threads

    def _check(self, context: Context, needed: float = 0.0) -> Callable[[], None]:
        """Raises SpentError once no more than the seconds `needed` are left of the DEADLINE."""

        def check() -> None:
            context.check()
            if self.seconds_left() <= needed:
                raise SpentError

        return check

    def _cost(self, plan: Plan | None) -> ScanCost:
        """Of `plan` with the reference network behind it; None is that alone."""
        stages = [] if plan is None else plan.costs(self.costs)
        stages.append(self._reference_cost)
        return ScanCost(self.costs.decode, tuple(stages))

    @property
    def _reference_cost(self) -> StageCost:
        cost = self.costs.reference
        return StageCost(self.reference_name, cost.seconds_per_frame, 0, cost.cores)

    def _seconds(self, plan: Plan | None) -> float:
        return self._total(self._cost(plan).stages)

    def _total(self, stages: Sequence[StageCost]) -> float:
        cost = ScanCost(self.costs.decode, tuple(stages))
        return sum(step.seconds for step in cost.predict(self.frames, self.work))

    @property
    def best_seconds(self) -> float:
        """Of the cheapest plan so far."""
        return min(self._seconds(plan) for plan in (None, *self.plans))

    @property
    def seconds_without(self) -> float:
        """Of the reference network alone."""
        return self._seconds(None)

    def _why_none(self) -> str:
        present = self.selection.present
        if present.all() or not present.any():
            what = "all" if present.all() else "none"
            return f"{what} of the {len(present)} selection frames are positive"
        if self.accuracy.fnr is not None and not self.selection.enough_positives(self.accuracy.fnr):
            visits = len(self.selection.hits)
            return f"{visits} visits were met: too few to know by what others look like"
        return "no cheaper plan keeps the bounds"

    def decide(self) -> Decision:
        """The safest of the cheapest plans."""
        ranked = sorted([None, *self.plans], key=self._seconds)
        enough = allowance(self._seconds(ranked[0]), self._seconds(None))
        best = min(
            (plan for plan in ranked if self._seconds(plan) <= enough),
            key=lambda plan: plan.risk if plan else 0.0,
        )
        alternatives = [
            Alternative(
                plan.name if plan else NO_CASCADE,
                self._seconds(plan),
                "dearer" if self._seconds(plan) > self._seconds(best) else "as good, less safe",
                self._predictions(plan),
                self._measured(plan),
            )
            for plan in ranked
            if plan is not best
        ]
        return Decision(
            stages=best.stages(self.evidence, best.thresholds) if best else (),
            link=best.link.stage if best and best.link else None,
            reason="cheapest plan that keeps the bounds" if best else self._why_none(),
            cost=self._cost(best),
            predictions=self._predictions(best),
            alternatives=tuple(alternatives + self.skipped),
            measured=self._measured(best),
            stricter=self._stricter(best) if best else (),
            watch=watch_of(self.evidence) if best else None,
        )

    def _predictions(self, plan: Plan | None) -> tuple[StagePrediction, ...]:
        return self._cost(plan).predict(self.frames, self.work)

    def _measured(self, plan: Plan | None) -> Measured | None:
        if plan is None:
            return None
        return Measured(*plan.errors, len(np.unique(self.selection.block)))

    def _stricter(self, plan: Plan) -> tuple[tuple[ScoringStage, ...], ...]:
        """The plan without its link, and with thresholds for parts of the bounds, the smallest part
        first."""
        if plan.thresholds is None:
            return ()
        found = {}
        for part in STRICTER:
            thresholds = self._thresholds(plan.detector, plan.model, self.accuracy.scaled(part))
            if thresholds is not None:
                stages = plan.stages(self.evidence, thresholds)
                found[thresholds.difference, thresholds.low, thresholds.high] = stages
        chosen = plan.thresholds
        if plan.link is None:
            found.pop((chosen.difference, chosen.low, chosen.high), None)
        return tuple(found.values())
