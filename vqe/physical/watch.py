"""Drift: frames that look like nothing that was labelled are not taken on trust.

A cheap look at each frame raises suspicion, labels confirm it. Where they contradict the cascade,
the reference network answers until enough of them agree again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vqe.detectors.look import ASPECTS, LookMeasure
from vqe.runtime.metrics import DriftSpan, WatchMetrics
from vqe.statistics.novelty import KnownPoints
from vqe.video.frames import FrameBatch
from vqe.video.index import VideoIndex

LOOKS = 2
"""Every so manieth frame is looked at, and speaks for those up to the next."""

SPACING = 4
"""Of strange frames every so manieth is checked: neighbours are almost copies."""

TRUSTED_AGAIN = 40
"""Labels in a row that must agree before strange frames are only sampled again."""

FAMILIAR = 20
"""Labels of each answer that must agree in a row before a look counts as known: while nobody comes,
nothing tells whether somebody would be seen."""

SAME_SPAN_US = 1_000_000
"""Strange frames that are no farther apart are reported together."""


@dataclass(frozen=True)
class Strange:
    """Frames that a stage answered although they look like nothing that was labelled.

    `rows`: int64 (S,), their positions in the batch; `looks`: float64 (S, 3).
    """

    rows: NDArray[np.int64]
    frames: FrameBatch
    looks: NDArray[np.float64]


@dataclass(frozen=True)
class Watch:
    """Measures how frames look, and knows the looks of the labelled blocks."""

    measure: LookMeasure
    known: KnownPoints

    def strange(self, frames: FrameBatch, rows: NDArray[np.int64]) -> Strange | None:
        """Those of the frames at `rows`, int64, that look like nothing that is known."""
        if not len(rows):
            return None
        looks = self.measure(frames, rows[::LOOKS])
        novel = self.known.novel(looks)
        if not novel.any():
            return None
        which = np.flatnonzero(np.repeat(novel, LOOKS)[: len(rows)])
        return Strange(rows[which], frames.select(rows[which]), looks[which // LOOKS])


class Patience(Protocol):
    """How long a scan goes on with a plan that labels contradict."""

    def ends(self, labels: int, answered: int, remaining: int) -> bool:
        """Whether the `remaining` frames had better be planned anew: since the first contradiction
        the reference network was asked about `labels` of the `answered` frames."""


@dataclass
class Review:
    """Checks strange frames in their order; what it learns lasts for the scan.

    `known`: looks that need no check; `trusted`: whether a sample of the strange frames suffices;
    `agreed`: looks whose labels agreed since one did not, with the `counts` of those that said
    absent and present; `contradicted`: whether any label did not agree so far.
    """

    watch: Watch
    index: VideoIndex
    metrics: WatchMetrics
    known: KnownPoints = field(init=False)
    trusted: bool = True
    agreed: list[NDArray[np.float64]] = field(default_factory=list)
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(2, np.int64))
    contradicted: bool = False

    def __post_init__(self) -> None:
        self.known = self.watch.known

    def still_strange(self, strange: Strange) -> NDArray[np.int64]:
        """Those that are not known by now, as positions among the strange frames."""
        return np.flatnonzero(self.known.novel(strange.looks))

    def to_ask(self, n: int) -> NDArray[np.int64]:
        """Which of n strange frames to show to the reference network first, ascending."""
        few = -(-n // SPACING) if self.trusted else n
        return np.unique(np.linspace(0, n - 1, max(few, min(n, 2))).astype(np.int64))

    def learn(
        self, looks: NDArray[np.float64], said: NDArray[np.bool_], label: NDArray[np.bool_]
    ) -> None:
        """What the cascade said about n frames, bool (n,), and the labels that they have."""
        if (said != label).any():
            self.trusted, self.contradicted = False, True
            self._forget()
            return
        self.agreed.append(looks)
        self.counts += np.bincount(label.astype(np.int64), minlength=2)
        self.trusted = self.trusted or self.counts.sum() >= TRUSTED_AGAIN
        if self.trusted and (self.counts >= FAMILIAR).all():
            self.known = self.known.with_points(np.concatenate(self.agreed))
            self._forget()

    def _forget(self) -> None:
        self.agreed.clear()
        self.counts[:] = 0

    def report(self, strange: Strange, rows: NDArray[np.int64], *, labels: int, wrong: int) -> None:
        """Notes what was done about the strange frames at positions `rows` among them."""
        ordinals = strange.frames.ordinals[rows]
        differs = self.watch.known.farthest(strange.looks[rows])
        start, stop = int(ordinals[0]), int(ordinals[-1]) + 1
        span = DriftSpan(
            start_frame=start,
            stop_frame=stop,
            start_us=int(self.index.timestamps_us[start]),
            stop_us=self.index.end_us(stop - 1),
            why=ASPECTS[int(np.bincount(differs).argmax())],
            frames=len(rows),
            labels=labels,
            wrong=wrong,
        )
        self.metrics.labels += labels
        spans = self.metrics.spans
        if spans and span.start_us - spans[-1].stop_us <= SAME_SPAN_US:
            spans[-1] = spans[-1].joined(span)
        else:
            spans.append(span)
