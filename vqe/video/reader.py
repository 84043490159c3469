"""Reading what a decode plan asks for: segments in threads, frames in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import av
import numpy as np

from vqe.errors import VideoError
from vqe.runtime.ordered import in_order
from vqe.video.container import open_video
from vqe.video.damage import Damage, damage_of
from vqe.video.decode_plan import SEGMENT_FRAMES, DecodePlan, DecodeWork, Segment
from vqe.video.decoder import CountingDecoder, Decoder
from vqe.video.frames import FrameBatch, Image, scaled
from vqe.video.index import VideoIndex

BATCH_FRAMES = 32
"""Frames per batch: 44 MB at 720p, and enough for the small models to run at full speed."""

SCREENED_FRAMES = 8
"""Frames per batch where work is done beside the decoder: 11 MB at 720p, which a cache can hold. In
larger batches the first frames have left it before the last are decoded."""

BATCH_BYTES = 64 * 2**20
"""A batch takes no more than this, as 4:2:0: at 1080p that leaves 21 frames."""

READ_AHEAD_BYTES = 192 * 2**20
"""Decoded frames that wait to be taken: some 140 at 720p."""


class Weighed(Protocol):
    """What a batch of frames was turned into."""

    @property
    def nbytes(self) -> int:
        """Memory that it holds on to."""


T = TypeVar("T", bound=Weighed)

Process = Callable[[FrameBatch], T]


@dataclass(frozen=True)
class ReadReport:
    """What reading did so far.

    `decoded`: frames that left the decoder, wanted or not; `seconds`: CPU time in demuxer and
    decoder, wall time where the codec has threads of its own; `damage`: that of the segments which
    were consumed to their end.
    """

    work: DecodeWork = field(default_factory=DecodeWork)
    decoded: int = 0
    seconds: float = 0.0
    damage: Damage = field(default_factory=Damage)

    def __add__(self, other: ReadReport) -> ReadReport:
        return ReadReport(
            self.work + other.work,
            self.decoded + other.decoded,
            self.seconds + other.seconds,
            self.damage + other.damage,
        )


class Reader:
    """Reads decode plans with `threads` threads; what is read does not depend on their number.

    All frames have the size of the index: where the stream changes size, they are scaled.
    One plan after the other may be read; `report` covers them all. Once `cancelled`, in any thread,
    reading ends early: whoever cancels does not look at what came.
    """

    def __init__(
        self,
        *,
        threads: int = 1,
        batch_frames: int = BATCH_FRAMES,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self.threads = threads
        self.batch_frames = batch_frames
        self.cancelled = cancelled
        self._lock = threading.Lock()
        self._decoders: list[Decoder] = []  # those at work
        self._done = ReadReport()  # by those that have ended

    @property
    def report(self) -> ReadReport:
        """What was done so far, ahead of the consumer as well."""
        with self._lock:
            return sum(map(_counted, self._decoders), self._done)

    def read(self, plan: DecodePlan) -> Generator[FrameBatch]:
        """The frames of the plan, in batches that end with their segment.

        Raises VideoError where the file cannot be read at all; frames that cannot be decoded are
        left out and reported as damage.
        """
        return self.process(plan, lambda: lambda frames: frames)

    def process(self, plan: DecodePlan, start: Callable[[], Process[T]]) -> Generator[T]:
        """What the batches of the plan are turned into, in order.

        `start` is called at each segment, and what it returns with each batch of the segment, in
        the thread that decoded it: work done there needs no memory to wait in.
        """
        segments = list(plan.segments())
        threads = min(self.threads, len(segments))
        # A long piece that cannot be cut is left to the threads of the codec.
        alone = len(segments) == 1 and plan.work.decoded > 2 * SEGMENT_FRAMES
        codec_threads = self.threads if alone else 1
        batch_frames = frames_per_batch(plan.index, self.batch_frames)

        @contextmanager
        def worker(
            stopped: Callable[[], bool],
        ) -> Iterator[Callable[[Segment], Iterator[T | Damage]]]:
            with self._decoder(plan.index, codec_threads, stopped) as decoder:
                yield lambda segment: _read(plan, segment, decoder, start(), batch_frames)

        items = in_order(
            segments,
            worker,
            threads=threads,
            budget=READ_AHEAD_BYTES,
            weight=_weight,
            cancelled=self.cancelled,
        )
        return self._unpacked(items)

    @contextmanager
    def _decoder(
        self, index: VideoIndex, threads: int, stopped: Callable[[], bool]
    ) -> Iterator[Decoder]:
        """A decoder of its own for the calling thread, with so many threads in the codec."""
        with open_video(index.path) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = threads
            stream.thread_type = "FRAME" if threads > 1 else "NONE"
            decoder = (Decoder if index.timed else CountingDecoder)(index, container, stopped)
            # The threads of the codec cannot be asked what they took.
            decoder.clock = time.perf_counter if threads > 1 else time.thread_time
            with self._lock:
                self._decoders.append(decoder)
            try:
                yield decoder
            finally:
                with self._lock:  # a decoder holds on to much memory
                    self._decoders.remove(decoder)
                    self._done += _counted(decoder)

    def _unpacked(self, items: Generator[T | Damage]) -> Generator[T]:
        try:
            for item in items:
                if isinstance(item, Damage):
                    with self._lock:
                        self._done += ReadReport(damage=item)
                else:
                    yield item
                del item  # before the next one is waited for
        finally:
            items.close()


def _counted(decoder: Decoder) -> ReadReport:
    return ReadReport(decoder.work, decoder.decoded, decoder.seconds)


def frames_per_batch(index: VideoIndex, most: int) -> int:
    """Frames per batch: `most`, and fewer of large pictures."""
    frame_bytes = index.width * index.height * 3 // 2
    return max(min(most, BATCH_BYTES // max(frame_bytes, 1)), 1)


def _weight(item: Weighed | Damage) -> int:
    return 0 if isinstance(item, Damage) else item.nbytes


def _read(
    plan: DecodePlan,
    segment: Segment,
    decoder: Decoder,
    process: Process[T],
    batch_frames: int,
) -> Iterator[T | Damage]:
    """The batches of a segment, each processed, and at the end the damage, if there is any."""
    decoder.damaged.clear()
    delivered: list[int] = []
    clock = decoder.clock()
    try:
        for ordinals, images in _batches(plan, segment, decoder, batch_frames):
            decoder.seconds += decoder.clock() - clock
            delivered += ordinals
            frames = FrameBatch(np.array(ordinals, np.int64), images, segment.number)
            del images  # of a batch that was taken nothing is kept while the next is decoded
            done = process(frames)
            del frames
            yield done
            del done
            clock = decoder.clock()
    except av.error.FFmpegError as error:
        reason = f"'{plan.index.path}' cannot be read ({error.strerror})"
        raise VideoError(reason) from error
    decoder.seconds += decoder.clock() - clock
    # Of the frames that were only offered nobody knows which should have come.
    asked = segment.ordinals[:0] if plan.skip == "non-reference" else segment.ordinals
    missing = np.setdiff1d(asked, delivered)
    damage = damage_of(plan.index, np.array(delivered, np.int64), missing, decoder.damaged)
    if damage:
        yield damage


def _batches(
    plan: DecodePlan, segment: Segment, decoder: Decoder, batch_frames: int
) -> Iterator[tuple[list[int], tuple[Image, ...]]]:
    index = plan.index
    ordinals: list[int] = []
    images: list[Image] = []
    for run in plan.runs(segment.ordinals):
        for ordinal, image in decoder.frames(run, plan.skip):
            ordinals.append(ordinal)
            images.append(scaled(image, index.width, index.height))
            if len(images) == batch_frames:
                batch = ordinals, tuple(images)
                ordinals, images = [], []
                yield batch
                del batch
    if images:
        yield ordinals, tuple(images)
