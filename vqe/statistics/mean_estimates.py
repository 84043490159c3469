"""Means of finite populations, estimated from samples drawn without replacement.

Cochran, "Sampling Techniques" (Wiley, 3rd ed. 1977), sections 2.6 to 2.9: the standard error of the
mean of n of N values is s/√n · √(1 − n/N), and the interval is Student's. Where nothing but one
value was seen, or almost, s says too little about rare others: it is taken with one further value,
as far from the mean as any that was seen and at least one away, for which the sample has no room.
What is rarer than one in a sample, and larger than anything in it, no sample shows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vqe.statistics.normal import student_quantile

PILOT = 64
"""Values that are drawn before anything is said about their spread."""

LOOKS = 2
"""How often a sample is looked at before it is large enough, about: a pilot, and what that seemed
to call for. Who stops once an interval looks narrow enough errs more often than it says, so that
each look has its share of the doubt."""

MARGIN = 1.1
"""So many times the values that seem to be enough are drawn: what they show moves."""


@dataclass(frozen=True)
class MeanEstimate:
    """Of `size` values, `sampled` of which were drawn: their mean, and how far the mean of all is
    from it at most, with the confidence asked for. `spread`: the standard deviation it rests on."""

    size: int
    sampled: int
    mean: float
    half_width: float
    spread: float

    @classmethod
    def of(cls, values: NDArray[np.float64], size: int, confidence: float) -> MeanEstimate:
        """From the values drawn so far, float64 (n,), n ≥ 1."""
        n, mean = len(values), float(values.mean())
        if n == size:
            return cls(size, n, mean, 0.0, 0.0)
        furthest = max(float(np.abs(values - mean).max()), 1.0)
        spread = math.sqrt((float(((values - mean) ** 2).sum()) + furthest**2) / n)
        t = _reach(confidence, n)
        return cls(size, n, mean, t * spread * math.sqrt(1 / n - 1 / size), spread)

    def times(self, factor: float) -> MeanEstimate:
        """Of so many times the values: of their sum, for as many as there are."""
        return replace(
            self,
            mean=factor * self.mean,
            half_width=factor * self.half_width,
            spread=factor * self.spread,
        )

    def wanted(self, error: float, confidence: float) -> int:
        """How many values it takes for that error, about; more than there were, if they did not."""
        if self.half_width <= error:
            return self.sampled
        reach = _reach(confidence, self.sampled) * self.spread
        needed = 1 / ((error / reach) ** 2 + 1 / self.size)
        return min(max(math.ceil(MARGIN * needed), self.sampled + 1), self.size)


def _reach(confidence: float, n: int) -> float:
    """Standard errors on either side of a mean of n values."""
    return student_quantile(1 - (1 - confidence) / (2 * LOOKS), max(n - 1, 1))
