"""Novelty: is a point near points that are known, and how near is near?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 3
"""Groups that must have been near: what was met once or twice is not known."""

SPREAD = 4.0
"""A coordinate may differ by so many times what it usually does between neighbours."""

SLACK = 1.5
"""How much farther than nearly all known points a point may lie from its neighbours."""


@dataclass(frozen=True)
class KnownPoints:
    """n points that are known, float64 (n, d); `reach`: how far one speaks for, float64 (d,)."""

    points: NDArray[np.float64]
    reach: NDArray[np.float64]

    def novel(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether each of N points, (N, d), has fewer than NEIGHBOURS known ones within reach, bool
        (N,): in every coordinate, that is."""
        apart = np.abs((points / self.reach).T[:, :, None] - self._in_reaches)
        novel: NDArray[np.bool_] = np.count_nonzero(apart.max(axis=0) <= 1, axis=1) < NEIGHBOURS
        return novel

    @cached_property
    def _in_reaches(self) -> NDArray[np.float64]:
        """The points in reaches, (d, 1, n)."""
        return np.ascontiguousarray((self.points / self.reach).T[:, None])

    def farthest(self, points: NDArray[np.float64]) -> NDArray[np.int64]:
        """The coordinate in which each of N points, (N, d), differs most from the nearest known
        point, int64 (N,)."""
        apart = np.abs(points[:, None] - self.points[None]) / self.reach
        nearest = apart.max(axis=2).argmin(axis=1)
        farthest: NDArray[np.int64] = apart[np.arange(len(points)), nearest].argmax(axis=1)
        return farthest

    def with_points(self, points: NDArray[np.float64]) -> KnownPoints:
        """Further points, (m, d), are known from now on."""
        return KnownPoints(np.concatenate([self.points, points]), self.reach)


def learn_points(
    points: NDArray[np.float64], group: NDArray[np.int64], least: NDArray[np.float64]
) -> KnownPoints | None:
    """Groups of points, (n, d), by their medians; `group`: int64 (n,).

    The reach comes from how far points lie from the other groups, and is `least`, (d,), or more.
    None where there are too few groups to tell.
    """
    names = np.unique(group)
    if len(names) < 2 * NEIGHBOURS:
        return None
    medians = np.stack([np.median(points[group == name], axis=0) for name in names])
    own = group[:, None] == names
    alone = [
        _distance(points[:, [i]], medians[:, [i]], np.ones(1), own) for i in range(points.shape[1])
    ]
    reach = np.maximum(least, SPREAD * np.quantile(alone, 0.9, axis=1))
    jointly = _distance(points, medians, reach, own)
    return KnownPoints(medians, reach * max(SLACK * float(np.quantile(jointly, 0.95)), 1.0))


def _distance(
    points: NDArray[np.float64],
    known: NDArray[np.float64],
    reach: NDArray[np.float64],
    but: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Of (N, d) from the NEIGHBOURS-th of (n, d), but for the pairs in bool (N, n)."""
    apart = np.zeros((len(points), len(known)))
    for i in range(points.shape[1]):  # not one array of all: a million frames are a lot
        np.maximum(apart, np.abs(points[:, [i]] - known[:, i]) / reach[i], out=apart)
    if but is not None:
        apart[but] = np.inf
    return np.partition(apart, NEIGHBOURS - 1, axis=1)[:, NEIGHBOURS - 1]
