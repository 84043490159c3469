"""Numbers of rare events: what their mean may be, told from how many were seen."""

from __future__ import annotations

from statistics import NormalDist


def most_expected(seen: float, chance: float) -> float:
    """The mean at which no more than `seen` come up with probability `chance` only."""
    return _gamma_quantile(seen + 1, 1 - chance)


def least_expected(seen: float, chance: float) -> float:
    """The mean at which `seen` or more come up with probability `chance` only; 0 for none seen."""
    return _gamma_quantile(seen, chance) if seen > 0 else 0.0


def _gamma_quantile(shape: float, p: float) -> float:
    """A Poisson number is n or less when a gamma one of shape n + 1 exceeds the mean.

    The quantile by Wilson and Hilferty ("The distribution of chi-square", PNAS 1931): within 2 %
    for shapes from 1 on and p in [0.1, 0.99].
    """
    z = NormalDist().inv_cdf(p)
    root = 1 - 1 / (9 * shape) + z / (3 * shape**0.5)
    return float(shape * max(root, 0.0) ** 3)
