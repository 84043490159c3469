"""Which frames a video has: ordinals, timestamps and key frames, read without decoding."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from vqe.errors import VideoError, VideoNotFoundError


@dataclass(frozen=True)
class VideoIndex:
    """N frames in presentation order; the position in the arrays is the ordinal.

    `pts`: int64 (N,), ascending, in `time_base`; `timestamps_us`: int64 (N,), microseconds from
    the first frame; `keyframe`: bool (N,); `key_dts`: int64 (N,), decoding timestamp where
    `keyframe`, else 0. `seekable` is False where the container does not know presentation times
    (AVI with B-frames): such a file is only ever decoded from its start.
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

    @property
    def duration_us(self) -> int:
        """Timestamp of the last frame plus one average frame."""
        return int(self.timestamps_us[-1] + self.mean_frame_us)

    @property
    def mean_frame_us(self) -> float:
        """Average distance between two frames, in microseconds."""
        return float(self.timestamps_us[-1]) / max(len(self) - 1, 1) or 1e6

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
        # AVI stores no presentation times; the demuxer guesses them, wrongly with B-frames.
        seekable = container.format.name != "avi" or bool((pts == dts).all())
    order = np.argsort(pts, kind="stable")
    pts, dts, key = pts[order], dts[order], key[order]
    if seekable and (np.diff(pts) <= 0).any():
        seekable = False  # two frames share a time: it cannot tell them apart
    # Python integers: pts × numerator can leave int64 for exotic time bases.
    scale = time_base * 1_000_000
    since_start = pts - pts[0]
    if scale.denominator == 1:
        timestamps_us = since_start * scale.numerator
    else:
        timestamps_us = np.rint(since_start * float(scale)).astype(np.int64)
    return VideoIndex(
        path=path,
        width=context.width,
        height=context.height,
        time_base=time_base,
        pts=pts,
        timestamps_us=timestamps_us,
        keyframe=key,
        key_dts=np.where(key, dts, 0),
        seekable=seekable,
    )


def _read_packets(
    container: InputContainer,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """pts, dts and key frame flag of each displayable packet, in the order of the file."""
    is_avi = container.format.name == "avi"
    pts: list[int] = []
    dts: list[int] = []
    key: list[bool] = []
    try:
        for packet in container.demux(container.streams.video[0]):
            if packet.size <= (1 if is_avi else 0) or packet.is_discard:
                continue
            # Raw streams have no times at all: the rank in the file stands in for them.
            time = packet.pts if packet.pts is not None else packet.dts
            pts.append(len(pts) if time is None else time)
            dts.append(pts[-1] if packet.dts is None else packet.dts)
            key.append(packet.is_keyframe)
    except av.error.FFmpegError:
        pass  # a cut file: what could be read is the video, the rest never had an ordinal
    return np.array(pts, np.int64), np.array(dts, np.int64), np.array(key, np.bool_)
