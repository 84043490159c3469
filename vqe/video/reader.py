"""Decoding spans of frames, each frame under its own ordinal."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from vqe.errors import VideoError
from vqe.video.frames import FrameBatch, scaled
from vqe.video.index import VideoIndex, open_video
from vqe.video.segments import Span, cut_at_keyframes

BATCH_FRAMES = 32
"""Frames per batch: 44 MB at 720p, and enough for the small models to run at full speed."""


class Reader:
    """Reads spans of a video in ascending order; counts what that cost and what was lost.

    All frames have the size of the index: where the stream changes size, they are scaled.

    `decoded`: frames that left the decoder, wanted or not; `seconds`: time in demuxer and decoder;
    `lost`: ordinals that were asked for but could not be decoded.
    """

    def __init__(self, index: VideoIndex, batch_frames: int = BATCH_FRAMES) -> None:
        self.index = index
        self.batch_frames = batch_frames
        self.decoded = 0
        self.seconds = 0.0
        self.lost: list[int] = []

    def read(self, spans: Iterable[Span]) -> Generator[FrameBatch]:
        """The frames of the spans (ascending, disjoint), in batches that end with their segment.

        Raises VideoError where the file cannot be read at all; single frames are `lost` instead.
        """
        with open_video(self.index.path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            decoder = _Decoder(container, stream, self.index)
            try:
                for segment, (start, stop) in enumerate(cut_at_keyframes(self.index, spans)):
                    yield from self._read_segment(decoder, segment, start, stop)
            except av.error.FFmpegError as error:
                reason = f"'{self.index.path}' cannot be read ({error.strerror})"
                raise VideoError(reason) from error

    def _read_segment(
        self, decoder: _Decoder, segment: int, start: int, stop: int
    ) -> Iterator[FrameBatch]:
        images: list[av.VideoFrame] = []
        ordinals: list[int] = []
        next_wanted = start
        clock = time.perf_counter()
        for ordinal, image in decoder.frames_from(start):
            self.decoded += 1
            if ordinal < next_wanted:
                continue
            if ordinal >= stop:
                decoder.push_back(ordinal, image)
                self.decoded -= 1
                break
            if image.is_corrupt:
                continue  # what the decoder made up for damaged bytes is no frame
            self.lost.extend(range(next_wanted, ordinal))
            next_wanted = ordinal + 1
            ordinals.append(ordinal)
            images.append(scaled(image, self.index.width, self.index.height))
            if len(images) == self.batch_frames or next_wanted == stop:
                self.seconds += time.perf_counter() - clock
                yield FrameBatch(np.array(ordinals, np.int64), tuple(images), segment)
                images, ordinals = [], []
                clock = time.perf_counter()
            if next_wanted == stop:
                break
        self.seconds += time.perf_counter() - clock
        self.lost.extend(range(next_wanted, stop))
        if images:
            yield FrameBatch(np.array(ordinals, np.int64), tuple(images), segment)


class _Decoder:
    """An open stream that knows the ordinal of each frame it hands out."""

    def __init__(self, container: InputContainer, stream: VideoStream, index: VideoIndex) -> None:
        self.container = container
        self.stream = stream
        self.index = index
        self.position = 0  # no frame below this ordinal is still to come
        self.output = self._decode()
        self.pushed_back: tuple[int, av.VideoFrame] | None = None

    def push_back(self, ordinal: int, image: av.VideoFrame) -> None:
        """Returns a frame that belongs to a later segment."""
        self.pushed_back = (ordinal, image)
        self.position = ordinal

    def frames_from(self, start: int) -> Iterator[tuple[int, av.VideoFrame]]:
        """Frames in presentation order, beginning at or before `start`."""
        self._seek(start)
        if self.pushed_back is not None:
            frame, self.pushed_back = self.pushed_back, None
            yield frame
        for ordinal, image in self.output:
            self.position = ordinal + 1
            yield ordinal, image

    def _seek(self, start: int) -> None:
        """Jumps to the last key frame at or before `start` where that saves decoding."""
        if not self.index.seekable:
            return
        key = self.index.entry_before(start)
        if self.position <= start and key <= self.position:
            return  # going on decoding is at least as near as any key frame
        # Containers seek by presentation or by decoding time, each landing on a key frame at or
        # before it in its own order. What lands too late is tried again, at last from the start.
        for moment in (int(self.index.pts[key]), int(self.index.key_dts[key]), None):
            self._jump(moment)
            first = next(self.output, None)
            if first is not None and (first[0] <= start or moment is None):
                self.push_back(*first)
                return

    def _jump(self, moment: int | None) -> None:
        """Goes on from the last key frame at or before `moment`; None is the start of the file."""
        self.pushed_back = None
        if moment is None:
            moment = int(min(self.index.pts[0], self.index.key_dts.min())) - 1
        self.container.seek(moment, stream=self.stream, any_frame=False, backward=True)
        self.position = 0
        self.output = self._decode()

    def _decode(self) -> Iterator[tuple[int, av.VideoFrame]]:
        if not self.index.seekable:
            # Without times of their own, frames are counted as they come out. After the first
            # failure nobody knows how many are missing, so that counting ends there.
            for ordinal, image in enumerate(self._decode_packets()):
                if image is None or image.is_corrupt:
                    return
                yield ordinal, image
            return
        pts = self.index.pts
        guess = 0
        for image in self._decode_packets():
            if image is None or image.pts is None:
                continue  # its frames are missed by ordinal later
            if guess >= len(pts) or pts[guess] != image.pts:
                guess = int(np.searchsorted(pts, image.pts))
                if guess == len(pts) or pts[guess] != image.pts:
                    continue  # not a displayable frame of the index
            yield guess, image
            guess += 1

    def _decode_packets(self) -> Iterator[av.VideoFrame | None]:
        """The frames as they leave the decoder; None stands for a packet that it refused."""
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError:
                return
            if packet is None:
                return
            try:
                yield from packet.decode()
            except av.error.InvalidDataError:
                yield None
