"""Asking the reference network while planning."""

from __future__ import annotations

import math
import time

import numpy as np
from numpy.typing import NDArray

from vqe.detections import Detections
from vqe.models.reference import ReferenceNetwork
from vqe.physical.stages import Question, detect
from vqe.runtime.context import Context
from vqe.storage.labels import LabelStore
from vqe.video.frames import FrameBatch


class Labeller:
    """Asks the reference network about frames, once each, and times it.

    `fresh`: ordinals labelled by this labeller, in the order of asking.
    """

    def __init__(
        self, network: ReferenceNetwork, question: Question, labels: LabelStore, context: Context
    ) -> None:
        self.network = network
        self.question = question
        self.labels = labels
        self.context = context
        frames, score = labels.best_score(question.label, question.region)
        self._known = dict(zip(frames.tolist(), score.tolist(), strict=True))
        self.fresh: list[int] = []
        self._timings: list[tuple[int, float]] = []

    def label(self, frames: FrameBatch) -> NDArray[np.bool_]:
        """Whether the question holds, bool (N,); known labels are not asked again."""
        unknown = [i for i, o in enumerate(frames.ordinals.tolist()) if o not in self._known]
        if unknown:
            asked = frames.select(unknown)
            detections = self._ask(asked)
            self.labels.add(asked.ordinals, detections)
            score = detections.best_score(self.question.label, self.question.region)
            self._known.update(zip(asked.ordinals.tolist(), score.tolist(), strict=True))
            self.fresh.extend(asked.ordinals.tolist())
        return self.question.holds(self.scores(frames.ordinals))

    def unknown(self, ordinals: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of the frames that have no label yet."""
        return np.array([o for o in ordinals.tolist() if o not in self._known], np.int64)

    def scores(self, ordinals: NDArray[np.int64]) -> NDArray[np.float32]:
        """The scores of labelled frames, float32 (N,)."""
        return np.array([self._known[o] for o in ordinals.tolist()], np.float32)

    def scores_or_nan(self, ordinals: NDArray[np.int64]) -> NDArray[np.float32]:
        """The scores of those of the frames that are labelled, float32 (N,), and NaN."""
        nan = math.nan
        return np.array([self._known.get(o, nan) for o in ordinals.tolist()], np.float32)

    def measure(self, frames: FrameBatch) -> None:
        """Makes sure that the network was timed, although all labels may have been known."""
        if not self._timings:
            self._ask(frames)
            self._ask(frames)

    @property
    def seconds_per_frame(self) -> float | None:
        """Of the reference network; None before it was asked.

        The first call pays for what happens once, such as loading kernels, so it counts only where
        it is the only one.
        """
        if not self._timings:
            return None
        timings = self._timings[1:] or self._timings
        return sum(seconds for _, seconds in timings) / sum(n for n, _ in timings)

    def _ask(self, frames: FrameBatch) -> Detections:
        clock = time.perf_counter()
        detections = detect(self.network, frames)
        self._timings.append((len(frames), time.perf_counter() - clock))
        self.context.metrics.labels_from_reference += len(frames)
        return detections
