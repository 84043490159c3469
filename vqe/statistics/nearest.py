"""Answers carried over to neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def nearest(known: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """For each of the positions 0..n−1 the index of the nearest in `known`, int64 (n,).

    `known`: int64, ascending, at least one. Of two at the same distance it is the later.
    """
    middle = (known[:-1] + known[1:] + 1) // 2
    return np.searchsorted(middle, np.arange(n), side="right")
