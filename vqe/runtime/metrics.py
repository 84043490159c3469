"""What a query did and how long it took."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class StageMetrics:
    """One step of a scan: frames in, how many of them it decided, busy seconds."""

    name: str
    frames_in: int = 0
    decided: int = 0
    seconds: float = 0.0

    @property
    def passed_on(self) -> int:
        """Frames that the next step had to look at."""
        return self.frames_in - self.decided

    def add(self, frames_in: int, decided: int, seconds: float) -> None:
        """Counts one more batch."""
        self.frames_in += frames_in
        self.decided += decided
        self.seconds += seconds


MOST_SHOWN = 8


@dataclass(frozen=True)
class DamagedSpan:
    """Frames [start_frame, stop_frame), shown from start_us to stop_us after the first frame."""

    start_frame: int
    stop_frame: int
    start_us: int
    stop_us: int

    @property
    def frames(self) -> int:
        """How many frames."""
        return self.stop_frame - self.start_frame

    def __str__(self) -> str:
        last = self.stop_frame - 1
        frames = str(last) if last == self.start_frame else f"{self.start_frame}–{last}"
        return f"{frames} ({self.start_us / 1e6:.2f}–{self.stop_us / 1e6:.2f} s)"


def spans_text(spans: Sequence[DamagedSpan]) -> str:
    """The first of the spans, in a line."""
    more = f" and {len(spans) - MOST_SHOWN} more spans" if len(spans) > MOST_SHOWN else ""
    return ", ".join(map(str, spans[:MOST_SHOWN])) + more


@dataclass(frozen=True)
class VideoDamage:
    """The frames of a video that were lost, and those that are doubtful."""

    video: str
    lost: tuple[DamagedSpan, ...] = ()
    doubtful: tuple[DamagedSpan, ...] = ()


@dataclass(frozen=True)
class DriftSpan:
    """Frames [start_frame, stop_frame), shown from start_us to stop_us, some of which looked like
    nothing that was labelled.

    `why`: what was strange about most of them; `frames`: how many of them the cascade had answered;
    `labels`: how many of these were shown to the reference network, which gave `wrong` of them
    another answer.
    """

    start_frame: int
    stop_frame: int
    start_us: int
    stop_us: int
    why: str
    frames: int
    labels: int
    wrong: int

    @property
    def outcome(self) -> str:
        """What was done."""
        if self.wrong:
            return "the reference network answered"
        return "labels agreed"

    def joined(self, later: DriftSpan) -> DriftSpan:
        """Both as one; what is strange about the one with more frames counts."""
        return DriftSpan(
            self.start_frame,
            later.stop_frame,
            self.start_us,
            later.stop_us,
            self.why if self.frames >= later.frames else later.why,
            self.frames + later.frames,
            self.labels + later.labels,
            self.wrong + later.wrong,
        )

    def __str__(self) -> str:
        span = DamagedSpan(self.start_frame, self.stop_frame, self.start_us, self.stop_us)
        return (
            f"{span}: new {self.why}, {self.outcome} "
            f"({self.frames} strange, {self.labels} labelled, {self.wrong} corrected)"
        )


@dataclass
class WatchMetrics:
    """What watching for drift took: frames looked at, with their CPU seconds; labels, with the
    seconds that they took; and the spans that were checked."""

    frames: int = 0
    seconds: float = 0.0
    labels: int = 0
    label_seconds: float = 0.0
    spans: list[DriftSpan] = field(default_factory=list)


def drift_text(watch: WatchMetrics) -> str:
    """What watching for drift found, the first spans a line each."""
    more = len(watch.spans) - MOST_SHOWN
    lines = [
        f"spans that looked like nothing labelled before: {len(watch.spans)}, "
        f"checked by {watch.labels} labels in {watch.label_seconds:.2f} s",
        *map(str, watch.spans[:MOST_SHOWN]),
        *([f"and {more} more spans"] if more > 0 else []),
    ]
    return "\n  ".join(lines)


@dataclass
class ScanMetrics:
    """The scan of one video: its steps in order, and the damage and the drift that it met; or, with
    `of_rows`, what looking at the frames of rows took."""

    video: str
    decoding: StageMetrics
    stages: list[StageMetrics]
    lost: tuple[DamagedSpan, ...] = ()
    doubtful: tuple[DamagedSpan, ...] = ()
    watch: WatchMetrics = field(default_factory=WatchMetrics)
    of_rows: bool = False


@dataclass(frozen=True)
class EstimateMetrics:
    """An aggregate that was estimated: in so many groups, from `sampled` of `rows` rows, within
    `half_width` in each of them, with a confidence of 95 %."""

    name: str
    groups: int
    rows: int
    sampled: int
    half_width: float

    def __str__(self) -> str:
        share = f"{self.sampled:,} of {self.rows:,} rows"
        return f"{self.name}: within {self.half_width:.2g} (95 %), from {share}"


@dataclass
class Metrics:
    """Seconds of the one-off phases by name, and the scans in order.

    `damage`: what will be raised behind the last row, as scans met it; `skipped`: videos that
    could not be read at all, with the reason; `labels_from_store`: frames
    answered by the label of an earlier query, as far as their rows were asked for;
    `decoded_to_plan`: frames that left a decoder before the scans began; `cpu_seconds`: of all
    threads of this process, while the query was at work.
    """

    phases: dict[str, float] = field(default_factory=dict)
    scans: list[ScanMetrics] = field(default_factory=list)
    damage: list[VideoDamage] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    estimates: list[EstimateMetrics] = field(default_factory=list)
    labels_from_reference: int = 0
    labels_from_store: int = 0
    decoded_to_plan: int = 0
    rows: int = 0
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def stages(self) -> list[StageMetrics]:
        """The steps of all scans, those of one name added up; the reference network's is last."""
        total: dict[str, StageMetrics] = {}
        for scan in self.scans:
            for stage in (scan.decoding, *scan.stages):
                sum_ = total.setdefault(stage.name, StageMetrics(stage.name))
                sum_.add(stage.frames_in, stage.decided, stage.seconds)
        last = self.scans[0].stages[-1].name if self.scans else ""
        return sorted(total.values(), key=lambda stage: stage.name == last)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Adds the wall seconds of the block to phase `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.phases[name] = self.phases.get(name, 0.0) + time.perf_counter() - start
