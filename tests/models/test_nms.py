from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vqe.models.nms import suppress


def brute_force(box, score, group, threshold):
    """Greedy suppression, one pair of boxes at a time."""
    kept = []
    for one in sorted(range(len(box)), key=lambda i: (group[i], -score[i], i)):
        if all(group[k] != group[one] or iou(box[k], box[one]) <= threshold for k in kept):
            kept.append(one)
    return kept


def iou(a, b):
    a, b = [float(v) for v in a], [float(v) for v in b]
    width = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    shared = width * height
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union if union else 0.0


coordinate = st.integers(-8, 24)
detection = st.tuples(
    coordinate,
    coordinate,
    st.integers(0, 12),
    st.integers(0, 12),
    st.sampled_from([0.1, 0.5, 0.5001, 0.9]),
    st.integers(0, 2),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(detection, max_size=30), st.sampled_from([0.0, 0.31, 0.53, 0.71]))
def test_equals_brute_force(detections, threshold):
    rows = np.array(detections, np.float64).reshape(-1, 6)
    box = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], 1)
    score, group = rows[:, 4], rows[:, 5].astype(np.int64)
    assert suppress(box, score, group, threshold).tolist() == brute_force(
        box, score, group, threshold
    )


@pytest.mark.parametrize("threshold", [0.3, 0.7])
def test_equals_brute_force_in_a_crowd(threshold):
    rng = np.random.default_rng(1)
    corner, extent = rng.uniform(0, 60, (400, 2)), rng.uniform(10, 50, (400, 2))
    box = np.concatenate([corner, corner + extent], 1).astype(np.float32)
    score, group = rng.random(400).astype(np.float32), rng.integers(0, 4, 400)
    kept = suppress(box, score, group, threshold)
    assert kept.tolist() == brute_force(box, score, group, threshold)
    assert len(kept) < len(box) - 10


def test_a_suppressed_box_suppresses_nothing():
    # b overlaps a and c, a and c do not overlap: a removes b, so c stays.
    box = np.array([[0, 0, 10, 10], [0, 2, 10, 12], [0, 4, 10, 14]], np.float32)
    kept = suppress(box, np.array([0.9, 0.8, 0.7]), np.zeros(3, int), 0.6)
    assert kept.tolist() == [0, 2]


def test_no_boxes():
    assert suppress(np.empty((0, 4)), np.empty(0), np.empty(0, int)).tolist() == []
