"""The heads of a specialized model: what they learn, and what they come to together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Combine = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""From the log-odds of H heads, float32 (N, H), to one number per frame, float32 (N,)."""


def only_head(log_odds: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of a model with a single head: float32 (N, 1) to (N,)."""
    return log_odds[:, 0]


@dataclass(frozen=True)
class Lesson:
    """What a model learns about N frames: `truth`, bool (N, H), has a column for each of its heads,
    with both classes in it; `combine` makes the model's score of what the heads say."""

    truth: NDArray[np.bool_]
    combine: Combine = only_head

    def balance(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """How often to draw each frame, float64 (N,), and what it then counts for each head,
        float64 (N, H), so that both classes of each head count the same.

        A frame is drawn as often as its heads want on average. For a single head that is all there
        is to do; with several their classes are not drawn equally often, and what they count makes
        up for it.
        """
        chances = _halved(self.truth, self.truth.mean(axis=0)).mean(axis=1)
        return chances, _halved(self.truth, chances @ self.truth / chances.sum())


def _halved(truth: NDArray[np.bool_], share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights that give one half to each class, where a `share` of the frames has the one."""
    return np.where(truth, 0.5 / share, 0.5 / (1 - share))
