"""Small fixed-camera clips whose frames carry their number, and a detector that can read it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # (H, W, 3), RGB

BITS, BLOCK = 16, 8
"""The frame number, highest bit first, as two rows of dark and light squares in the corner; a
ninth square in the first row is always light, and one in the second always dark."""

DARK, LIGHT = 60, 140  # apart enough for any codec, near enough not to outshine the objects

LABELS = ("bus", "truck", "cat")
COLOURS = {"bus": (250, 190, 180), "truck": (180, 190, 250), "cat": (240, 240, 90)}


PARAMS = {
    "libx264": ("x264-params", "scenecut=0:b-adapt=0:threads=2"),
    "libx265": ("x265-params", "log-level=error:scenecut=0:b-adapt=0:open-gop=0:pools=2"),
}
"""What make_clip tells the encoders that have a language of their own: key frames and B-frames come
where they were asked for."""


@dataclass(frozen=True)
class Visit:
    """An object of `label` in the frames [start, stop), which walks `pace` pixels a frame."""

    start: int
    stop: int
    label: str = "bus"
    pace: int = 3

    def box(self, frame: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Where it is: x0, y0, x1, y1; it walks to and fro below the number."""
        width, height = size
        w, h = width // 4, height // 3
        way = width - w
        x = abs((self.pace * (frame - self.start)) % (2 * way) - way)
        y = 2 * BLOCK + (height - 2 * BLOCK - h) // 2
        return x, y, x + w, y + h


@dataclass(frozen=True)
class Clip:
    """A file, and what was drawn into it.

    `pts` counts from the first frame, in 1/1000 s; `negative`: frames [start, stop) whose picture
    is a negative, but for the number; `pan`: pixels by which the wall passes, to and fro, per
    frame.
    """

    path: Path
    frames: int
    fps: int
    size: tuple[int, int]
    visits: tuple[Visit, ...]
    milliseconds: tuple[int, ...]
    negative: tuple[tuple[int, int], ...] = ()
    pan: int = 0

    @property
    def sql(self) -> str:
        """The path as a SQL string."""
        return "'" + str(self.path).replace("'", "''") + "'"

    def present(self, label: str) -> NDArray[np.bool_]:
        """Which frames show an object of `label`, bool (N,)."""
        present = np.zeros(self.frames, np.bool_)
        for visit in self.visits:
            if visit.label == label:
                present[visit.start : visit.stop] = True
        return present


