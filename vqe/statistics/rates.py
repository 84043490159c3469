"""Error rates with the interval that their sample allows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

CONFIDENCE = 0.95
"""Of every interval."""

STEPS = 200
"""Halvings, and terms of the continued fraction, at most: both end earlier."""


@dataclass(frozen=True)
class ErrorRate:
    """A rate that was measured: `measure` (FNR, FPR or FDR), and of how many `units` what share was
    wrong. `draws`: the independent ones that these are worth, at most as many; neighbouring frames
    are near copies, so a block of them is worth one.

    The interval is that of Clopper and Pearson (Biometrika 26, 1934) at `CONFIDENCE`, with `draws`
    in the place of the units, as Korn and Graubard do it (Survey Methodology 24, 1998). It speaks
    of the video that the sample was drawn from; it takes the plan as given, although the plan was
    chosen for its few errors on this very sample.
    """

    measure: str
    share: float
    units: int
    draws: float

    @property
    def low(self) -> float:
        """The lower end of the interval."""
        wrong = self.share * self.draws
        if wrong <= 0:
            return 0.0
        return beta_quantile((1 - CONFIDENCE) / 2, wrong, self.draws - wrong + 1)

    @property
    def high(self) -> float:
        """The upper end of the interval."""
        wrong = self.share * self.draws
        if wrong >= self.draws:
            return 1.0
        return beta_quantile((1 + CONFIDENCE) / 2, wrong + 1, self.draws - wrong)


@lru_cache
def beta_quantile(p: float, a: float, b: float) -> float:
    """The x with I_x(a, b) = p, by halving [0, 1]; a, b > 0."""
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if beta_share(middle, a, b) < p:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def beta_share(x: float, a: float, b: float) -> float:
    """I_x(a, b), the share of a beta distribution below x, for x in (0, 1) and a, b > 0.

    The continued fraction of Abramowitz and Stegun 26.5.8, evaluated by Lentz's method; where it
    converges slowly, I_x(a, b) = 1 − I_(1−x)(b, a).
    """
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_share(1 - x, b, a)
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, STEPS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away_from_zero(1 + term * d)
            c = _away_from_zero(1 + term / c)
            fraction *= c * d
        if abs(c * d - 1) < 1e-12:
            break
    log_front = a * math.log(x) + b * math.log1p(-x) - math.log(a)
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    return math.exp(log_front - log_beta) * fraction


def _away_from_zero(value: float) -> float:
    return value if abs(value) > 1e-300 else 1e-300
