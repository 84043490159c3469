"""What is left of a BUDGET or a DEADLINE while a query runs."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

from vqe.plan.effort import Effort
from vqe.runtime.metrics import Metrics

RESERVE = 0.9
"""Part of the time left that is given to the reference network: rows have to be made, too."""


class SpentError(Exception):
    """Nothing more may be asked; never leaves the planner."""


@dataclass(frozen=True)
class Allowance:
    """Calls of the reference network up to a total of `calls` in the metrics of the query, until
    the clock shows `until` (seconds of `time.perf_counter`)."""

    metrics: Metrics
    calls: float = math.inf
    until: float = math.inf

    @classmethod
    def of(cls, effort: Effort, metrics: Metrics, began: float) -> Allowance:
        """For a query that began when the clock showed `began`."""
        calls = math.inf if effort.calls is None else effort.calls
        seconds = math.inf if effort.deadline_us is None else effort.deadline_us / 1e6
        return cls(metrics, calls, began + seconds)

    @property
    def limited(self) -> bool:
        """Whether it can end."""
        return min(self.calls, self.until) < math.inf

    @property
    def late(self) -> bool:
        """Whether the time is over."""
        return self.seconds <= 0

    @property
    def seconds(self) -> float:
        """Time left."""
        return RESERVE * (self.until - time.perf_counter())

    def frames(self, seconds_per_frame: float | None) -> float:
        """How many more may be asked about; the price of one is None before it is known."""
        left = self.calls - self.metrics.labels_from_reference
        if seconds_per_frame and self.until < math.inf:
            left = min(left, self.seconds / seconds_per_frame)
        return max(left, 0)

    def part(self, share: float) -> Allowance:
        """A part of what is left: a call at least, where there is one."""
        used, now = self.metrics.labels_from_reference, time.perf_counter()
        left = self.calls - used
        return replace(
            self,
            calls=used + max(share * left, min(left, 1)),
            until=now + share * (self.until - now),
        )
