"""Asking the reference network while planning."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.detections import Detections
from vqe.models.reference import ReferenceNetwork
from vqe.physical.question import Question
from vqe.physical.stages import detect
from vqe.planner.allowance import Allowance, SpentError
from vqe.planner.cost import NetworkCost
from vqe.runtime.context import Context
from vqe.storage.labels import LabelStore
from vqe.video.frames import FrameBatch, full_batches
from vqe.video.index import VideoIndex
from vqe.video.reader import Reader, ReadReport
from vqe.video.strategies import FrameSet


class Labeller:
    """Asks the reference network about frames, once each, and times it.

    `fresh`: ordinals labelled by this labeller, in the order of asking; `expected`: what the
    network is known to take, until it was timed here. Raises SpentError instead of asking for more
    than the `allowance`.
    """

    def __init__(
        self,
        network: ReferenceNetwork,
        question: Question,
        labels: LabelStore,
        context: Context,
        *,
        allowance: Allowance,
        expected: NetworkCost | None = None,
    ) -> None:
        self.network = network
        self.question = question
        self.labels = labels
        self.context = context
        self.allowance = allowance
        self._began = time.perf_counter()
        self.expected = expected
        frames, mark = labels.measure(question.marks)
        self._known = dict(zip(frames.tolist(), mark.tolist(), strict=True))
        self.fresh: list[int] = []
        self._timings: list[tuple[int, float]] = []
        self._cpu = _CpuCount()

    def label(self, frames: FrameBatch) -> NDArray[np.bool_]:
        """Whether the question holds, bool (N,); known labels are not asked again."""
        unknown = [i for i, o in enumerate(frames.ordinals.tolist()) if o not in self._known]
        if unknown:
            unknown = unknown[: self._most_now(len(unknown))]
            asked = frames.select(unknown)
            detections = self._ask(asked)
            self.labels.add(asked.ordinals, detections)
            mark = self.question.marks(asked.ordinals, detections)
            self._known.update(zip(asked.ordinals.tolist(), mark.tolist(), strict=True))
            self.fresh.extend(asked.ordinals.tolist())
        return self.question.holds(self.marks(frames.ordinals))

    def _most_now(self, n: int) -> int:
        """How many of n frames may be asked about. Raises SpentError where not all of them may; but
        before anything was asked, as many as there may be, however late it is: without a label
        there is nothing to answer by."""
        metrics = self.context.metrics
        if not metrics.labels_from_reference:
            return int(min(n, max(self.allowance.calls, 1)))
        self.check_deadline()
        if self.affordable < n:
            raise SpentError
        return n

    def check_deadline(self) -> None:
        """Raises SpentError once the time is over."""
        if self.allowance.late:
            raise SpentError

    def read(self, index: VideoIndex, ordinals: NDArray[np.int64], phase: str) -> ReadReport:
        """Decodes and labels frames, int64 ascending; what that took, and the damage met."""
        reader = self.reader()
        with self.counting_cpu(reader):
            for _ in self.labelled(reader, index, ordinals, phase):
                pass
        return reader.report

    def reader(self) -> Reader:
        """What reads frames for the network."""
        return Reader(
            threads=self.context.decode_threads,
            batch_frames=self.network.batch_size,
            cancelled=self.context.cancelled.is_set,
        )

    def labelled(
        self, reader: Reader, index: VideoIndex, ordinals: NDArray[np.int64], phase: str
    ) -> Generator[tuple[FrameBatch, NDArray[np.bool_]]]:
        """Frames, int64 ascending, and whether the question holds in each, bool (N,), while they
        are decoded and labelled."""
        progress = self.context.progress.phase(phase, len(ordinals))
        try:
            plan = FrameSet().plan(index, ordinals)
            with closing(reader.read(plan)) as batches:
                for frames in full_batches(batches, self.network.batch_size):
                    self.context.check()
                    yield frames, self.label(frames)
                    progress.advance(len(frames))
        finally:
            self.context.metrics.decoded_to_plan += reader.report.decoded
        self.context.check()

    def unknown(self, ordinals: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of the frames that have no label yet; some, spread over all, where the allowance
        ends before them."""
        unknown = np.array([o for o in ordinals.tolist() if o not in self._known], np.int64)
        most = self.affordable
        if len(unknown) <= most:
            return unknown
        return spread(unknown, int(most))

    def marks(self, ordinals: NDArray[np.int64]) -> NDArray[np.float32]:
        """The marks of labelled frames, float32 (N,)."""
        try:
            return np.array([self._known[o] for o in ordinals.tolist()], np.float32)
        except KeyError as unlabelled:
            raise SpentError from unlabelled

    @property
    def affordable(self) -> float:
        """Frames that the allowance is enough for, with what it takes to decode them."""
        elapsed = time.perf_counter() - self._began
        return self.allowance.frames(elapsed / len(self.fresh) if self.fresh else None)

    def marks_or_nan(self, ordinals: NDArray[np.int64]) -> NDArray[np.float32]:
        """The marks of those of the frames that are labelled, float32 (N,), and NaN."""
        nan = math.nan
        return np.array([self._known.get(o, nan) for o in ordinals.tolist()], np.float32)

    def measure(self, frames: FrameBatch) -> None:
        """Makes sure that the network was timed, although all labels may have been known."""
        if self.cost is None:
            self._ask(frames)
            self._ask(frames)

    @property
    def cost(self) -> NetworkCost | None:
        """Of the reference network; None where it was never asked.

        The first call pays for what happens once, such as loading kernels: a frame takes no more.
        What was measured before this query counts as long as nothing here speaks against it.
        """
        timings = self._timings[1:] or self._timings
        if not timings:
            return self.expected
        seconds = sum(seconds for _, seconds in timings) / sum(n for n, _ in timings)
        once = len(self._timings) == 1
        if once and self.expected and self.expected.seconds_per_frame <= seconds:
            return self.expected
        cores = self._cpu.cores
        if cores is None:
            cores = self.expected.cores if self.expected else 1.0
        return NetworkCost(seconds, cores)

    @property
    def seconds_per_frame(self) -> float | None:
        """Of the reference network, on the clock."""
        return None if self.cost is None else self.cost.seconds_per_frame

    @property
    def seconds(self) -> float:
        """What its calls have taken so far, on the clock."""
        return sum(seconds for _, seconds in self._timings)

    @contextmanager
    def counting_cpu(self, reader: Reader) -> Iterator[None]:
        """In the block nothing is done but to label what `reader` delivers: all CPU time that it
        does not spend in decoders is the network's."""
        began, asked, decoding = time.process_time(), self.seconds, reader.report.seconds
        try:
            yield
        finally:
            spent = time.process_time() - began - (reader.report.seconds - decoding)
            self._cpu.add(spent, self.seconds - asked)

    @property
    def cpu_seconds(self) -> float:
        """CPU time that was counted for the network so far."""
        return self._cpu.spent

    def _ask(self, frames: FrameBatch) -> Detections:
        clock = time.perf_counter()
        detections = detect(self.network, frames)
        self._timings.append((len(frames), time.perf_counter() - clock))
        self.context.metrics.labels_from_reference += len(frames)
        return detections


def spread(ordinals: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """So many of the ascending ordinals, at even distances."""
    return ordinals[(2 * np.arange(most) + 1) * len(ordinals) // max(2 * most, 1)]


@dataclass
class _CpuCount:
    """CPU seconds and seconds on the clock, and how many of both the first block took."""

    spent: float = 0.0
    clock: float = 0.0
    first: tuple[float, float] | None = None

    def add(self, spent: float, clock: float) -> None:
        """Counts a block."""
        self.spent += max(spent, 0.0)
        self.clock += clock
        self.first = self.first or (self.spent, self.clock)

    @property
    def cores(self) -> float | None:
        """Cores kept busy, after the first block where there are more; None before any."""
        if self.first is None or not self.clock:
            return None
        spent, clock = self.spent - self.first[0], self.clock - self.first[1]
        return spent / clock if clock > 0 else self.spent / self.clock
