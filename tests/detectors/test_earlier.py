"""The earlier-frame form of the difference detectors: kernels against NumPy twins."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vqe.detectors.earlier import EARLIER_FRAMES, EarlierFrame
from vqe.detectors.kernels import anchors_of, block_sums, changes_back

shapes = st.tuples(st.integers(1, 40), st.integers(1, 40))
grids = st.tuples(st.integers(1, 12), st.integers(1, 12))


@settings(max_examples=60, deadline=None)
@given(shapes.flatmap(lambda shape: hnp.arrays(np.uint8, shape)), grids)
def test_block_sums(image, grid):
    (height, width), (rows, columns) = image.shape, grid
    down = np.arange(rows + 1) * height // rows
    across = np.arange(columns + 1) * width // columns
    twin = [
        [int(image[top:bottom, left:right].sum()) for left, right in pairwise(across)]
        for top, bottom in pairwise(down)
    ]
    np.testing.assert_array_equal(block_sums(image, rows, columns), twin)


def random_blocks(seed):
    """Values of frames, their blocks, and the row at which the block of each begins."""
    rng = np.random.default_rng(seed)
    block = np.sort(rng.integers(0, 6, 40))
    values = rng.integers(0, 4, (40, 9)).astype(np.float32)
    return values, block, np.searchsorted(block, block)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 12), st.booleans())
def test_changes_back(seed, most, largest):
    values, block, first = random_blocks(seed)
    changes = changes_back(values, first, most, largest)
    assert changes.shape == (40, most)
    for i in range(40):
        for k in range(most):
            j = i - k - 1
            if j < 0 or block[i] != block[j]:
                assert changes[i, k] == np.inf
            else:
                apart = np.abs(values[i] - values[j])
                assert changes[i, k] == pytest.approx(apart.max() if largest else apart.mean())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12), st.sampled_from([0.5, 1.5, 2.5, 3.5]))
def test_anchors(seed, delay, threshold):
    values, block, first = random_blocks(seed)
    rng = np.random.default_rng(seed + 1)
    ordinals = np.cumsum(rng.integers(1, 4, 40))
    asked = rng.random(40) < 0.7
    twin, last = np.arange(40), None
    for i in np.flatnonzero(asked).tolist():
        if (
            last is not None
            and block[last] == block[i]
            and ordinals[i] - ordinals[last] < delay
            and np.abs(values[i] - values[last]).max() < threshold
        ):
            twin[i] = last
        else:
            last = i
    changes = changes_back(values, first, delay - 1, True)
    np.testing.assert_array_equal(anchors_of(changes, ordinals, asked, delay, threshold), twin)


@pytest.mark.parametrize("detector", EARLIER_FRAMES)
def test_one_change_is_that_of_many(detector):
    means = np.random.default_rng(3).uniform(0, 255, (5, 400)).astype(np.float32)
    changes = detector.changes_back(means, np.zeros(5, np.int64), 4)
    values = detector.values(means)
    for i in range(1, 5):
        for k in range(i):
            alone = detector.change(values[i], values[i - k - 1])
            assert alone == pytest.approx(changes[i, k], rel=1e-5)


def test_a_small_object_changes_its_block_and_hardly_the_average():
    means = np.full((2, 400), 100, np.float32)
    means[1, 205] += 40
    of = {side: EarlierFrame(side) for side in (None, 5, 20)}
    change = {side: d.change(*d.values(means)) for side, d in of.items()}
    assert change == pytest.approx({None: 0.1, 5: 2.5, 20: 40})
