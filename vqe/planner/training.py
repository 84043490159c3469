"""Training specialized models for one scan, on one sample after another, and what that takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np

from vqe.models.specialized import ARCHITECTURES, HEADED, Architecture, SpecializedModel
from vqe.planner.candidates import ModelCandidate, score_selection, train_model
from vqe.planner.evidence import Evidence

TRIAL_STEPS = 4
"""Optimiser steps that are timed to foretell how long a training takes."""

SCORED = 256
"""Thumbnails that are scored to measure how long scoring takes."""

Check = Callable[[], None]


class Trainer:
    """Keeps the account of all trainings of a scan.

    `invested`: seconds that they took so far. `scoring`: seconds per frame of each model that was
    tried, its thumbnail included.
    """

    def __init__(
        self, seed: int, device: str, architectures: Mapping[str, Architecture] | None = None
    ) -> None:
        self.seed = seed
        self.device = device
        self.architectures = {**ARCHITECTURES, **HEADED} if architectures is None else architectures
        self.invested = 0.0
        self.scoring: dict[str, float] = {}
        self._expected: dict[str, float] = {}

    def offered(self, evidence: Evidence) -> list[Architecture]:
        """Those that the training blocks have something to teach, from the cheapest to the dearest;
        heads only where several atoms vary."""
        if not can_train(evidence):
            return []
        atoms = evidence.atoms
        heads = 0 if atoms is None else len(atoms.varying(evidence.training))
        possible = [arch for arch in self.architectures.values() if heads > 1 or not arch.has_heads]
        return sorted(possible, key=lambda arch: arch.size)

    def expected(self, arch: Architecture, evidence: Evidence, check: Check) -> float:
        """Seconds that a training takes: as the last one did, or foretold by a short trial.

        `check` is called at every step of it, as in `train`, and may raise to end the work.
        """
        if arch.name not in self._expected:
            self._train(arch, evidence, check, steps=1)  # what happens once is not measured
            trial, first = self._train(arch, evidence, check, steps=1)
            _, more = self._train(arch, evidence, check, steps=1 + TRIAL_STEPS)
            per_step = max(more - first, 0.0) / TRIAL_STEPS
            self._expected[arch.name] = first + per_step * (arch.steps - 1)
            self.scoring[arch.name] = _scoring_seconds(trial, evidence)
        return self._expected[arch.name]

    def train(self, arch: Architecture, evidence: Evidence, check: Check) -> ModelCandidate:
        """A model with its scores for the selection frames."""
        model, seconds = self._train(arch, evidence, check)
        self._expected[arch.name] = seconds
        self.scoring[arch.name] = _scoring_seconds(model, evidence)
        return score_selection(model, evidence)

    def _train(
        self, arch: Architecture, evidence: Evidence, check: Check, steps: int | None = None
    ) -> tuple[SpecializedModel, float]:
        """A model, and the seconds that its training took."""
        clock = time.perf_counter()
        model = train_model(
            arch, evidence, seed=self.seed, device=self.device, steps=steps, check=check
        )
        seconds = time.perf_counter() - clock
        self.invested += seconds
        return model, seconds


def can_train(evidence: Evidence) -> bool:
    """Whether the training blocks have frames of both kinds."""
    present = evidence.present[evidence.training]
    return bool(np.any(present) and not np.all(present))


def _scoring_seconds(model: SpecializedModel, evidence: Evidence) -> float:
    thumbnails = evidence.thumbnails[model.size][:SCORED]
    clock = time.perf_counter()
    model.score(thumbnails)
    scoring = (time.perf_counter() - clock) / len(thumbnails)
    return evidence.thumbnail_seconds[model.size] + scoring
