"""A bet against errors that are drawn without replacement, and the least that any bet must draw.

A stratum has `size` units, K of them errors, in an order that chance has drawn. Fix a hypothesis K.
The chance of the n draws seen, m of them errors, is

    L_K = K↓m · (size − K)↓(n − m) / size↓n,        x↓j = x (x − 1) … (x − j + 1).

A gambler who believes that errors come with a probability ~ Beta(a, b) gives them the chance
Q = B(a + m, b + n − m) / B(a, b). Bet against K at the hypothesis' own odds and the wealth is
W_K = Q / L_K, from 1: each draw multiplies it by the ratio of the two predictions, whose mean under
K is at most 1. W_K is a non-negative supermartingale, so by Ville's inequality it reaches 1/δ with
probability at most δ, however often one looks and whenever one stops. That is betting with
adaptive bets (Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting",
2024), here in the closed form of the prior-posterior ratio (the same, "Confidence sequences for
sampling without replacement", 2020): only counts enter, so a state is its counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Counts: TypeAlias = int | NDArray[np.int64]
"""A count, or one for each of several replays."""
Floats: TypeAlias = NDArray[np.float64]

A, HOPE = 0.5, 10.0
"""The belief about a hypothesis of K errors is Beta(A, A · HOPE · size / K): Jeffreys' A, and a
mean of K / HOPE errors. Who expects none at all is ruined by the first; who expects nearly K wins
slowly. Every K has a gambler of its own, so the belief may depend on K and needs no knowledge."""


@dataclass(frozen=True)
class Stratum:
    """Units of which a plan says the same: `drawn` of `size` are labelled, `errors` of those wrong.

    Counts, or arrays of them that broadcast.
    """

    size: Counts
    drawn: Counts = 0
    errors: Counts = 0

    @property
    def right(self) -> Counts:
        """Drawn units about which the plan was right."""
        return self.drawn - self.errors

    def with_label(self, *, wrong: bool) -> Stratum:
        """After one more unit was drawn."""
        return Stratum(self.size, self.drawn + 1, self.errors + wrong)

    @property
    def undrawn(self) -> Counts:
        """Units without a label."""
        return self.size - self.drawn


def log_wealth(stratum: Stratum, errors: Counts) -> Floats:
    """Least log wealth of all hypotheses of at least `errors` errors in the stratum, labelled or
    not: above log 1/δ, they are refuted at level δ.

    Broadcasts. ∞ where so many errors cannot be; −∞ where they are not refuted because the draws
    rather speak for them.

    The least is at K = `errors` where h(K) = (n − m)/(size − K) − m/(K − m + 1) − 0.56/K ≥ 0, which
    is little more than "K is above the estimate". For log L_K falls with K at a rate of at least
    the first two terms. b falls too, and for b' < b we have Q_b' ≥ Q_b · B(a, b) / B(a, b'), as
    (1 − p)^b' ≥ (1 − p)^b; that costs log W at most b (ψ(a + b) − ψ(b)) / K ≤ a b ψ'(b) / K ≤
    0.56/K per unit of K, as b ≥ A · HOPE = 5. h grows with K, so it need only be ≥ 0 once.
    """
    size, n, m, k = (
        np.asarray(count, dtype=np.float64)
        for count in (stratum.size, stratum.drawn, stratum.errors, errors)
    )
    size, n, m, k = np.broadcast_arrays(size, n, m, k)
    impossible = k > size - (n - m)
    known = ~impossible & (k <= m)
    # Stand-ins keep the formula finite where it is not asked.
    inside = np.where(impossible | known, m + 1, k)
    room = np.maximum(size, inside + n - m)
    slope = (n - m) / np.maximum(room - inside, 1) - m / (inside - m + 1) - 0.56 / inside
    b = A * HOPE * room / inside
    log_q = _log_beta(A + m, b + n - m) - _log_beta(A, b)
    log_l = _log_falling(inside, m) + _log_falling(room - inside, n - m) - _log_falling(room, n)
    wealth = np.where((slope >= 0) & ~known, log_q - log_l, -math.inf)
    return np.where(impossible, math.inf, wealth)


def label_floor(errors: int, units: int, delta: float) -> int:
    """The fewest of `units` units that any valid test must draw to refute `errors` errors, if it
    sees none: the least n with C(units − errors, n) / C(units, n) ≤ δ.

    About units · (1 − δ^(1/errors)). 0 where there are no `errors` units to be wrong about.
    """
    if errors > units:
        return 0
    low, high = 0, units - errors + 1  # Nothing is left to chance at `high`.
    while low < high:
        middle = (low + high) // 2
        log_chance = (
            math.lgamma(units - errors + 1)
            - math.lgamma(units - errors - middle + 1)
            - math.lgamma(units + 1)
            + math.lgamma(units - middle + 1)
            if middle <= units - errors
            else -math.inf
        )
        low, high = (low, middle) if log_chance <= math.log(delta) + 1e-9 else (middle + 1, high)
    return low


def log_gamma(x: Floats) -> Floats:
    """log Γ(x) for x > 0, by Stirling's series eight steps further up; 12 digits are right."""
    z = x + 8
    shift = x * (x + 1) * (x + 2) * (x + 3) * (x + 4) * (x + 5) * (x + 6) * (x + 7)
    r = 1 / (z * z)
    series = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r / 1680))) / z
    gamma: Floats = (z - 0.5) * np.log(z) - z + 0.5 * math.log(2 * math.pi) + series - np.log(shift)
    return gamma


def _log_beta(a: Floats | float, b: Floats) -> Floats:
    return log_gamma(np.asarray(a)) + log_gamma(b) - log_gamma(a + b)


def _log_falling(x: Floats, j: Floats) -> Floats:
    """log x↓j."""
    return log_gamma(x + 1) - log_gamma(x - j + 1)
