from __future__ import annotations

import av
import numpy as np
import pytest

from vqe.detectors.kernels import block_moments, median_moments
from vqe.detectors.look import ASPECTS, LookMeasure
from vqe.video.frames import FrameBatch

HEIGHT, WIDTH = 180, 240
BRIGHTNESS, CONTRAST, VIEW = range(len(ASPECTS))


def scene(seed=0):
    """A picture with details of several sizes, float64 (H, W), from 40 to 200."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((HEIGHT, WIDTH))
    for size in (4, 12, 60):
        tiles = rng.normal(0, 20, (HEIGHT // size + 1, WIDTH // size + 1))
        picture += np.kron(tiles, np.ones((size, size)))[:HEIGHT, :WIDTH]
    return (picture + 110).clip(40, 200)


def noisy(picture, seed=1):
    noise = np.random.default_rng(seed).normal(0, 2, picture.shape)
    return np.rint(picture + noise).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def measure():
    return LookMeasure(np.rint(scene()).astype(np.uint8))


def look(measure, picture):
    return measure.looks([noisy(picture)])[0]


def test_noise_changes_nothing(measure):
    looks = measure.looks(noisy(scene(), seed) for seed in range(5))
    assert np.ptp(looks, axis=0).max() < 0.02


def test_an_object_changes_little(measure):
    picture = scene()
    picture[40:140, 20:110] = 230
    assert np.abs(look(measure, picture) - look(measure, scene())).max() < 0.1


def test_less_light_is_darker_and_has_less_contrast_in_the_same_view(measure):
    change = look(measure, 0.6 * scene()) - look(measure, scene())
    assert change[BRIGHTNESS] == pytest.approx(np.log(0.6), abs=0.05)
    assert change[CONTRAST] == pytest.approx(np.log(0.6), abs=0.1)
    assert abs(change[VIEW]) < 0.3


def test_a_push_changes_the_view_alone(measure):
    change = look(measure, np.roll(scene(), (2, 4), (0, 1))) - look(measure, scene())
    assert abs(change[BRIGHTNESS]) < 0.05
    assert change[VIEW] > 1


def test_fog_takes_the_contrast(measure):
    change = look(measure, 0.3 * scene() + 0.7 * scene().mean()) - look(measure, scene())
    assert change[CONTRAST] < -0.8
    assert abs(change[BRIGHTNESS]) < 0.1


def test_frames_are_measured_by_their_luma(measure):
    picture = av.VideoFrame.from_ndarray(noisy(scene()), format="gray")
    frames = FrameBatch(np.arange(3), (picture,) * 3, segment=0)
    looks = measure(frames, [0, 2])
    assert looks.shape == (2, 3)
    assert looks[1] == pytest.approx(look(measure, scene()))
    assert measure(frames, []).shape == (0, 3)


@pytest.mark.parametrize(("height", "width"), [(100, 130), (97, 61), (8, 300)])
def test_the_kernel_sums_every_so_manieth_row_of_each_block(height, width):
    rng = np.random.default_rng(0)
    image, other = (rng.integers(0, 256, (height, width), np.uint8) for _ in range(2))
    rows, columns, step = 4, 5, 3
    expected = np.zeros((3, rows, columns), np.int64)
    for i in range(rows):
        lines = slice(i * height // rows, (i + 1) * height // rows, step)
        for j in range(columns):
            part = slice(j * width // columns, (j + 1) * width // columns)
            x, r = (plane[lines, part].astype(np.int64) for plane in (image, other))
            expected[:, i, j] = x.sum(), (x * x).sum(), (x * r).sum()
    assert (block_moments(image, other, rows, columns, step) == expected).all()


@pytest.mark.parametrize("blocks", [7, 100])
def test_the_kernel_takes_medians_over_the_blocks(blocks):
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (3, blocks, 50))
    reference = rng.integers(0, 256, (blocks, 50))
    pictures[1] = reference
    pictures[2] = 0
    moments = np.stack(
        [pictures.sum(axis=2), (pictures**2).sum(axis=2), (pictures * reference).sum(axis=2)], 1
    )
    of_reference = np.stack([reference.mean(axis=1), reference.std(axis=1)])
    textured = rng.random(blocks) < 0.5
    found = median_moments(moments, np.full(blocks, 50), of_reference, textured, (8.0, 2.0))
    brightness = np.log((pictures.mean(axis=2) + 8) / (reference.mean(axis=1) + 8))
    contrast = np.log((pictures.std(axis=2) + 2) / (reference.std(axis=1) + 2))
    together = (pictures * reference).mean(axis=2) - pictures.mean(axis=2) * reference.mean(axis=1)
    apart = np.maximum(pictures.std(axis=2) * reference.std(axis=1), 1e-9)
    correlation = (np.maximum(together, 0) / apart)[:, textured]
    expected = [np.median(values, axis=1) for values in (brightness, contrast, correlation)]
    assert found == pytest.approx(np.stack(expected, axis=1), abs=1e-6)
    assert found[1] == pytest.approx([0, 0, 1])
