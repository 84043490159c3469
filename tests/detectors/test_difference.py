"""Difference detectors on frames of a clip."""

from __future__ import annotations

import av
import numpy as np
import pytest
from clips import Visit, make_clip

from vqe.detectors.difference import (
    DETECTORS,
    GRID,
    GlobalMse,
    ReferenceImage,
    block_differences,
)
from vqe.video.frames import FrameBatch
from vqe.video.indexing import build_index
from vqe.video.reader import Reader
from vqe.video.strategies import EveryFrame


def grey(array):
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(array), format="gray")


def batch_of(arrays):
    return FrameBatch(np.arange(len(arrays)), tuple(map(grey, arrays)), 0)


@pytest.mark.parametrize("shape", [(120, 160), (113, 151), (10, 10), (7, 23), (3, 4)])
def test_block_differences_are_means_over_blocks(shape):
    rng = np.random.default_rng(1)
    frames = rng.integers(0, 256, (3, *shape), np.uint8)
    reference = rng.integers(0, 256, shape, np.uint8)
    out = block_differences(batch_of(frames), reference)
    assert out.shape == (3, GRID[0] * GRID[1])
    squares = (frames.astype(float) - reference) ** 2
    for i in range(GRID[0]):
        for j in range(GRID[1]):
            rows = slice(i * shape[0] // GRID[0], (i + 1) * shape[0] // GRID[0])
            columns = slice(j * shape[1] // GRID[1], (j + 1) * shape[1] // GRID[1])
            block = squares[:, rows, columns]
            expected = block.mean((1, 2)) if block.size else np.zeros(3)
            np.testing.assert_allclose(out[:, i * GRID[1] + j], expected)


def test_no_frames():
    assert block_differences(batch_of([]), np.zeros((20, 20), np.uint8)).shape == (0, 400)


@pytest.mark.parametrize("shape", [(20, 21), (21, 20), (30, 30), (10, 10)])
def test_a_frame_of_another_size_reaches_no_kernel(shape):
    """The kernels check no index: a larger frame would be read or written out of bounds."""
    frame, reference = np.zeros(shape, np.uint8), np.zeros((20, 20), np.uint8)
    with pytest.raises(AssertionError):
        block_differences(batch_of([frame]), reference)
    with pytest.raises(AssertionError):
        ReferenceImage(20, 20).add(frame)


def test_global_mse_grows_with_the_difference():
    reference = np.full((50, 50), 100, np.uint8)
    frames = [np.full((50, 50), 100 + step, np.uint8) for step in (0, 1, 5, 50)]
    distance = GlobalMse().distance(block_differences(batch_of(frames), reference))
    np.testing.assert_allclose(distance, np.log1p([0, 1, 25, 2500]))


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    """Block differences of every frame of a clip, and the truth."""
    visits = [Visit(30, 55), Visit(80, 100), Visit(120, 150)]
    clip = make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", 200, visits=visits)
    present = clip.present("bus")
    average = ReferenceImage(120, 160)
    index = build_index(str(clip.path))
    batches = list(Reader().read(EveryFrame().plan(index, np.arange(200))))
    for batch in batches:
        for row, ordinal in enumerate(batch.ordinals.tolist()):
            if not present[ordinal] and ordinal < 100:
                average.add(batch.luma(row))
    reference = average.mean()
    return np.concatenate([block_differences(batch, reference) for batch in batches]), present


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_trained_on_one_half_separates_the_other(evidence, name):
    blocks, present = evidence
    detector = DETECTORS[name](blocks[:100], present[:100])
    assert detector.name == name
    distance = detector.distance(blocks[100:])
    assert distance.shape == (100,)
    assert distance[present[100:]].min() > distance[~present[100:]].max()


def test_blocked_mse_ignores_what_changes_without_meaning():
    """A corner flickers wildly; the object changes the middle a little."""
    rng = np.random.default_rng(2)
    present = rng.random(400) < 0.3
    blocks = rng.exponential(1.0, (400, 400))
    blocks[:, :10] = rng.exponential(500.0, (400, 10))
    blocks[present, 44:46] += 12
    blocked = DETECTORS["blocked mse 10×10"](blocks[:200], present[:200]).distance(blocks[200:])
    plain = DETECTORS["mse"](blocks[:200], present[:200]).distance(blocks[200:])
    assert separation(blocked, present[200:]) > 0.99
    assert separation(plain, present[200:]) < 0.8


def separation(distance, present):
    """Share of (present, absent) pairs in the right order."""
    return float((distance[present][:, None] > distance[~present]).mean())
