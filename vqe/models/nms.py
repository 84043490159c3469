"""Non-maximum suppression: of boxes that overlap, the one with the highest score stays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

IOU_THRESHOLD = 0.7
"""Boxes of one class that overlap more are one object; the default of Ultralytics."""


def suppress(
    box: NDArray[np.floating[Any]],
    score: NDArray[np.floating[Any]],
    group: NDArray[np.integer[Any]],
    iou_threshold: float = IOU_THRESHOLD,
) -> NDArray[np.int64]:
    """Indices of the boxes to keep, int64, ordered by group, then by falling score.

    `box` (K, 4) x0, y0, x1, y1; `score` (K,); `group` (K,) integers: only boxes of the same group
    (one class in one frame) suppress each other. Of equal scores the earlier box wins.
    """
    order = np.lexsort((-score, group))
    better, worse = _overlapping(box[order].astype(np.float64), group[order], iou_threshold)
    kept = np.ones(len(order), np.bool_)
    # A box goes when a kept one with a higher score covers it. Each round settles the boxes whose
    # superiors are settled, so the rounds are as many as the longest chain: a handful.
    while True:
        after = np.ones(len(order), np.bool_)
        after[worse[kept[better]]] = False
        if np.array_equal(after, kept):
            return order[kept]
        kept = after


def _overlapping(
    box: NDArray[np.float64], group: NDArray[np.integer[Any]], iou_threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of boxes of one group with a higher IoU, as (lower index, higher index)."""
    by_left = np.lexsort((box[:, 0], group))
    x0, y0, x1, y1 = box[by_left].T
    # Two boxes can only reach the threshold when the left edge of the second lies within the first
    # (1 - threshold) of the first one's width. Sorted by left edge, these candidates are a slice.
    span = np.ptp(box[:, ::2]) + 1 if len(box) else 1.0
    left = group[by_left] * span + (x0 - x0.min(initial=np.inf))
    reach = left + (1 - iou_threshold) * np.maximum(x1 - x0, 0) + 1e-6 * span
    place = np.arange(len(box))
    n_candidates = np.maximum(np.searchsorted(left, reach, side="right") - place - 1, 0)
    first = np.repeat(place, n_candidates)
    run_start = np.repeat(np.cumsum(n_candidates) - n_candidates, n_candidates)
    second = first + 1 + np.arange(len(first)) - run_start
    same = group[by_left[first]] == group[by_left[second]]
    first, second = first[same], second[same]

    width = np.minimum(x1[first], x1[second]) - np.maximum(x0[first], x0[second])
    height = np.minimum(y1[first], y1[second]) - np.maximum(y0[first], y0[second])
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    area = (x1 - x0) * (y1 - y0)
    overlaps = shared > iou_threshold * (area[first] + area[second] - shared)
    one, other = by_left[first[overlaps]], by_left[second[overlaps]]
    return np.minimum(one, other), np.maximum(one, other)
