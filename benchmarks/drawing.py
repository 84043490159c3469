"""Drawing the pictures of a time line: real frames, cross-faded, in another light, with noise."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import cast

import av
import numba
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from benchmarks.data import clip_path
from benchmarks.moments import Scene
from benchmarks.timeline import Timeline

ENLARGING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
"""The same on every processor."""

BLACK, NO_COLOUR = 16, 128
"""Where luma and chroma are zero."""

CHROMA_NOISE = 0.5
"""Of the luma's: sensors' colour noise is mostly filtered away."""

DARK_NOISE = 1.5
"""How much noise grows as the light falls: the sensor's gain rises."""

FIELD = 256
"""Rows and columns by which the field of noise is larger than a picture."""


class Clip:
    """A scene's clip in the size of the footage, as planes of 4:2:0: uint8 (3 · height / 2, width).

    Frames are enlarged when they are first asked for, and kept. Safe to use from several threads.
    """

    def __init__(self, scene: Scene, width: int, height: int) -> None:
        self._small = [
            _cropped(image, scene.top, width / height)
            for image in av.open(str(clip_path(scene.clip))).decode(video=0)
        ]
        self._size = width, height
        self._large: dict[int, NDArray[np.uint8]] = {}
        self._reformatter = VideoReformatter()
        self._lock = threading.Lock()

    def __getitem__(self, number: int) -> NDArray[np.uint8]:
        with self._lock:
            if number not in self._large:
                width, height = self._size
                large = self._reformatter.reformat(
                    self._small[number], width=width, height=height, interpolation=ENLARGING
                )
                self._large[number] = cast("NDArray[np.uint8]", large.to_ndarray())
            return self._large[number]

    def rgb(self, number: int) -> NDArray[np.uint8]:
        """The same in colour, uint8 (height, width, 3)."""
        image = av.VideoFrame.from_ndarray(self[number], format="yuv420p")
        return cast("NDArray[np.uint8]", image.to_ndarray(format="rgb24"))


class Drawing:
    """The pictures of a time line; `noise`: standard deviation of the sensor's in grey values.

    The arithmetic is in integers, so that all machines draw the same pictures.
    """

    def __init__(self, clip: Clip, timeline: Timeline, noise: float, seed: int) -> None:
        self.clip, self.timeline = clip, timeline
        rng = np.random.default_rng([seed, 1])
        rows, width = clip[0].shape
        self.height = rows * 2 // 3
        field = rng.normal(0, 256, (rows + FIELD, width + FIELD))
        self.field = np.rint(field).astype(np.int16)
        self.places = rng.integers(0, FIELD, (len(timeline), 2))
        self.gains = np.rint(timeline.light * 4096).astype(np.int64)
        dark = (1 - timeline.light).clip(0)
        self.strengths = np.rint(256 * noise * (1 + DARK_NOISE * dark)).astype(np.int64)

    def pictures(self, start: int, stop: int) -> Iterator[NDArray[np.uint8]]:
        """Those numbered [start, stop), planes of 4:2:0: uint8 (3 · height / 2, width)."""
        for i in range(start, stop):
            picture = _shown(self.clip, self.timeline, i)
            y, x = self.places[i]
            noise = self.field[y : y + picture.shape[0], x : x + picture.shape[1]]
            strength, gain = int(self.strengths[i]), int(self.gains[i])
            out = np.empty_like(picture)
            for part, zero, much in (
                (slice(0, self.height), BLACK, strength),
                (slice(self.height, None), NO_COLOUR, int(strength * CHROMA_NOISE)),
            ):
                _expose(picture[part], noise[part], out[part], (gain, zero, much))
            yield out


def _shown(clip: Clip, timeline: Timeline, i: int) -> NDArray[np.uint8]:
    """What the camera would see in full light and without noise."""
    picture = clip[int(timeline.source[i])]
    if timeline.fading[i] >= 0:
        picture = _blend(picture, clip[int(timeline.fading[i])], int(timeline.weight[i]))
    if timeline.shift[i].any():
        picture = _shifted(picture, *timeline.shift[i].tolist())
    return picture


def _cropped(image: av.VideoFrame, top: float, shape: float) -> av.VideoFrame:
    """The part of a frame that has the footage's shape, in 4:2:0."""
    planes = image.to_ndarray(format="yuv420p")
    full_height, full_width = image.height, image.width
    width = 2 * int(min(full_width, full_height * shape) / 2)
    height = 4 * int(min(full_height, full_width / shape) / 4)
    left = 2 * int((full_width - width) / 4)
    above = 2 * int((full_height - height) * top / 2)
    luma = planes[:full_height][above : above + height, left : left + width]
    chroma = planes[full_height:].reshape(2, full_height // 2, full_width // 2)
    chroma = chroma[:, above // 2 : (above + height) // 2, left // 2 : (left + width) // 2]
    both = np.concatenate([luma, chroma.reshape(height // 2, width)])
    return av.VideoFrame.from_ndarray(both, format="yuv420p")


def _shifted(planes: NDArray[np.uint8], right: int, down: int) -> NDArray[np.uint8]:
    """The picture moved by even numbers of pixels; what comes into view repeats the border."""
    rows, width = planes.shape
    height = rows * 2 // 3
    chroma = planes[height:].reshape(2, height // 2, width // 2)
    y, x = np.arange(height) - down, np.arange(width) - right
    luma = planes[:height][y.clip(0, height - 1)][:, x.clip(0, width - 1)]
    y, x = np.arange(height // 2) - down // 2, np.arange(width // 2) - right // 2
    chroma = chroma[:, y.clip(0, height // 2 - 1)][:, :, x.clip(0, width // 2 - 1)]
    return np.concatenate([luma, chroma.reshape(height // 2, width)])


@numba.njit(nogil=True, cache=True)
def _blend(
    new: NDArray[np.uint8], old: NDArray[np.uint8], weight: int
) -> NDArray[np.uint8]:  # pragma: no cover
    """`weight` 256ths of `new`, the rest of `old`."""
    out = np.empty_like(new)
    w = np.int32(weight)
    for y in range(new.shape[0]):
        for x in range(new.shape[1]):
            out[y, x] = (new[y, x] * w + old[y, x] * (256 - w) + 128) >> 8
    return out


@numba.njit(nogil=True, cache=True)
def _expose(
    picture: NDArray[np.uint8],
    noise: NDArray[np.int16],
    out: NDArray[np.uint8],
    how: tuple[int, int, int],
) -> None:  # pragma: no cover
    """With `how` (gain, zero, strength): the distance from `zero` times gain / 4096, plus the noise
    times strength / 65536."""
    g, z, s = np.int32(how[0]), np.int32(how[1]), np.int32(how[2])
    for y in range(picture.shape[0]):
        for x in range(picture.shape[1]):
            value = z + (((np.int32(picture[y, x]) - z) * g + 2048) >> 12)
            value += (np.int32(noise[y, x]) * s + 32768) >> 16
            out[y, x] = min(max(value, 0), 255)  # type: ignore[assignment]
