"""Opening video files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import av
from av.container import InputContainer

from vqe.errors import VideoError, VideoNotFoundError


@contextmanager
def open_video(path: str) -> Iterator[InputContainer]:
    """The container at `path`, checked to hold a video stream; closed on exit."""
    if not os.path.exists(path):
        raise VideoNotFoundError(f"no such file: '{path}'")
    if os.path.isdir(path):
        raise VideoError(f"'{path}' is a folder, not a video")
    try:
        container = av.open(path, metadata_errors="ignore")
    except av.error.FFmpegError as error:
        raise VideoError(f"'{path}' is not a video that can be read ({error.strerror})") from error
    with container:
        if container.format.name == "tty":  # FFmpeg draws any .txt as a film of letters
            raise VideoError(f"'{path}' is not a video that can be read (it holds text)")
        if not container.streams.video:
            kinds = " and ".join(sorted({stream.type for stream in container.streams})) or "no"
            raise VideoError(f"'{path}' has no video stream, only {kinds} streams")
        if container.streams.video[0].codec_context is None:
            raise VideoError(f"'{path}' is encoded in a way that FFmpeg cannot decode")
        yield container


def video_size(path: str) -> tuple[int, int]:
    """Width and height of the upright picture in pixels; VideoError where `path` is no video."""
    with open_video(path) as container:
        stream = container.streams.video[0]
        width, height = stream.codec_context.width, stream.codec_context.height
        with suppress(av.error.FFmpegError):
            first = next(container.decode(stream), None)
            if first is not None and round(first.rotation / 90) % 2:
                return height, width
        return width, height
