"""Whether the camera moves, on a picture made here and on real fixed cameras."""

from __future__ import annotations

import data
import numpy as np
import pytest

from vqe.planner.motion import camera_motion
from vqe.video.indexing import build_index
from vqe.video.reader import Reader
from vqe.video.strategies import FrameSet

SIDE, BLOCKS, FRAMES = 96, 20, 10
CLIPS = (
    "ahmetozlu_road.mp4",
    "bgslibrary_video02.avi",
    "intel_car-detection.mp4",
    "intel_one-by-one-person.mp4",
    "opencv_vtest.avi",
    "tfl_piccadilly_night_bus.mp4",
    "tfl_tooley_truck.mp4",
)


@pytest.fixture(scope="module")
def panorama():
    """Details of every size, as in nature: float64 (400, 400), about 0 to 255."""
    rng = np.random.default_rng(0)
    frequency = np.hypot(np.fft.fftfreq(400)[:, None], np.fft.rfftfreq(400))
    spectrum = np.fft.rfft2(rng.normal(0, 1, (400, 400))) / np.maximum(frequency, 1 / 400)
    picture = np.fft.irfft2(spectrum, s=(400, 400))
    return 128 + 45 * picture / picture.std()


def filmed(panorama, places, light=None):
    """Pictures from the given places, (n, 2), with noise and an object that walks about."""
    rng = np.random.default_rng(1)
    light = np.ones(len(places)) if light is None else light
    pictures = []
    for i, ((y, x), factor) in enumerate(zip(places, light, strict=True)):
        picture = panorama[y : y + SIDE, x : x + SIDE].copy()
        at = 7 * i % (SIDE - 30)
        picture[40:70, at : at + 20] = 230
        pictures.append(factor * picture + rng.normal(0, 3, picture.shape))
    grey = np.rint(pictures).clip(0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=3), np.arange(len(grey)) // FRAMES


def still(n=BLOCKS * FRAMES):
    return np.full((n, 2), 150)


def test_a_fixed_camera_does_not_move(panorama):
    light = 1 + 0.4 * np.sin(np.arange(BLOCKS * FRAMES) / 9)
    motion = camera_motion(*filmed(panorama, still(), light))
    assert not motion.moves
    assert (motion.pairs, motion.shifted) == (2 * BLOCKS - 1, 0)


@pytest.mark.parametrize("step", [(0, 0.2), (0.1, 1), (3, 3)])
def test_a_pan_is_a_movement(panorama, step):
    way = np.abs((np.arange(BLOCKS * FRAMES)[:, None] * step) % 300 - 150)
    motion = camera_motion(*filmed(panorama, np.rint(50 + way).astype(int)))
    assert motion.moves
    assert "the camera moves" in motion.reason


def test_a_shaken_camera_moves(panorama):
    places = still() + np.random.default_rng(2).integers(-4, 5, (BLOCKS * FRAMES, 2))
    motion = camera_motion(*filmed(panorama, places))
    assert motion.moves
    assert 0.01 < motion.median_shift < 0.12


def test_a_camera_that_was_pushed_twice_is_fixed(panorama):
    places = still()
    places[60:] += (5, -8)
    places[130:] += (4, 4)
    motion = camera_motion(*filmed(panorama, places))
    assert (motion.moves, motion.shifted) == (False, 2)


def test_pictures_without_details_do_not_move():
    blank = np.full((40, SIDE, SIDE, 3), 90, np.uint8)
    assert not camera_motion(blank, np.arange(40) // FRAMES).moves
    noise = np.random.default_rng(0).integers(85, 95, blank.shape).astype(np.uint8)
    assert not camera_motion(noise, np.arange(40) // FRAMES).moves
    assert camera_motion(blank[:1], np.zeros(1, np.int64)).pairs == 0


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("clip", CLIPS)
def test_no_real_fixed_camera_is_called_moving(clip):
    index = build_index(str(data.video(clip)), lambda: None)
    second = index.timestamps_us // 1_000_000
    last = np.flatnonzero(np.diff(second, append=-1))
    wanted = np.unique([*last, 0, *(last[:-1] + 1)])  # the first and last frame of each second
    pictures = [frames.thumbnails(SIDE) for frames in Reader().read(FrameSet().plan(index, wanted))]
    motion = camera_motion(np.concatenate(pictures), second[wanted])
    assert motion.pairs > 3
    assert not motion.moves
