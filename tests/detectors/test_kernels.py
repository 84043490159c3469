"""Each numba kernel against a straight-line NumPy twin."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vqe.detectors.difference import ReferenceImage
from vqe.detectors.kernels import add_image, block_squared_differences, compiled

shapes = st.tuples(st.integers(1, 40), st.integers(1, 40))
grids = st.tuples(st.integers(1, 12), st.integers(1, 12))


@st.composite
def image_pairs(draw):
    shape = draw(shapes)
    images = hnp.arrays(np.uint8, shape)
    return draw(images), draw(images)


def twin(image, reference, rows, columns):
    squares = (image.astype(np.int64) - reference.astype(np.int64)) ** 2
    height, width = image.shape
    return np.array(
        [
            [
                squares[
                    i * height // rows : (i + 1) * height // rows,
                    j * width // columns : (j + 1) * width // columns,
                ].sum()
                for j in range(columns)
            ]
            for i in range(rows)
        ]
    )


@settings(max_examples=60, deadline=None)
@given(image_pairs(), grids)
def test_block_squared_differences(pair, grid):
    sums = block_squared_differences(*pair, *grid)
    assert sums.dtype == np.int64
    np.testing.assert_array_equal(sums, twin(*pair, *grid))


def test_large_differences_do_not_overflow():
    black, white = np.zeros((2160, 64), np.uint8), np.full((2160, 64), 255, np.uint8)
    for a, b in ((black, white), (white, black)):
        sums = block_squared_differences(a, b, 1, 2)
        np.testing.assert_array_equal(sums, [[2160 * 32 * 255**2] * 2])


def test_views_with_padded_rows():
    rng = np.random.default_rng(0)
    padded = rng.integers(0, 256, (37, 64), np.uint8)
    padded.flags.writeable = False
    view, reference = padded[:, :51], rng.integers(0, 256, (37, 51), np.uint8)
    expected = twin(view, reference, 10, 10)
    np.testing.assert_array_equal(block_squared_differences(view, reference, 10, 10), expected)


def test_kernels_compile_where_no_folder_can_be_written(monkeypatch):
    def no_folder(*args):
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr("numba.core.dispatcher.Dispatcher.enable_caching", no_folder)
    double = compiled(lambda x: 2 * x)
    assert double(21) == 42


@settings(max_examples=30, deadline=None)
@given(image_pairs())
def test_add_image(pair):
    total = np.full(pair[0].shape, 7, np.int64)
    for image in pair:
        add_image(total, image)
    np.testing.assert_array_equal(total, 7 + pair[0].astype(np.int64) + pair[1])


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), shapes, st.integers(0, 2**32))
def test_the_reference_image_is_the_rounded_mean(n, shape, seed):
    images = np.random.default_rng(seed).integers(0, 256, (n, *shape), np.uint8)
    average = ReferenceImage(*shape)
    for image in images:
        average.add(image)
    mean = average.mean()
    assert mean.dtype == np.uint8
    assert np.abs(mean - images.mean(axis=0)).max() <= 0.5 + 1e-9
