"""Evidence: what the reference network says about the sampled frames, and what they look like."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.detectors import difference, earlier
from vqe.detectors.difference import ReferenceImage, block_differences
from vqe.detectors.earlier import block_means
from vqe.detectors.look import LookMeasure
from vqe.models.specialized import ARCHITECTURES
from vqe.planner.labeller import Labeller
from vqe.planner.sampling import Block
from vqe.runtime.context import Context
from vqe.video.decode_plan import DecodePlan
from vqe.video.frames import FrameBatch
from vqe.video.index import VideoIndex
from vqe.video.reader import SCREENED_FRAMES, Reader
from vqe.video.strategies import FrameSet

SIZES = tuple(sorted({arch.size for arch in ARCHITECTURES.values()}))


@dataclass(frozen=True)
class Evidence:
    """The n sampled frames in ascending order.

    `ordinals`: int64 (n,); `block`: int64 (n,), the number of the sampled block; `present`: bool
    (n,), the reference network's answer; `training`: bool (n,), the others are for selection;
    `thumbnails`: by size, uint8 (n, S, S, 3); `means`: float32 (n, 400), luma per block of the
    picture; `reference`: the average empty training frame, uint8 (H, W), None where there is none;
    `differences`: float64 (n, 400), from it, per block; `looks`: float64 (n, 3), see `LookMeasure`.
    The rest are measured seconds per frame.
    """

    ordinals: NDArray[np.int64]
    block: NDArray[np.int64]
    present: NDArray[np.bool_]
    training: NDArray[np.bool_]
    thumbnails: dict[int, NDArray[np.uint8]]
    means: NDArray[np.float32]
    reference: NDArray[np.uint8] | None
    differences: NDArray[np.float64] | None
    looks: NDArray[np.float64] | None
    thumbnail_seconds: dict[int, float]
    difference_seconds: float
    earlier_seconds: float


class _Sample:
    """Which frames are wanted, and those that were seen so far."""

    def __init__(self, blocks: tuple[Block, ...]) -> None:
        self.blocks = blocks
        self.block_of = {o: b for b, block in enumerate(blocks) for o in block.ordinals.tolist()}
        self.wanted = np.concatenate([block.ordinals for block in blocks])
        self.ordinals: list[int] = []
        self.present: list[bool] = []
        self.thumbnails: dict[int, list[NDArray[np.uint8]]] = {size: [] for size in SIZES}
        self.thumbnail_seconds = dict.fromkeys(SIZES, 0.0)
        self.means: list[NDArray[np.float32]] = []
        self.earlier_seconds = 0.0

    def is_training(self, ordinal: int) -> bool:
        """Whether a sampled frame is for training."""
        return self.blocks[self.block_of[ordinal]].training

    def add(self, frames: FrameBatch, present: NDArray[np.bool_]) -> None:
        """Takes labelled frames in."""
        self.ordinals.extend(frames.ordinals.tolist())
        self.present.extend(present.tolist())
        for size in SIZES:
            clock = time.perf_counter()
            self.thumbnails[size].append(frames.thumbnails(size))
            self.thumbnail_seconds[size] += time.perf_counter() - clock
        clock = time.perf_counter()
        self.means.append(block_means(frames))
        self.earlier_seconds += time.perf_counter() - clock


def collect(
    index: VideoIndex, blocks: tuple[Block, ...], labeller: Labeller, context: Context
) -> Evidence | None:
    """Labels the blocks, then measures their differences from the average empty frame.

    None where not one of their frames can be decoded. The second step decodes the blocks again:
    keeping their luma instead would take gigabytes.
    """
    sample = _Sample(blocks)
    plan = FrameSet().plan(index, sample.wanted)
    average = ReferenceImage(index.height, index.width)
    difference.compile_kernels()  # outside all measurements
    earlier.compile_kernels()
    reader = Reader(threads=context.decode_threads, cancelled=context.cancelled.is_set)
    context.progress.phase("labelling", len(sample.wanted))
    with closing(reader.read(plan)) as batches:
        for frames in batches:
            context.check()
            present = labeller.label(frames)
            sample.add(frames, present)
            for i in np.flatnonzero(~present).tolist():
                if sample.is_training(int(frames.ordinals[i])):
                    average.add(frames.luma(i))
            context.progress.advance(len(frames))
    context.metrics.decoded_to_plan += reader.report.decoded
    context.check()
    if not sample.ordinals:
        return None
    reference = average.mean() if average.count else None
    differences, looks, difference_seconds = None, None, 0.0
    if reference is not None:
        differences, looks, difference_seconds = _differences(plan, reference, context)
    n = len(sample.ordinals)
    return Evidence(
        ordinals=np.array(sample.ordinals, np.int64),
        block=np.array([sample.block_of[o] for o in sample.ordinals], np.int64),
        present=np.array(sample.present, np.bool_),
        training=np.array([sample.is_training(o) for o in sample.ordinals], np.bool_),
        thumbnails={size: np.concatenate(parts) for size, parts in sample.thumbnails.items()},
        means=np.concatenate(sample.means),
        reference=reference,
        differences=differences,
        looks=looks,
        thumbnail_seconds={size: s / n for size, s in sample.thumbnail_seconds.items()},
        difference_seconds=difference_seconds,
        earlier_seconds=sample.earlier_seconds / n,
    )


@dataclass(frozen=True)
class _Differences:
    """Differences of N frames, float64 (N, 400), the CPU seconds that they took, and the looks of
    the frames, float64 (N, 3)."""

    blocks: NDArray[np.float64]
    seconds: float
    looks: NDArray[np.float64]

    @property
    def nbytes(self) -> int:
        return self.blocks.nbytes + self.looks.nbytes


def _differences(
    plan: DecodePlan, reference: NDArray[np.uint8], context: Context
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Differences of the sampled frames from the reference image, their looks beside it, and
    seconds per frame for the differences."""
    look = LookMeasure(reference)

    def measure(frames: FrameBatch) -> _Differences:
        clock = time.thread_time()
        blocks = block_differences(frames, reference)
        seconds = time.thread_time() - clock
        return _Differences(blocks, seconds, look(frames, range(len(frames))))

    reader = Reader(
        threads=context.decode_threads,
        batch_frames=SCREENED_FRAMES,
        cancelled=context.cancelled.is_set,
    )
    with closing(reader.process(plan, lambda: measure)) as done:
        parts = list(done)
    context.metrics.decoded_to_plan += reader.report.decoded
    context.check()
    blocks = np.concatenate([part.blocks for part in parts])
    looks = np.concatenate([part.looks for part in parts])
    return blocks, looks, sum(part.seconds for part in parts) / len(blocks)
