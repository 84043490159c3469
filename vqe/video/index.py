"""Which frames a video has: ordinals, timestamps and key frames, read without decoding."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from vqe.errors import VideoError, VideoNotFoundError

RAW_FPS = Fraction(25)
"""The rate of a raw stream that does not tell its own, as FFmpeg has it."""

NO_TIME = np.iinfo(np.int64).min
"""Stands for a time that a packet does not carry, as in FFmpeg."""


@dataclass(frozen=True)
class VideoIndex:
    """N frames in presentation order; the position in the arrays is the ordinal.

    `pts`: int64 (N,), ascending, in `time_base`; `timestamps_us`: int64 (N,), microseconds from
    the first frame; `keyframe`: bool (N,); `key_dts`: int64 (N,), decoding timestamp where
    `keyframe`, else 0. `seekable` is False where the file does not know presentation times (AVI
    with B-frames, raw streams): such a file is only ever decoded from its start.
    """

    path: str
    width: int
    height: int
    time_base: Fraction
    pts: NDArray[np.int64]
    timestamps_us: NDArray[np.int64]
    keyframe: NDArray[np.bool_]
    key_dts: NDArray[np.int64]
    seekable: bool

    def __len__(self) -> int:
        return len(self.pts)

    @cached_property
    def entries(self) -> NDArray[np.int64]:
        """Ordinals at which decoding can begin, ascending: key frames, or the start alone."""
        return np.flatnonzero(self.keyframe) if self.seekable else np.zeros(1, np.int64)

    def entry_before(self, ordinal: int) -> int:
        """The last entry at or before `ordinal`; 0 where there is none."""
        at = int(np.searchsorted(self.entries, ordinal, side="right"))
        return int(self.entries[at - 1]) if at else 0

    def frames_between(self, start_us: int, stop_us: int | None) -> tuple[int, int]:
        """Ordinals [start, stop) of the frames with start_us <= timestamp < stop_us."""
        start = int(np.searchsorted(self.timestamps_us, start_us))
        stop = len(self) if stop_us is None else int(np.searchsorted(self.timestamps_us, stop_us))
        return start, max(start, stop)


@contextmanager
def open_video(path: str) -> Iterator[InputContainer]:
    """The container at `path`, checked to hold a video stream; closed on exit."""
    if not os.path.exists(path):
        raise VideoNotFoundError(f"no such file: '{path}'")
    if os.path.isdir(path):
        raise VideoError(f"'{path}' is a folder, not a video")
    try:
        container = av.open(path)
    except av.error.FFmpegError as error:
        raise VideoError(f"'{path}' is not a video that can be read ({error.strerror})") from error
    with container:
        if container.format.name == "tty":  # FFmpeg draws any .txt as a film of letters
            raise VideoError(f"'{path}' is not a video that can be read (it holds text)")
        if not container.streams.video:
            kinds = " and ".join(sorted({stream.type for stream in container.streams})) or "no"
            raise VideoError(f"'{path}' has no video stream, only {kinds} streams")
        yield container


def video_size(path: str) -> tuple[int, int]:
    """Width and height in pixels; raises VideoError where `path` is not a video."""
    with open_video(path) as container:
        stream = container.streams.video[0]
        return stream.codec_context.width, stream.codec_context.height


def build_index(path: str) -> VideoIndex:
    """Reads every packet's header once, without decoding.

    Frames that the container hides (edit lists) and empty packets (AVI marks a repeated frame with
    one byte or none) are not displayable and get no ordinal.
    """
    with open_video(path) as container:
        stream = container.streams.video[0]
        pts, dts, key = _read_packets(container)
        if not len(pts):
            raise VideoError(f"'{path}' has a video stream without frames")
        context = stream.codec_context
        time_base = stream.time_base or Fraction(1, 1_000_000)
        pts = np.where(pts == NO_TIME, dts, pts)
        timed = bool((pts != NO_TIME).all())
        if not timed:  # a raw stream: its frames come in the order of the file, at an even rate
            ticks = 1 / ((stream.average_rate or RAW_FPS) * time_base)
            pts = np.rint(np.arange(len(pts)) * float(ticks)).astype(np.int64)
        dts = np.where(dts == NO_TIME, pts, dts)
        # AVI stores no presentation times; the demuxer guesses them, wrongly with B-frames.
        seekable = timed and (container.format.name != "avi" or bool((pts == dts).all()))
    order = np.argsort(pts, kind="stable")
    pts, dts, key = pts[order], dts[order], key[order]
    if seekable and (np.diff(pts) <= 0).any():
        seekable = False  # two frames share a time: it cannot tell them apart
    # float64 is exact to the microsecond for 285 years.
    since_start_us = (pts - pts[0]) * float(time_base * 1_000_000)
    return VideoIndex(
        path=path,
        width=context.width,
        height=context.height,
        time_base=time_base,
        pts=pts,
        timestamps_us=np.rint(since_start_us).astype(np.int64),
        keyframe=key,
        key_dts=np.where(key, dts, 0),
        seekable=seekable,
    )


def _read_packets(
    container: InputContainer,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """pts, dts (or NO_TIME) and key frame flag of each displayable packet, in the file's order."""
    empty = 1 if container.format.name == "avi" else 0
    pts, dts, key = array("q"), array("q"), array("b")
    try:
        for packet in container.demux(container.streams.video[0]):
            if packet.size <= empty or packet.is_discard:
                continue
            pts.append(NO_TIME if packet.pts is None else packet.pts)
            dts.append(NO_TIME if packet.dts is None else packet.dts)
            key.append(packet.is_keyframe)
    except av.error.FFmpegError:
        pass  # a cut file: what could be read is the video, the rest never had an ordinal
    return np.array(pts), np.array(dts), np.array(key, np.bool_)
