"""The fewest labels that could do: what is left to ask when nearly everything is known beforehand.

A refinement finds out what a question needs. Here it is known already, so that whatever one does
better, a question costs no less: the bounds themselves set the limit where the network flickers.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vqe.planner.frame_refinement import AGREEING_FRAMES
from vqe.statistics.units import unit_answers

SHORT_FRAMES = 7
"""Runs of more frames are visits, or pauses between them; shorter ones are blips and holes."""

PRICES = 2.0 ** np.arange(-1, 13, 0.25)
"""Labels that putting a unit right may cost."""


def least_for_units(present: NDArray[np.bool_], unit: NDArray[np.int64], bound: float) -> float:
    """The fewest labels for FNR and FDR within `bound` in units, as a share of the frames.

    It is known which units have both answers, and how often units have them how often; but not
    which of them, nor at which of their frames: those are asked about one by one, in any order, and
    all that both bounds together allow is spent. For each price of a wrong unit, in labels, the
    best way to stop follows by backward induction; the dearest of them, less what the allowance is
    worth at its price, no other way falls short of.
    """
    size, hits = np.bincount(unit), np.bincount(unit, present).astype(np.int64)
    mixed = (hits > 0) & (hits < size)
    allowed = 2 * bound * int(unit_answers(present, unit).sum())
    least = 0.0
    for price in PRICES:
        cost = -price * allowed
        for frames in np.unique(size[mixed]):
            how_many = np.bincount(hits[mixed & (size == frames)], minlength=frames + 1)
            cost += _cost(how_many.astype(np.float64), price)
        least = max(least, float(cost))
    return least / len(present)


def _cost(units: NDArray[np.float64], price: float) -> float:
    """Labels and `price` · wrong units, at best, for units of S frames by their number of positive
    ones, float64 (S + 1,)."""
    size = len(units) - 1
    positive = 2 * np.arange(size + 1) > size
    value = np.zeros(0)
    for asked in range(size, -1, -1):
        come = _hits(size, asked) * units  # units that come to h hits, by what they are
        here = price * np.minimum(come[:, positive].sum(axis=1), come[:, ~positive].sum(axis=1))
        if asked < size:
            # Of asked + 1 frames with x hits, the last one is a hit in x / (asked + 1) of all.
            last = np.arange(asked + 2) / (asked + 1)
            further = come.sum(axis=1) + (value * (1 - last))[:-1] + (value * last)[1:]
            here = np.minimum(here, further)
        value = here
    return float(value[0])


def _hits(size: int, asked: int) -> NDArray[np.float64]:
    """Chances of h hits in `asked` of `size` frames with K positive ones, float64 (h, K)."""
    table = [
        [math.comb(k, h) * math.comb(size - k, asked - h) for k in range(size + 1)]
        for h in range(asked + 1)
    ]
    return np.array(table, np.float64) / math.comb(size, asked)


def blips_of(answers: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Positive frames of each short run that stands alone, int64 (n,).

    Runs that are so near to one another that a refinement finds them together are one.
    """
    frames = np.flatnonzero(answers)
    first = np.flatnonzero(np.diff(frames, prepend=-len(answers)) > AGREEING_FRAMES)
    length = np.diff(np.append(first, len(frames)))
    return length[length <= SHORT_FRAMES]


def flicker(present: NDArray[np.bool_]) -> tuple[float, float]:
    """Frames of blips and of holes, as shares of the positive frames."""
    positive = max(int(present.sum()), 1)
    return int(blips_of(present).sum()) / positive, int(blips_of(~present).sum()) / positive


def least_for_frames(present: NDArray[np.bool_], bound: float) -> float:
    """The fewest labels for FNR and FDR within `bound` in frames, as a share of the frames.

    All is known but where the blips and the holes are, and every q-th of the frames that they might
    be among is asked about. That finds those of c frames with probability min(1, c / q).
    """
    share, allowed = float(present.mean()), bound * int(present.sum())
    least = 0.0
    for part, lengths in ((1 - share, blips_of(present)), (share, blips_of(~present))):
        parts = np.linspace(0, 1, 1001)
        missed = (lengths * (1 - np.minimum(parts[:, None] * lengths, 1))).sum(axis=1)
        least += part * float(parts[np.argmax(missed <= allowed)])
    return least
