"""Ways to read a video: the engine's reader, and what PyAV does by itself."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from vqe.detectors.difference import GRID, block_differences
from vqe.detectors.kernels import block_squared_differences
from vqe.video.decode_plan import DecodePlan
from vqe.video.frames import FrameBatch
from vqe.video.index import VideoIndex
from vqe.video.indexing import build_index
from vqe.video.reader import SCREENED_FRAMES, Reader
from vqe.video.strategies import EveryFrame, FrameSet

Ordinals = NDArray[np.int64]


@dataclass(frozen=True)
class Video:
    """A video with its index, and an image to compare its frames with."""

    name: str
    index: VideoIndex
    quiet: bool = False

    @classmethod
    def open(cls, name: str, path: Path, quiet: bool = False) -> Video:
        """Builds the index."""
        return cls(name, build_index(str(path)), quiet)

    @property
    def every_frame(self) -> DecodePlan:
        """Reads it once from end to end."""
        return EveryFrame().plan(self.index, np.arange(len(self.index)))

    @property
    def reference(self) -> NDArray[np.uint8]:
        """A grey picture: the difference costs the same, whatever the other image is."""
        return np.full((self.index.height, self.index.width), 110, np.uint8)


@dataclass(frozen=True)
class Values:
    """What a batch of frames was turned into."""

    values: NDArray[np.float64] | NDArray[np.int64]

    @property
    def nbytes(self) -> int:
        """For the reader, which limits what waits."""
        return self.values.nbytes


def pyav(video: Video) -> int:
    """The plainest loop over all frames; how many there were."""
    with _open(video) as container:
        return sum(1 for _ in container.decode(video=0))


def pyav_halves(video: Video) -> int:
    """Two such loops in threads, one up to the key frame in the middle, one from there."""
    entries = video.index.entries
    cut = int(video.index.pts[entries[len(entries) // 2]])
    counts = [0, 0]

    def first() -> None:
        with _open(video) as container:
            for frame in container.decode(video=0):
                if frame.pts is not None and frame.pts >= cut:
                    return
                counts[0] += 1

    def second() -> None:
        with _open(video) as container:
            container.seek(cut, stream=container.streams.video[0])
            for frame in container.decode(video=0):
                counts[1] += frame.pts is not None and frame.pts >= cut

    threads = [threading.Thread(target=half) for half in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts)


def reader(threads: int, batch_frames: int = SCREENED_FRAMES) -> Callable[[Video], int]:
    """Reads all frames and compares each with the reference image where it was decoded."""

    def read(video: Video) -> int:
        reference = video.reference
        one = Reader(threads=threads, batch_frames=batch_frames)
        blocks = one.process(
            video.every_frame, lambda: lambda frames: Values(block_differences(frames, reference))
        )
        return sum(len(values.values) for values in blocks)

    return read


CALIBRATION_FRAMES = 240


def changes(video: Video) -> tuple[Ordinals, NDArray[np.bool_]]:
    """Frames at the start, and whether more than usual has changed in them: whether the largest
    difference of a block from the frame before is among the upper fifth."""
    ordinals = np.arange(min(CALIBRATION_FRAMES, len(video.index)))
    lumas = [
        batch.luma(row)
        for batch in Reader().read(EveryFrame().plan(video.index, ordinals))
        for row in range(len(batch))
    ]
    largest = [
        block_squared_differences(after, before, *GRID).max() for before, after in pairwise(lumas)
    ]
    return ordinals[1:], np.array(largest) > np.quantile(largest, 0.8)


def drained(one: Reader, plan: DecodePlan) -> int:
    """Reads a plan and forgets the frames; how many there were."""
    ordinals = one.process(plan, lambda: lambda frames: Values(frames.ordinals))
    return sum(len(values.values) for values in ordinals)


def read_together(video: Video, ordinals: Ordinals) -> tuple[float, dict[int, int]]:
    """Seconds to read these frames as a frame set and take their checksums, in one thread."""
    plan = FrameSet().plan(video.index, np.sort(ordinals))

    def checksums(frames: FrameBatch) -> Values:
        return Values(np.array([checksum(image) for image in frames.images]))

    start = time.perf_counter()
    values = np.concatenate([part.values for part in Reader().process(plan, lambda: checksums)])
    seconds = time.perf_counter() - start
    return seconds, dict(zip(plan.ordinals.tolist(), values.tolist(), strict=True))


def read_one_by_one(video: Video, ordinals: Ordinals) -> tuple[float, dict[int, int]]:
    """The same with PyAV alone: a seek for each frame, in the order given, in one container."""
    start = time.perf_counter()
    found: dict[int, int] = {}
    with _open(video) as container:
        stream = container.streams.video[0]
        for ordinal in ordinals.tolist():
            pts = int(video.index.pts[ordinal])
            container.seek(pts, stream=stream)
            image = next(image for image in container.decode(stream) if image.pts == pts)
            found[ordinal] = checksum(image)
    return time.perf_counter() - start, found


def checksum(image: av.VideoFrame) -> int:
    """Of all samples of a planar picture with eight bits."""
    crc = 0
    for plane in image.planes:
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        crc = zlib.crc32(np.ascontiguousarray(rows[: plane.height, : plane.width]).data, crc)
    return crc


def pyav_checksums(video: Video) -> list[int]:
    """Of all frames, as PyAV delivers them."""
    with _open(video) as container:
        return [checksum(image) for image in container.decode(video=0)]


def reader_checksums(video: Video, threads: int) -> list[int]:
    """Of all frames, as the reader does."""

    def start() -> Callable[[FrameBatch], Values]:
        return lambda frames: Values(np.array([checksum(image) for image in frames.images]))

    return [
        int(value)
        for values in Reader(threads=threads).process(video.every_frame, start)
        for value in values.values
    ]


def exact_blocks(video: Video, ordinals: Ordinals) -> int:
    """For how many of these frames the block differences are what NumPy makes of them."""
    reference = video.reference
    return sum(
        np.array_equal(row, _numpy_blocks(batch.luma(i), reference))
        for batch in Reader().read(FrameSet().plan(video.index, ordinals))
        for i, row in enumerate(block_differences(batch, reference))
    )


def _numpy_blocks(
    luma: NDArray[np.uint8], reference: NDArray[np.uint8]
) -> Sequence[float] | NDArray[np.float64]:
    squares = (luma.astype(np.int64) - reference) ** 2
    rows, columns = GRID
    height, width = squares.shape
    return [
        float(
            squares[
                i * height // rows : (i + 1) * height // rows,
                j * width // columns : (j + 1) * width // columns,
            ].mean()
        )
        for i in range(rows)
        for j in range(columns)
    ]


@contextmanager
def _open(video: Video) -> Iterator[InputContainer]:
    with av.open(video.index.path) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        stream.thread_type = "NONE"
        yield container
