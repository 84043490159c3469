"""Videos as a fixed camera makes them, generated once and kept in the system's temporary folder.

A textured scene, sensor noise and some objects that cross it, encoded by x264. Longer files repeat
the packets of shorter ones, so that an hour is made in seconds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from numpy.typing import NDArray

from benchmarks.encoding import Profile, encode, written

FPS = 30
FOLDER = Path(tempfile.gettempdir()) / "vqe-benchmarks"
VERSION = 1  # part of the names: to be raised when the pictures or the encoding change


@dataclass(frozen=True)
class Stream:
    """How a video is drawn and encoded; `kilobits` a second where the rate is constant, else crf.

    `noise` is the standard deviation of the sensor's, in grey values.
    """

    name: str
    width: int = 1280
    height: int = 720
    frames: int = 600
    gop: int = 60
    b_frames: int = 0
    kilobits: int | None = None
    crf: int = 23
    noise: float = 2.5
    objects: int = 4
    preset: str = "veryfast"
    quiet: bool = False

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return FOLDER / f"{self.name}-{self.frames}-{self.gop}-v{VERSION}.mp4".replace(" ", "-")

    @property
    def profile(self) -> Profile:
        """How it is encoded."""
        return Profile(self.gop, self.b_frames, self.kilobits, self.crf, self.preset)

    def shortened(self, frames: int, gop: int) -> Stream:
        """The same scene in fewer frames and shorter groups of pictures."""
        return replace(self, frames=min(frames, self.frames), gop=min(gop, self.gop))


STREAMS = (
    Stream("720p camera", kilobits=2500),
    Stream("720p B-frames", frames=1000, gop=250, b_frames=3),
    Stream("720p quiet", frames=1000, gop=250, crf=28, noise=1.0, objects=2, quiet=True),
    Stream("1080p camera", 1920, 1080, kilobits=4500),
)
LONG = Stream("720p long", frames=300, crf=30, noise=0.0, objects=1, preset="ultrafast")
"""Cheap to decode: for files of an hour."""
TINY = Stream("tiny", 64, 48, frames=250, gop=250, b_frames=2, noise=0.0, objects=1)
"""Cheap to store: for files of ten hours."""


def make(stream: Stream) -> Path:
    """Encodes a stream unless it is there already."""
    if not stream.path.exists():
        with written(stream.path) as container:
            encode(container, _draw(stream), Fraction(FPS), stream.profile)
    return stream.path


def repeated(stream: Stream, frames: int, suffix: str = ".mp4") -> Path:
    """A file of that many frames, of the same packets again and again."""
    source = make(stream)
    target = source.with_name(f"{source.stem}-x{frames}{suffix}")
    if not target.exists():
        with written(target) as container:
            _repeat(source, container, frames // stream.frames)
    return target


def _repeat(source: Path, container: OutputContainer, times: int) -> None:
    with av.open(str(source)) as original:
        stream = original.streams.video[0]
        output = container.add_stream_from_template(stream)
        contents = [
            (bytes(packet), packet.pts or 0, packet.dts or 0, packet.is_keyframe)
            for packet in original.demux(stream)
            if packet.size
        ]
        tick = stream.time_base or Fraction(1)
        length = round(len(contents) / FPS / tick)
        for i in range(times):
            for content, pts, dts, key in contents:
                packet = av.Packet(content)
                packet.pts, packet.dts = pts + i * length, dts + i * length
                packet.time_base, packet.stream, packet.is_keyframe = tick, output, key
                container.mux(packet)


def _draw(stream: Stream) -> Iterator[NDArray[np.uint8]]:
    """The planes of each frame below one another, uint8 (3 · height / 2, width)."""
    rng = np.random.default_rng(11)
    width, height = stream.width, stream.height
    scene = sum(_texture(rng, height, width, grain, 20) for grain in (4, 16, 64)) + 110
    # Drawing noise takes longer than encoding it: each frame has some piece of a larger field.
    field = np.rint(rng.normal(0, stream.noise, (height + 64, width + 64))).astype(np.int16)
    chroma = _texture(rng, height // 2, width, 32, 12) + 128
    size = (height // 5, width // 8)
    things = [_texture(rng, *size, 8, 45) + rng.integers(90, 190) for _ in range(stream.objects)]
    speeds = rng.integers(2, 9, stream.objects)
    for number in range(stream.frames):
        y, x = rng.integers(64, size=2)
        luma = scene + field[y : y + height, x : x + width]
        for i, (thing, speed) in enumerate(zip(things, speeds, strict=True)):
            way = (number * speed + 200 * i) % (width + size[1]) - size[1]
            top = height // 8 + i * height // 6
            left, right = max(way, 0), min(way + size[1], width)
            luma[top : top + size[0], left:right] = thing[:, left - way : right - way]
        yield np.concatenate([luma, chroma]).clip(0, 255).astype(np.uint8)


def _texture(
    rng: np.random.Generator, height: int, width: int, grain: int, contrast: int
) -> NDArray[np.int16]:
    """Squares of `grain` pixels, of random brightness around 0, int16 (height, width)."""
    shape = (height // grain + 1, width // grain + 1)
    coarse = rng.integers(-contrast, contrast, shape).astype(np.int16)
    return coarse.repeat(grain, axis=0).repeat(grain, axis=1)[:height, :width]
