"""Labelling: what the reference network says about the sampled frames, and what they look like."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.detections import Detections
from vqe.detectors.difference import ReferenceImage, block_differences
from vqe.models.reference import ReferenceNetwork
from vqe.models.specialized import ARCHITECTURES
from vqe.physical.stages import Question, detect
from vqe.planner.sampling import Block
from vqe.runtime.context import Context
from vqe.storage.labels import LabelStore
from vqe.video.frames import FrameBatch
from vqe.video.index import VideoIndex
from vqe.video.reader import Reader

SIZES = tuple(sorted({arch.size for arch in ARCHITECTURES.values()}))


class Labeller:
    """Asks the reference network about frames, once each, and times it.

    `fresh`: ordinals labelled by this labeller.
    """

    def __init__(
        self, network: ReferenceNetwork, question: Question, labels: LabelStore, context: Context
    ) -> None:
        self.network = network
        self.question = question
        self.labels = labels
        self.context = context
        frames, score = labels.best_score(question.label, question.region)
        self._known = dict(zip(frames.tolist(), score.tolist(), strict=True))
        self.fresh: list[int] = []
        self._timings: list[tuple[int, float]] = []

    def label(self, frames: FrameBatch) -> NDArray[np.bool_]:
        """Whether the question holds, bool (N,); known labels are not asked again."""
        unknown = [i for i, o in enumerate(frames.ordinals.tolist()) if o not in self._known]
        if unknown:
            asked = frames.select(unknown)
            detections = self._ask(asked)
            self.labels.add(asked.ordinals, detections)
            score = detections.best_score(self.question.label, self.question.region)
            self._known.update(zip(asked.ordinals.tolist(), score.tolist(), strict=True))
            self.fresh.extend(asked.ordinals.tolist())
            self.context.metrics.labels_from_reference += len(unknown)
        scores = np.array([self._known[o] for o in frames.ordinals.tolist()], np.float32)
        return self.question.holds(scores)

    def measure(self, frames: FrameBatch) -> None:
        """Makes sure that the network was timed, although all labels may have been known."""
        if not self._timings:
            self._ask(frames)

    @property
    def seconds_per_frame(self) -> float:
        """Of the reference network, once it was asked or measured.

        The first call pays for what happens once, such as loading kernels, so it counts only where
        it is the only one.
        """
        timings = self._timings[1:] or self._timings
        return sum(seconds for _, seconds in timings) / sum(n for n, _ in timings)

    def _ask(self, frames: FrameBatch) -> Detections:
        clock = time.perf_counter()
        detections = detect(self.network, frames)
        self._timings.append((len(frames), time.perf_counter() - clock))
        return detections


@dataclass(frozen=True)
class Evidence:
    """The n sampled frames in ascending order.

    `ordinals`: int64 (n,); `present`: bool (n,), the reference network's answer; `training`: bool
    (n,), the others are for selection; `thumbnails`: by size, uint8 (n, S, S, 3); `reference`: the
    average empty training frame, uint8 (H, W), None where there is none; `blocks`: float64
    (n, 100) differences from it. The rest are measured seconds per frame.
    """

    ordinals: NDArray[np.int64]
    present: NDArray[np.bool_]
    training: NDArray[np.bool_]
    thumbnails: dict[int, NDArray[np.uint8]]
    reference: NDArray[np.uint8] | None
    blocks: NDArray[np.float64] | None
    decode_seconds: float
    thumbnail_seconds: dict[int, float]
    difference_seconds: float


def collect(
    index: VideoIndex, blocks: tuple[Block, ...], labeller: Labeller, context: Context
) -> Evidence:
    """Labels the blocks, then measures their differences from the average empty frame.

    The second step decodes the blocks again: keeping their luma instead would take gigabytes.
    """
    wanted = np.concatenate([block.ordinals for block in blocks])
    training = np.concatenate([np.full(len(b.ordinals), b.training) for b in blocks])
    is_training = dict(zip(wanted.tolist(), training.tolist(), strict=True))
    spans = [(block.start, block.stop) for block in blocks]
    reader = Reader(index)
    seen: list[int] = []
    present: list[NDArray[np.bool_]] = []
    thumbnails: dict[int, list[NDArray[np.uint8]]] = {size: [] for size in SIZES}
    thumbnail_seconds = dict.fromkeys(SIZES, 0.0)
    average = ReferenceImage(index.height, index.width)
    context.progress.phase("labelling", len(wanted))
    with closing(reader.read(spans)) as batches:
        for batch in batches:
            context.check()
            frames = _keep(batch, is_training)
            labels = labeller.label(frames)
            seen.extend(frames.ordinals.tolist())
            present.append(labels)
            for size in SIZES:
                clock = time.perf_counter()
                thumbnails[size].append(frames.thumbnails(size))
                thumbnail_seconds[size] += time.perf_counter() - clock
            for i, ordinal in enumerate(frames.ordinals.tolist()):
                if is_training[ordinal] and not labels[i]:
                    average.add(frames.luma(i))
            context.progress.advance(len(frames))
    reference = average.mean() if average.count else None
    differences, difference_seconds = None, 0.0
    if reference is not None:
        differences, difference_seconds = _differences(index, spans, is_training, reference)
    return Evidence(
        ordinals=np.array(seen, np.int64),
        present=np.concatenate(present),
        training=np.array([is_training[o] for o in seen], np.bool_),
        thumbnails={size: np.concatenate(parts) for size, parts in thumbnails.items()},
        reference=reference,
        blocks=differences,
        decode_seconds=reader.seconds / max(reader.decoded, 1),
        thumbnail_seconds={s: t / max(len(seen), 1) for s, t in thumbnail_seconds.items()},
        difference_seconds=difference_seconds,
    )


def _differences(
    index: VideoIndex,
    spans: list[tuple[int, int]],
    wanted: dict[int, bool],
    reference: NDArray[np.uint8],
) -> tuple[NDArray[np.float64], float]:
    """Block differences of the wanted frames, and the seconds that one frame takes."""
    parts: list[NDArray[np.float64]] = []
    seconds = 0.0
    with closing(Reader(index).read(spans)) as batches:
        for batch in batches:
            frames = _keep(batch, wanted)
            if not parts:
                block_differences(frames, reference)  # compiles the kernel outside the measurement
            clock = time.perf_counter()
            parts.append(block_differences(frames, reference))
            seconds += time.perf_counter() - clock
    differences = np.concatenate(parts)
    return differences, seconds / max(len(differences), 1)


def _keep(batch: FrameBatch, wanted: dict[int, bool]) -> FrameBatch:
    return batch.select(i for i, o in enumerate(batch.ordinals.tolist()) if o in wanted)
