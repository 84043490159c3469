"""Evidence: what the reference network says about the sampled frames, and what they look like."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.detectors.difference import ReferenceImage, block_differences
from vqe.models.specialized import ARCHITECTURES
from vqe.planner.labeller import Labeller
from vqe.planner.sampling import Block
from vqe.runtime.context import Context
from vqe.video.frames import FrameBatch
from vqe.video.index import VideoIndex
from vqe.video.reader import Reader

SIZES = tuple(sorted({arch.size for arch in ARCHITECTURES.values()}))


@dataclass(frozen=True)
class Evidence:
    """The n sampled frames in ascending order.

    `ordinals`: int64 (n,); `block`: int64 (n,), the number of the sampled block; `present`: bool
    (n,), the reference network's answer; `training`: bool (n,), the others are for selection;
    `thumbnails`: by size, uint8 (n, S, S, 3); `reference`: the average empty training frame, uint8
    (H, W), None where there is none; `differences`: float64 (n, 100), from it, per block of the
    picture. The rest are measured seconds per frame.
    """

    ordinals: NDArray[np.int64]
    block: NDArray[np.int64]
    present: NDArray[np.bool_]
    training: NDArray[np.bool_]
    thumbnails: dict[int, NDArray[np.uint8]]
    reference: NDArray[np.uint8] | None
    differences: NDArray[np.float64] | None
    decode_seconds: float
    thumbnail_seconds: dict[int, float]
    difference_seconds: float


class _Sample:
    """Which frames are wanted, and those that were seen so far."""

    def __init__(self, blocks: tuple[Block, ...]) -> None:
        self.blocks = blocks
        self.block_of = {o: b for b, block in enumerate(blocks) for o in block.ordinals.tolist()}
        self.spans = [(block.start, block.stop) for block in blocks]
        self.ordinals: list[int] = []
        self.present: list[bool] = []
        self.thumbnails: dict[int, list[NDArray[np.uint8]]] = {size: [] for size in SIZES}
        self.thumbnail_seconds = dict.fromkeys(SIZES, 0.0)

    def wanted(self, batch: FrameBatch) -> FrameBatch:
        """The frames of the batch that belong to the sample."""
        return batch.select(i for i, o in enumerate(batch.ordinals.tolist()) if o in self.block_of)

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


def collect(
    index: VideoIndex, blocks: tuple[Block, ...], labeller: Labeller, context: Context
) -> Evidence | None:
    """Labels the blocks, then measures their differences from the average empty frame.

    None where not one of their frames can be decoded. The second step decodes the blocks again:
    keeping their luma instead would take gigabytes.
    """
    sample = _Sample(blocks)
    average = ReferenceImage(index.height, index.width)
    reader = Reader(index)
    context.progress.phase("labelling", len(sample.block_of))
    with closing(reader.read(sample.spans)) as batches:
        for batch in batches:
            context.check()
            frames = sample.wanted(batch)
            present = labeller.label(frames)
            sample.add(frames, present)
            for i in np.flatnonzero(~present).tolist():
                if sample.is_training(int(frames.ordinals[i])):
                    average.add(frames.luma(i))
            context.progress.advance(len(frames))
    if not sample.ordinals:
        return None
    reference = average.mean() if average.count else None
    differences, difference_seconds = None, 0.0
    if reference is not None:
        differences, difference_seconds = _differences(index, sample, reference, context)
    n = len(sample.ordinals)
    return Evidence(
        ordinals=np.array(sample.ordinals, np.int64),
        block=np.array([sample.block_of[o] for o in sample.ordinals], np.int64),
        present=np.array(sample.present, np.bool_),
        training=np.array([sample.is_training(o) for o in sample.ordinals], np.bool_),
        thumbnails={size: np.concatenate(parts) for size, parts in sample.thumbnails.items()},
        reference=reference,
        differences=differences,
        decode_seconds=reader.seconds / reader.decoded,
        thumbnail_seconds={size: s / n for size, s in sample.thumbnail_seconds.items()},
        difference_seconds=difference_seconds,
    )


def _differences(
    index: VideoIndex, sample: _Sample, reference: NDArray[np.uint8], context: Context
) -> tuple[NDArray[np.float64], float]:
    """Differences of the sampled frames from the reference image, and seconds per frame."""
    parts: list[NDArray[np.float64]] = []
    seconds = 0.0
    with closing(Reader(index).read(sample.spans)) as batches:
        for batch in batches:
            context.check()
            frames = sample.wanted(batch)
            if not parts:
                block_differences(frames, reference)  # compiles the kernel outside the measurement
            clock = time.perf_counter()
            parts.append(block_differences(frames, reference))
            seconds += time.perf_counter() - clock
    differences = np.concatenate(parts)
    return differences, seconds / len(differences)
