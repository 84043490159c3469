"""The loop of a refinement: ask, settle, look whether the grid is fine enough, halve it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vqe.plan.accuracy import Accuracy
from vqe.planner.fineness import Fineness
from vqe.planner.frame_refinement import FrameFineness, judge
from vqe.planner.grid_proxy import GridProxy
from vqe.planner.refinement import Positions, Refinement


class NotWorthwhileError(Exception):
    """Why this question is not answered from few frames; never leaves the planner.

    `seconds`: what it was predicted to take, None where it never came to that.
    """

    def __init__(self, reason: str, seconds: float | None = None) -> None:
        super().__init__(reason)
        self.seconds = seconds


def refine(
    refinement: Refinement,
    accuracy: Accuracy,
    label: Callable[[Positions], NDArray[np.bool_]],
    proxy: GridProxy | None,
    halved: Callable[[], None] = lambda: None,
) -> Fineness | FrameFineness:
    """Asks `label` about frames, bool (n,), until the grid is fine enough for the bounds.

    `proxy` has ruled out some of the first grid; `halved` is told of each further one. Raises
    NotWorthwhileError where all frames would be needed; so may `label` and `halved`.
    """
    while True:
        while len(positions := refinement.ask()):
            refinement.tell(positions, label(positions))
        if proxy is not None and not proxy.holds():
            refinement.withdraw()
            proxy = None
            continue
        found = judge(refinement, accuracy)
        if found.enough:
            return found
        if found.hopeless:
            raise NotWorthwhileError(found.why_not)
        refinement.halve()
        halved()
