"""Does the camera move? It does where pictures of the empty scene agree only after a shift.

Pairs of neighbouring pictures are compared, a second or some seconds apart, by phase correlation.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

MOVES = 0.25
"""Share of the pairs from which on the camera moves: fewer are pushes, now and then."""

BETTER = 0.1
"""How much more two pictures must be correlated when shifted: what passes by shifts no picture."""

MOST_SHIFT = 0.4
"""Of the picture: with less overlap anything fits."""


@dataclass(frozen=True)
class Motion:
    """Of `pairs` of pictures `shifted` agree only after a shift; its median, as a share of the
    picture's side."""

    pairs: int
    shifted: int
    median_shift: float

    @property
    def moves(self) -> bool:
        """Whether no picture is a reference for others."""
        return self.pairs > 0 and self.shifted >= MOVES * self.pairs

    @property
    def reason(self) -> str:
        """What was measured, in words."""
        return (
            f"the camera moves: {self.shifted} of {self.pairs} pairs of pictures are shifted, "
            f"by {self.median_shift:.0%} of the picture"
        )


def camera_motion(thumbnails: NDArray[np.uint8], block: NDArray[np.int64]) -> Motion:
    """From uint8 (n, S, S, 3) pictures in the order of time and their blocks, int64 (n,).

    The first and last picture of each block are a pair, and the last of one with the first of the
    next.
    """
    edges = np.flatnonzero(np.diff(block, prepend=-1, append=-1))
    ends = np.unique(np.concatenate([edges[:-1], edges[1:] - 1]))
    pictures = thumbnails[ends].mean(axis=3)
    shifts = [_shift(a, b) for a, b in pairwise(pictures)]
    found = [shift for shift in shifts if shift > 0]
    side = thumbnails.shape[1]
    return Motion(len(shifts), len(found), float(np.median(found)) / side if found else 0.0)


def _shift(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Pixels by which the second picture is shifted, both float64 (S, S); 0 where none helps."""
    side = len(first)
    window = np.hanning(side)
    spectra = [np.fft.rfft2((p - p.mean()) * window * window[:, None]) for p in (first, second)]
    product = spectra[1] * spectra[0].conj()
    surface = np.fft.irfft2(product / np.maximum(np.abs(product), 1e-9), s=first.shape)
    at = np.array(np.unravel_index(surface.argmax(), surface.shape))
    down, right = (int(s) for s in np.where(at > side // 2, at - side, at))
    if (down, right) == (0, 0) or max(abs(down), abs(right)) > MOST_SHIFT * side:
        return 0.0
    better = _correlation(*_overlap(first, second, down, right)) - _correlation(first, second)
    return float(np.hypot(down, right)) if better > BETTER else 0.0


def _overlap(
    first: NDArray[np.float64], second: NDArray[np.float64], down: int, right: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The parts of two pictures that show the same when the second is shifted."""
    rows, columns = (_both(shift, len(first)) for shift in (down, right))
    return first[rows[0], columns[0]], second[rows[1], columns[1]]


def _both(shift: int, side: int) -> tuple[slice, slice]:
    length = side - abs(shift)
    start = max(-shift, 0), max(shift, 0)
    return slice(start[0], start[0] + length), slice(start[1], start[1] + length)


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    a, b = first - first.mean(), second - second.mean()
    return float((a * b).sum() / max(np.sqrt((a * a).sum() * (b * b).sum()), 1e-9))
