"""Opening video files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from vqe.errors import VideoError, VideoNotFoundError


@contextmanager
def open_video(path: str) -> Iterator[InputContainer]:
    """The container at `path`, checked to hold a video stream; closed on exit."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        raise VideoNotFoundError(f"no such file: '{path}'") from None
    if stat.S_ISDIR(mode):
        raise VideoError(f"'{path}' is a folder, not a video")
    if stat.S_ISFIFO(mode):
        raise VideoError(f"'{path}' is a pipe: only files can be read from any place")
    try:
        # FFmpeg would take what stands before a colon for a protocol, as in '12:30:00.mp4'.
        container = av.open(f"file:{path}", metadata_errors="ignore")
    except av.error.FFmpegError as error:
        raise VideoError(f"'{path}' is not a video that can be read ({error.strerror})") from error
    except UnicodeEncodeError as error:
        raise VideoError(f"{path!r} has a name that is no valid UTF-8") from error
    with container:
        if container.format.name == "tty":  # FFmpeg draws any .txt as a film of letters
            raise VideoError(f"'{path}' is not a video that can be read (it holds text)")
        stream = _film(container)
        if stream is None:
            others = {stream.type for stream in container.streams} - {"video"}  # that of a cover
            kinds = " and ".join(sorted(others)) or "no"
            raise VideoError(f"'{path}' has no video stream, only {kinds} streams")
        if stream.codec_context is None:
            raise VideoError(f"'{path}' is encoded in a way that FFmpeg cannot decode")
        yield container


def video_stream(container: InputContainer) -> VideoStream:
    """The first video stream of a container that was just opened, made ready to be decoded.

    One thread decodes it: with several, damage shows at other packets than those that caused it.
    """
    stream = _film(container)
    assert stream is not None, "open_video has looked"
    context = stream.codec_context
    if not context.is_open:
        context.thread_count, stream.thread_type = 1, "NONE"
        if context.name == "h264":
            # A stream that does not say how far frames are reordered: the decoder would guess, and
            # drop a frame each time it has guessed too little. So it waits as long as may be.
            context.options = {"strict": "1"}
    return stream


def _film(container: InputContainer) -> VideoStream | None:
    """The first video stream that is no picture of a cover."""
    streams = container.streams.video
    return next((s for s in streams if not s.disposition & Disposition.attached_pic), None)


def video_size(path: str) -> tuple[int, int]:
    """Width and height of the upright picture in pixels; VideoError where `path` is no video."""
    with open_video(path) as container:
        stream = video_stream(container)
        width, height = stream.codec_context.width, stream.codec_context.height
        with suppress(av.error.FFmpegError):
            first = next(container.decode(stream), None)
            if first is not None and round(first.rotation / 90) % 2:
                return height, width
        return width, height


def video_codec(path: str) -> str:
    """The short name of the codec, such as `h264`."""
    with open_video(path) as container:
        return str(video_stream(container).codec_context.name)
