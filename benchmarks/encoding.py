"""Writing videos with x264, as cameras and archives do."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from numpy.typing import NDArray


@dataclass(frozen=True)
class Profile:
    """How x264 encodes: `kilobits` a second where the rate is constant, else constant quality.

    `threads` is the encoder's own; None leaves it to x264. With more than one the file depends on
    the machine: what the rate control knows when it begins a frame is a matter of time.
    """

    gop: int
    b_frames: int = 0
    kilobits: int | None = None
    crf: int = 23
    preset: str = "veryfast"
    threads: int | None = None

    @property
    def options(self) -> dict[str, str]:
        """For the encoder."""
        params = f"scenecut=0:bframes={self.b_frames}:b-pyramid=normal:keyint={self.gop}"
        if self.kilobits is None:
            return {"preset": self.preset, "crf": str(self.crf), "x264-params": params}
        params += f":vbv-maxrate={self.kilobits}:vbv-bufsize={self.kilobits}"
        return {"preset": self.preset, "x264-params": params}


def encode(
    container: OutputContainer, pictures: Iterable[NDArray[np.uint8]], fps: Fraction, how: Profile
) -> None:
    """Encodes pictures of one size, the planes of 4:2:0 below one another: uint8 (3 · H / 2, W)."""
    output = None
    for number, planes in enumerate(pictures):
        picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        picture.pts, picture.time_base = number, 1 / fps
        if output is None:
            output = container.add_stream("libx264", rate=fps)
            output.width, output.height, output.pix_fmt = picture.width, picture.height, "yuv420p"
            if how.kilobits is not None:
                output.bit_rate = 1000 * how.kilobits
            output.codec_context.gop_size = how.gop
            output.codec_context.max_b_frames = how.b_frames
            output.codec_context.thread_type = "FRAME"
            if how.threads is not None:
                output.codec_context.thread_count = how.threads
            output.codec_context.options = how.options
        container.mux(output.encode(picture))
    if output is not None:
        container.mux(output.encode())


def encode_pieces(
    container: OutputContainer,
    pieces: Sequence[Callable[[], Iterable[NDArray[np.uint8]]]],
    fps: Fraction,
    how: Profile,
) -> None:
    """Encodes pieces of a video side by side, each by an encoder of its own, and joins them.

    With one thread an encoder, the result is the same on every machine, and yet no core idles.
    """
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as pool:
        ahead: deque[Future[BytesIO]] = deque()
        joined = _Joined(container, fps)
        for piece in pieces:
            ahead.append(pool.submit(_encoded, piece, fps, how))
            if len(ahead) > 2 * cores:
                joined.add(ahead.popleft().result())
        while ahead:
            joined.add(ahead.popleft().result())


def _encoded(
    piece: Callable[[], Iterable[NDArray[np.uint8]]], fps: Fraction, how: Profile
) -> BytesIO:
    memory = BytesIO()
    with av.open(memory, "w", format="mp4") as container:
        encode(container, piece(), fps, how)
    memory.seek(0)
    return memory


class _Joined:
    """Videos of the same encoder settings, one after the other in one container."""

    def __init__(self, container: OutputContainer, fps: Fraction) -> None:
        self.container, self.fps = container, fps
        self.output: av.VideoStream | None = None
        self.frames = 0

    def add(self, piece: BytesIO) -> None:
        """Puts the packets of a piece behind those that are there."""
        with av.open(piece, "r") as source:
            stream = source.streams.video[0]
            if self.output is None:
                self.output = self.container.add_stream_from_template(stream)
            tick = stream.time_base or Fraction(1)
            begin = round(self.frames / self.fps / tick)
            for packet in source.demux(stream):
                if packet.size:
                    packet.pts = (packet.pts or 0) + begin
                    packet.dts = (packet.dts or 0) + begin
                    packet.stream = self.output
                    self.container.mux(packet)
                    self.frames += 1


@contextmanager
def written(path: Path) -> Iterator[OutputContainer]:
    """A container that gets its name only once it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{os.getpid()}-{path.name}")
    try:
        with av.open(str(part), "w") as container:
            yield container
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
