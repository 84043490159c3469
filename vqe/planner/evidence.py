"""Evidence: what the reference network says about the sampled frames, and what they look like."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.detectors.difference import ReferenceImage, block_differences, compile_kernels
from vqe.detectors.look import LookMeasure
from vqe.models.specialized import ARCHITECTURES
from vqe.planner.atoms import Atoms, atoms_of
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
    `drawn`: bool (n,), the others lie where visits begin or end;
    `thumbnails`: by size, uint8 (n, S, S, 3); `reference`: the average empty training frame, uint8
    (H, W), None where there is none; `differences`: float64 (n, 400), from it, per block of the
    picture; `looks`: float64 (n, 3), see `LookMeasure`; `atoms`: what holds of a condition that has
    several. The rest are measured seconds per frame.
    """

    ordinals: NDArray[np.int64]
    block: NDArray[np.int64]
    present: NDArray[np.bool_]
    training: NDArray[np.bool_]
    drawn: NDArray[np.bool_]
    thumbnails: dict[int, NDArray[np.uint8]]
    reference: NDArray[np.uint8] | None
    differences: NDArray[np.float64] | None
    looks: NDArray[np.float64] | None
    thumbnail_seconds: dict[int, float]
    difference_seconds: float
    atoms: Atoms | None = None


class Collection:
    """Evidence as it grows: block by block, labelled and looked at.

    The reference image is the average of the first empty frames that there are: later ones would
    move all distances that were measured from it.
    """

    def __init__(self, index: VideoIndex, labeller: Labeller, context: Context) -> None:
        self.index = index
        self.labeller = labeller
        self.context = context
        self.blocks: list[Block] = []
        self.ordinals: list[int] = []
        self.present: list[bool] = []
        self.thumbnails: dict[int, list[NDArray[np.uint8]]] = {size: [] for size in SIZES}
        self.thumbnail_seconds = dict.fromkeys(SIZES, 0.0)
        self.reference: NDArray[np.uint8] | None = None
        self.measured: list[_Differences] = []

    def add(self, blocks: tuple[Block, ...]) -> Evidence | None:
        """Labels the blocks, then measures their differences from the average empty frame; all that
        was collected so far.

        None where not one frame can be decoded. The second step decodes the blocks again: keeping
        their luma instead would take gigabytes.
        """
        self.blocks.extend(blocks)
        average = self._label(blocks)
        if not self.ordinals:
            return None
        if self.reference is None and average.count:
            self.reference = average.mean()
            blocks = tuple(self.blocks)
        if self.reference is not None:
            plan = FrameSet().plan(self.index, _ordinals(blocks))
            self.measured.extend(_differences(plan, self.reference, self.context))
        return self._evidence()

    def _label(self, blocks: tuple[Block, ...]) -> ReferenceImage:
        """Labels them and keeps their thumbnails; the average of their empty training frames."""
        average = ReferenceImage(self.index.height, self.index.width)
        training = _ordinals(block for block in blocks if block.training)
        wanted = _ordinals(blocks)
        reader = self.labeller.reader()
        for frames, present in self.labeller.labelled(reader, self.index, wanted, "labelling"):
            self.ordinals.extend(frames.ordinals.tolist())
            self.present.extend(present.tolist())
            for size in SIZES:
                clock = time.perf_counter()
                self.thumbnails[size].append(frames.thumbnails(size))
                self.thumbnail_seconds[size] += time.perf_counter() - clock
            for i in np.flatnonzero(~present & np.isin(frames.ordinals, training)).tolist():
                average.add(frames.luma(i))
        return average

    def _evidence(self) -> Evidence:
        ordinals = np.array(self.ordinals, np.int64)
        order, n = np.argsort(ordinals), len(ordinals)
        ordinals, present = ordinals[order], np.array(self.present, np.bool_)[order]
        blocks = sorted(self.blocks, key=lambda block: int(block.ordinals[0]))
        block = np.searchsorted([b.ordinals[-1] for b in blocks], ordinals)
        differences, looks, seconds = None, None, 0.0
        if self.measured:
            seen = np.argsort(np.concatenate([part.ordinals for part in self.measured]))
            differences = np.concatenate([part.blocks for part in self.measured])[seen]
            looks = np.concatenate([part.looks for part in self.measured])[seen]
            seconds = sum(part.seconds for part in self.measured) / n
        return Evidence(
            ordinals=ordinals,
            block=block,
            present=present,
            training=np.array([b.training for b in blocks])[block],
            drawn=np.array([b.drawn for b in blocks])[block],
            thumbnails={
                size: np.concatenate(parts)[order] for size, parts in self.thumbnails.items()
            },
            reference=self.reference,
            differences=differences,
            looks=looks,
            thumbnail_seconds={size: s / n for size, s in self.thumbnail_seconds.items()},
            difference_seconds=seconds,
            atoms=atoms_of(self.labeller.question, ordinals, present, self.labeller.labels),
        )


def _ordinals(blocks: Iterable[Block]) -> NDArray[np.int64]:
    """The frames of the blocks, int64 ascending."""
    return np.sort(np.concatenate([np.empty(0, np.int64), *(block.ordinals for block in blocks)]))


@dataclass(frozen=True)
class _Differences:
    """Of N frames, int64 (N,): their differences, float64 (N, 400), the CPU seconds that these
    took, and the looks, float64 (N, 3)."""

    ordinals: NDArray[np.int64]
    blocks: NDArray[np.float64]
    seconds: float
    looks: NDArray[np.float64]

    @property
    def nbytes(self) -> int:
        return self.blocks.nbytes + self.looks.nbytes


def _differences(
    plan: DecodePlan, reference: NDArray[np.uint8], context: Context
) -> list[_Differences]:
    """Differences of the planned frames from the reference image, their looks beside them."""
    look = LookMeasure(reference)

    def measure(frames: FrameBatch) -> _Differences:
        clock = time.thread_time()
        blocks = block_differences(frames, reference)
        seconds = time.thread_time() - clock
        return _Differences(frames.ordinals, blocks, seconds, look(frames, range(len(frames))))

    compile_kernels()  # outside the measurement
    reader = Reader(
        threads=context.decode_threads,
        batch_frames=SCREENED_FRAMES,
        cancelled=context.cancelled.is_set,
    )
    with closing(reader.process(plan, lambda: measure)) as done:
        parts = list(done)
    context.metrics.decoded_to_plan += reader.report.decoded
    context.check()
    return parts
