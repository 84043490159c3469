"""Inquiries: what may be found out about the frames of a scan while links are learned."""

from __future__ import annotations

import math
import time
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vqe.detectors.difference import GRID
from vqe.detectors.earlier import block_means, compile_kernels
from vqe.physical.stages import ABSENT, PRESENT, UNKNOWN
from vqe.planner.labeller import Labeller
from vqe.planner.visual_scan import VisualScan
from vqe.runtime.context import Context
from vqe.video.reader import Reader
from vqe.video.strategies import FrameSet


@dataclass(frozen=True)
class Pictures:
    """What n frames look like.

    `ordinals`: int64 (n,), ascending; `means`: float32 (n, 400), luma per block of the picture;
    `seconds`: what measuring takes per frame.
    """

    ordinals: NDArray[np.int64]
    means: NDArray[np.float32]
    seconds: float


class Inquiry(Protocol):
    """What to ask about frames: their answers, and their pictures."""

    @property
    def ordinals(self) -> NDArray[np.int64]:
        """The frames of the scan, int64 ascending."""

    @property
    def spare(self) -> float:
        """Labels that are not wanted for something else."""

    def label(self, ordinals: NDArray[np.int64]) -> NDArray[np.int8]:
        """What the reference network says of frames, int64 (n,): ABSENT, PRESENT, or UNKNOWN where
        one cannot be decoded, int8 (n,)."""

    def pictures(self, ordinals: NDArray[np.int64]) -> Pictures:
        """Of frames, int64 ascending, as far as they can be decoded."""


@dataclass(frozen=True)
class ScanInquiry:
    """Asks the reference network, and reads the video."""

    scan: VisualScan
    labeller: Labeller
    context: Context

    @property
    def ordinals(self) -> NDArray[np.int64]:
        """The frames of the scan."""
        return self.scan.ordinals

    @property
    def spare(self) -> float:
        """None where the query has limits: labels are for its answers then."""
        return 0 if self.labeller.allowance.limited else math.inf

    def label(self, ordinals: NDArray[np.int64]) -> NDArray[np.int8]:
        """As the question holds for their labels."""
        unknown = self.labeller.unknown(np.unique(ordinals))
        self.labeller.read(self.scan.index, unknown, "labelling")
        marks = self.labeller.marks_or_nan(ordinals)
        said = np.where(self.scan.question.holds(marks), PRESENT, ABSENT)
        return np.where(np.isnan(marks), UNKNOWN, said).astype(np.int8)

    def pictures(self, ordinals: NDArray[np.int64]) -> Pictures:
        """Decodes them, and times what is measured on the way."""
        compile_kernels()  # outside the measurement
        context = self.context
        reader = Reader(threads=context.decode_threads, cancelled=context.cancelled.is_set)
        found, means = [np.empty(0, np.int64)], [np.empty((0, GRID[0] * GRID[1]), np.float32)]
        seconds = 0.0
        with closing(reader.read(FrameSet().plan(self.scan.index, ordinals))) as batches:
            for frames in batches:
                context.check()
                clock = time.perf_counter()
                means.append(block_means(frames))
                seconds += time.perf_counter() - clock
                found.append(frames.ordinals)
        context.metrics.decoded_to_plan += reader.report.decoded
        context.check()
        n = sum(map(len, found))
        return Pictures(np.concatenate(found), np.concatenate(means), seconds / max(n, 1))
