"""Candidates: the evidence each trained detector and model gives about the selection frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.detectors.difference import DETECTORS, DifferenceDetector
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
    if evidence.blocks is None:
        return []
    training = evidence.training
    blocks, present = evidence.blocks[training], evidence.present[training]
    if not present.any():
        return []
    detectors = [fit(blocks, present) for fit in DETECTORS.values()]
    selection = evidence.blocks[~training]
    return [DetectorCandidate(detector, detector.distance(selection)) for detector in detectors]


def fit_model(
    arch: Architecture, evidence: Evidence, *, seed: int, device: str, steps: int | None = None
) -> ModelCandidate:
    """One specialized model, trained on the training blocks."""
    thumbnails, training = evidence.thumbnails[arch.size], evidence.training
    model = train(
        arch,
        thumbnails[training],
        evidence.present[training],
        seed=seed,
        device=device,
        steps=steps,
    )
    return ModelCandidate(model, model.score(thumbnails[~training]).astype(np.float64))