def make_clip(
    path: Path,
    frames: int = 60,
    *,
    fps: int = 10,
    size: tuple[int, int] = (160, 120),
    visits: Sequence[Visit] = (),
    codec: str = "libx264",
    gop: int = 12,
    b_frames: int = 0,
    milliseconds: Sequence[int] | None = None,
    start_ms: int = 0,
    audio: bool = False,
    pix_fmt: str = "yuv420p",
    mux_options: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
    rotation: int = 0,
    negative: Sequence[tuple[int, int]] = (),
    pan: int = 0,
) -> Clip:
    """Encodes a clip; the suffix of `path` chooses the container.

    `milliseconds`: when each frame is shown, for a variable frame rate; `start_ms` is added.
    `options` go to the encoder; its x264-params or x265-params are added to ours, and win.
    `rotation`: degrees by which players are told to turn the picture.
    """
    times = tuple(milliseconds or (1000 * i // fps for i in range(frames)))
    clip = Clip(path, frames, fps, size, tuple(visits), times, tuple(negative), pan)
    with av.open(str(path), "w", options=mux_options or {}) as container:
        stream = container.add_stream(codec, rate=fps)
        context = stream.codec_context
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        # The clocks of AVI and MPEG-2 tick once a frame.
        by_frame = path.suffix == ".avi" or codec == "mpeg2video"
        ticks = Fraction(1, fps) if by_frame else Fraction(1, 1000)
        context.time_base, context.gop_size, context.max_b_frames = ticks, gop, b_frames
        context.thread_type = "FRAME"
        if codec in PARAMS:
            name, params = PARAMS[codec]
            given = dict(options or {})
            params = ":".join([params, f"bframes={b_frames}", *filter(None, [given.pop(name, "")])])
            context.options = {"preset": "veryfast", "crf": "20", name: params, **given}
        else:
            context.options = options or {}
            context.bit_rate = 0 if "crf" in context.options else 2_000_000
        if rotation:
            stream.set_display_rotation(rotation)
        sound = container.add_stream("aac", rate=8000, layout="mono") if audio else None
        for i, image in enumerate(draw(clip)):
            picture = av.VideoFrame.from_ndarray(image, format="rgb24")
            picture.time_base = ticks
            picture.pts = i if by_frame else times[i] + start_ms
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
        if sound is not None:
            _hum(container, sound, seconds=frames / fps)
    return clip


def spoil(path: Path, packets: slice) -> None:
    """Writes zeros over the video packets of a file, numbered in its order."""
    with av.open(str(path)) as container:
        places = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    content = bytearray(path.read_bytes())
    for position, size in places[packets]:
        content[position : position + size] = bytes(size)
    path.write_bytes(content)


def make_sound(path: Path) -> None:
    """A file with an audio stream only."""
    with av.open(str(path), "w") as container:
        _hum(container, container.add_stream("aac", rate=8000, layout="mono"), seconds=1)


def _hum(container, stream, seconds: float) -> None:
    for i in range(int(8000 * seconds) // 1024):
        wave = np.sin(np.arange(1024, dtype=np.float32) * 0.3)[None] * 0.1
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 8000, i * 1024
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def draw(clip: Clip):
    """The frames: a textured wall, sensor noise, visitors, the number."""
    rng = np.random.default_rng(7)
    width, height = clip.size
    walls = 3 if clip.pan else 1
    coarse = rng.integers(70, 130, (height // 8 + 1, walls * width // 8 + 1, 3))
    wall = np.kron(coarse, np.ones((8, 8, 1), np.int64))[:height, : walls * width]
    noise = [np.rint(rng.normal(0, 3, (height, width, 3))).astype(np.int64) for _ in range(8)]
    for frame in range(clip.frames):
        way = (walls - 1) * width
        left = way - abs(clip.pan * frame % (2 * way) - way) if clip.pan else 0
        image = wall[:, left : left + width] + noise[rng.integers(len(noise))]
        for visit in clip.visits:
            if visit.start <= frame < visit.stop:
                x0, y0, x1, y1 = visit.box(frame, clip.size)
                image[y0:y1, x0:x1] = COLOURS[visit.label]
        if any(start <= frame < stop for start, stop in clip.negative):
            image = 200 - image
        write_number(image, frame)
        yield image.clip(0, 255).astype(np.uint8)


def write_number(image: NDArray[np.int64], number: int) -> None:
    """Draws the number into the corner."""
    bits = [number >> i & 1 for i in reversed(range(BITS))]
    for row, squares in enumerate(([*bits[:8], 1], [*bits[8:], 0])):
        for column, bit in enumerate(squares):
            y, x = row * BLOCK, column * BLOCK
            image[y : y + BLOCK, x : x + BLOCK] = LIGHT if bit else DARK


def read_number(image: NDArray[np.uint8]) -> int:
    """The number in the corner of an RGB or grey picture; -1 where it cannot be read."""
    grey = image.reshape(*image.shape[:2], -1).mean(axis=2)[: 2 * BLOCK, : 9 * BLOCK]
    # The inner pixels of each square: encoding blurs its rim.
    inner = grey.reshape(2, BLOCK, 9, BLOCK)[:, 2:-2, :, 2:-2].mean(axis=(1, 3))
    if inner[0, 8] < 115 or inner[1, 8] > 85:
        return -1
    number = 0
    for bit in (inner[:, :8] > 100).ravel():
        number = number << 1 | int(bit)
    return number


class Oracle:
    """A callable reference network: reads the number of each frame and knows who was there.

    `frames_seen` lists what it was asked about; `seconds` is what a frame takes.
    """

    labels = LABELS

    def __init__(self, clip: Clip, fingerprint: str | None = None, seconds: float = 0.0) -> None:
        self.clip = clip
        self.seconds = seconds
        self.frames_seen: list[int] = []
        self._lock = threading.Lock()
        if fingerprint is not None:
            self.fingerprint = fingerprint

    def __call__(self, frames: NDArray[np.uint8]) -> list[list[tuple[object, ...]]]:
        time.sleep(self.seconds * len(frames))
        numbers = [read_number(frame) for frame in frames]
        with self._lock:
            self.frames_seen += numbers
        return [self.detections(number) for number in numbers]

    def detections(self, number: int) -> list[tuple[object, ...]]:
        """(label, score, x0, y0, x1, y1) of each object in frame `number`; a shadow of a cat with
        a score of 0.2 is always there."""
        present = [visit for visit in self.clip.visits if visit.start <= number < visit.stop]
        found = [
            (v.label, score_of(number), *map(float, v.box(number, self.clip.size))) for v in present
        ]
        return [*found, ("cat", 0.2, 0.0, 0.0, 20.0, 20.0)]


def score_of(number: int) -> float:
    """The score of an object in frame `number`: from 0.5 to 0.98."""
    return 0.5 + number % 25 / 50
