"""Candidates: the evidence each trained detector and model gives about the selection frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.detectors.difference import DETECTORS, DifferenceDetector
from vqe.models.heads import Lesson
from vqe.models.specialized import Architecture, SpecializedModel, train
from vqe.planner.evidence import Evidence


@dataclass(frozen=True)
class DetectorCandidate:
    """A trained difference detector and its distance for each selection frame, float64 (n,)."""

    detector: DifferenceDetector
    distance: NDArray[np.float64]


@dataclass(frozen=True)
class ModelCandidate:
    """A trained specialized model and its log-odds for each selection frame, float64 (n,)."""

    model: SpecializedModel
    score: NDArray[np.float64]


def fit_detectors(evidence: Evidence) -> list[DetectorCandidate]:
    """Every difference detector, trained on the training blocks; none without empty frames."""
    if evidence.differences is None:
        return []
    training = evidence.training
    differences, present = evidence.differences[training], evidence.present[training]
    if not present.any():
        return []
    detectors = [fit(differences, present) for fit in DETECTORS.values()]
    selection = evidence.differences[~training]
    return [DetectorCandidate(detector, detector.distance(selection)) for detector in detectors]


def train_model(
    arch: Architecture,
    evidence: Evidence,
    *,
    seed: int,
    device: str,
    steps: int | None = None,
    check: Callable[[], None] = lambda: None,
) -> SpecializedModel:
    """One specialized model, trained on the training blocks; `check` may raise to end the work."""
    training = evidence.training
    lesson = Lesson(evidence.present[training, None])
    if arch.has_heads and evidence.atoms is not None:
        lesson = evidence.atoms.lesson(training)
    return train(
        arch,
        evidence.thumbnails[arch.size][training],
        lesson,
        seed=seed,
        device=device,
        steps=steps,
        check=check,
    )


def score_selection(model: SpecializedModel, evidence: Evidence) -> ModelCandidate:
    """A model with its scores for the selection frames."""
    thumbnails = evidence.thumbnails[model.size][~evidence.training]
    return ModelCandidate(model, model.score(thumbnails).astype(np.float64))
