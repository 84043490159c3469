"""Reading what a decode plan asks for: segments in threads, frames in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol, TypeVar

import av
import numpy as np

from vqe.errors import VideoError
from vqe.runtime.ordered import in_order
from vqe.video.container import open_video
from vqe.video.counting import CountingDecoder
from vqe.video.damage import Damage, damage_of
from vqe.video.decode_plan import DecodePlan, DecodeWork, Segment
from vqe.video.decoder import Decoder
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
    decoder; `damage`: that of the segments which were consumed to their end.
    """

    work: DecodeWork
    decoded: int
    seconds: float
    damage: Damage


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
        self._ended = (DecodeWork(), 0, 0.0)  # what the others have counted
        self._damage: list[Damage] = []

    @property
    def report(self) -> ReadReport:
        """What was done so far, ahead of the consumer as well."""
        with self._lock:
            counts = [self._ended, *map(_counted, self._decoders)]
        work, decoded, seconds = zip(*counts, strict=True)
        damage = Damage.join(self._damage)
        return ReadReport(sum(work, DecodeWork()), sum(decoded), sum(seconds), damage)

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
        batch_frames = frames_per_batch(plan.index, self.batch_frames)

        @contextmanager
        def worker(
            stopped: Callable[[], bool],
        ) -> Iterator[Callable[[Segment], Iterator[T | Damage]]]:
            with closing(self._decoders_for(plan.index, stopped)) as decoders:
                yield lambda segment: _read(plan, segment, next(decoders), start(), batch_frames)

        items = in_order(
            segments,
            worker,
            threads=min(self.threads, len(segments)),
            budget=READ_AHEAD_BYTES,
            weight=_weight,
            cancelled=self.cancelled,
        )
        return self._unpacked(items)

    def _decoders_for(
        self, index: VideoIndex, stopped: Callable[[], bool]
    ) -> Generator[Decoder, None, None]:
        """The decoder to use for each segment: the same again, and a fresh one after damage, which
        may leave traces that would depend on which segments a thread has read."""
        used = ExitStack()
        try:
            decoder = used.enter_context(self._decoder(index, stopped))
            while True:
                yield decoder
                if not decoder.damaged:
                    continue
                decoder.damaged.clear()
                fresh = ExitStack()
                with suppress(VideoError):  # gone meanwhile: what is still open goes on
                    decoder = fresh.enter_context(self._decoder(index, stopped))
                    used.close()
                    used = fresh
        finally:
            used.close()

    @contextmanager
    def _decoder(self, index: VideoIndex, stopped: Callable[[], bool]) -> Iterator[Decoder]:
        """A decoder of its own for the calling thread."""
        with open_video(index.path) as container:
            decoder = (Decoder if index.timed else CountingDecoder)(index, container, stopped)
            with self._lock:
                self._decoders.append(decoder)
            try:
                yield decoder
            finally:
                with self._lock:  # a decoder holds on to much memory
                    self._decoders.remove(decoder)
                    work, decoded, seconds = self._ended
                    self._ended = (
                        work + decoder.work,
                        decoded + decoder.decoded,
                        seconds + decoder.seconds,
                    )

    def _unpacked(self, items: Generator[T | Damage]) -> Generator[T]:
        try:
            for item in items:
                if isinstance(item, Damage):
                    self._damage.append(item)
                else:
                    yield item
                del item  # before the next one is waited for
        finally:
            items.close()


def _counted(decoder: Decoder) -> tuple[DecodeWork, int, float]:
    return decoder.work, decoder.decoded, decoder.seconds


def frames_per_batch(index: VideoIndex, most: int) -> int:
    """Frames per batch: `most`, and fewer of large pictures. (Of deep ones a reader puts still
    fewer into a batch, once it sees them.)"""
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
    delivered: list[int] = []
    clock = time.thread_time()
    try:
        for ordinals, images in _batches(plan, segment, decoder, batch_frames):
            decoder.seconds += time.thread_time() - clock
            delivered += ordinals
            frames = FrameBatch(np.array(ordinals, np.int64), images, segment.number)
            del images  # of a batch that was taken nothing is kept while the next is decoded
            done = process(frames)
            del frames
            yield done
            del done
            clock = time.thread_time()
    except av.error.FFmpegError as error:
        reason = f"'{plan.index.path}' cannot be read ({error.strerror})"
        raise VideoError(reason) from error
    decoder.seconds += time.thread_time() - clock
    # Of the frames that were only offered nobody knows which should have come.
    asked = segment.ordinals[:0] if plan.skip == "non-reference" else segment.ordinals
    missing = np.setdiff1d(asked, delivered)
    decoder.damaged += missing.tolist()
    damage = damage_of(plan.index, np.array(delivered, np.int64), missing, decoder.damaged)
    if damage:
        yield damage


def _nbytes(image: Image) -> int:
    return image.width * image.height * image.format.padded_bits_per_pixel // 8


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
            full = (len(images) + 1) * _nbytes(images[0]) > BATCH_BYTES
            if full or len(images) == batch_frames:
                batch = ordinals, tuple(images)
                ordinals, images = [], []
                yield batch
                del batch
    if images:
        yield ordinals, tuple(images)
