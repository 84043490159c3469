"""What a sample has not met: visits that no draw hit, and whether these may be of another kind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def unseen_mass(hits: NDArray[np.int64], growth: float = 1.0) -> float:
    """Share of all draws from the visits that would hit one which no draw has hit so far.

    `hits`, int64 (V,): how many draws hit each of the visits that were met. Good ("The population
    frequencies of species", Biometrika 1953): as many as the draws that hit a visit for the only
    time, one more among them, since a share is never known to be nothing. With samples `growth`
    times as large, if each visit is hit as easily as any other.
    """
    draws = int(hits.sum())
    if not draws:
        return 1.0
    once = int((hits == 1).sum())
    now: float = min(once + 1, draws) / (draws + 1)
    return float(now**growth)


def largest_unseen_share(hits: NDArray[np.int64], chance: float, growth: float = 1.0) -> float:
    """Share of the draws that may be of a kind which none of the visits met has shown.

    If a share s of the visits is of that kind, n visits miss it with probability (1 − s)^n: so s
    is at most 1 − chance^(1/n), but for a `chance`. And it matters among the visits only that were
    not met. `hits`, `growth`: as above.
    """
    if not hits.sum():
        return 1.0
    mass, later = unseen_mass(hits), unseen_mass(hits, growth)
    visits = len(hits) * (1 - later) / (1 - mass)
    share: float = (1 - chance ** (1 / visits)) * later
    return share
