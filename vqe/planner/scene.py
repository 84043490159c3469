"""What the evidence tells about the scene itself: how it looks, and whether the camera moves."""

from __future__ import annotations

import numpy as np

from vqe.detectors.look import LookMeasure
from vqe.physical.watch import Watch
from vqe.planner.evidence import Evidence
from vqe.planner.motion import Motion, camera_motion
from vqe.statistics.novelty import learn_points

NOTICEABLE = np.array([0.1, 0.1, 0.4])
"""Differences of a look, in the order of its aspects, below which it is the same: a tenth of the
brightness, for example."""


def watch_of(evidence: Evidence) -> Watch | None:
    """What tells known looks from strange ones; None where too few blocks were labelled."""
    if evidence.reference is None or evidence.looks is None:
        return None
    known = learn_points(evidence.looks, evidence.block, NOTICEABLE)
    return None if known is None else Watch(LookMeasure(evidence.reference), known)


def motion_of(evidence: Evidence) -> Motion:
    """How much the camera moves, by the empty frames."""
    empty = ~evidence.present
    pictures = evidence.thumbnails[max(evidence.thumbnails)][empty]
    return camera_motion(pictures, evidence.block[empty])
