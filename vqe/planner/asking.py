"""Decoding frames for a refinement, to label them or to look at them, and what that takes."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.models.kernel_model import SIZE
from vqe.planner.labeller import Labeller
from vqe.planner.refine import NotWorthwhileError
from vqe.planner.refinement_cost import Spending
from vqe.planner.visual_scan import VisualScan
from vqe.runtime.context import Context
from vqe.video.frames import FrameBatch
from vqe.video.reader import SCREENED_FRAMES, Reader, ReadReport
from vqe.video.strategies import FrameSet


@dataclass(frozen=True)
class _Thumbnails:
    """Of n frames, int64 (n,): uint8 (n, SIZE, SIZE, 3) RGB."""

    ordinals: NDArray[np.int64]
    pixels: NDArray[np.uint8]

    @property
    def nbytes(self) -> int:
        return self.pixels.nbytes


class Asking:
    """Frames of a scan by their positions in it, int64 (n,), ascending.

    Raises NotWorthwhileError where some cannot be decoded: who answers by neighbours must see all
    that is asked about.
    """

    def __init__(self, scan: VisualScan, labeller: Labeller, context: Context) -> None:
        self.scan = scan
        self.labeller = labeller
        self.context = context
        self.spending = Spending(labeller)

    def read(self, positions: NDArray[np.int64]) -> ReadReport:
        """Labels those of the frames that have no label yet."""
        unknown = self.labeller.unknown(self.scan.ordinals[positions])
        return self._checked(self.labeller.read(self.scan.index, unknown, "labelling"))

    def answers(self, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
        """What the labels say, bool (n,)."""
        return self.scan.question.holds(self.labeller.marks(self.scan.ordinals[positions]))

    def thumbnails(self, positions: NDArray[np.int64]) -> NDArray[np.uint8]:
        """What the frames look like, uint8 (n, SIZE, SIZE, 3) RGB."""

        def shrink(frames: FrameBatch) -> _Thumbnails:
            return _Thumbnails(frames.ordinals, frames.thumbnails(SIZE))

        ordinals = self.scan.ordinals[positions]
        pixels = np.empty((len(ordinals), SIZE, SIZE, 3), np.uint8)
        progress = self.context.progress.phase("looking", len(ordinals))
        reader = Reader(
            threads=self.context.decode_threads,
            batch_frames=SCREENED_FRAMES,
            cancelled=self.context.cancelled.is_set,
        )
        plan = FrameSet().plan(self.scan.index, ordinals)
        with closing(reader.process(plan, lambda: shrink)) as parts:
            for part in parts:
                self.context.check()
                pixels[np.searchsorted(ordinals, part.ordinals)] = part.pixels
                progress.advance(len(part.ordinals))
        self.context.metrics.decoded_to_plan += reader.report.decoded
        self.context.check()
        self._checked(reader.report)
        return pixels

    def _checked(self, report: ReadReport) -> ReadReport:
        self.spending.add(report)
        if report.damage:
            raise NotWorthwhileError("some frames cannot be decoded")
        return report
