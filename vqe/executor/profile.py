"""What a finished query did, as data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from vqe.executor.query import Query
from vqe.plan.nodes import Scan
from vqe.planner.certificate import Certificate
from vqe.planner.cost import StagePrediction, add_predictions
from vqe.planner.decision import Alternative, Decision, Measured
from vqe.planner.shortfall import Shortfall
from vqe.runtime.metrics import (
    DamagedSpan,
    DriftSpan,
    EstimateMetrics,
    ScanMetrics,
    StageMetrics,
)

NO_PIXELS = "packet index"
NO_VIDEOS = "nothing to plan"


@dataclass(frozen=True)
class VideoProfile:
    """The scan of one video; a prediction covers what was to do when the plan was chosen.

    `stages`, decoding first, are empty before the scan begins. `lost`: frames without rows, because
    they could not be decoded; `doubtful`: frames that may show remains of damaged ones; `drift`:
    where frames looked like nothing that was labelled, and what was done about it; `watch_labels`
    and `watch_seconds`: what watching for that took, the labels' seconds not included; `until`: the
    frame from which on another plan, which comes next, answers; None where this one answers all.
    """

    video: str
    plan: str
    reason: str
    stages: tuple[StageMetrics, ...]
    predictions: tuple[StagePrediction, ...]
    alternatives: tuple[Alternative, ...]
    measured: Measured | None
    """Errors of the plan on the selection set; None where nothing was estimated."""
    certificate: Certificate | None
    """What is proved of the rows, where the query asked for a CONFIDENCE and did not need EXACT."""
    shortfall: Shortfall | None
    """How far it came, where a BUDGET or a DEADLINE ended before the bounds were met."""
    labels_to_plan: int
    lost: tuple[DamagedSpan, ...]
    doubtful: tuple[DamagedSpan, ...]
    drift: tuple[DriftSpan, ...]
    watch_labels: int
    watch_seconds: float
    until: int | None


@dataclass(frozen=True)
class Profile:
    """What a query did so far. Seconds are wall-clock, those of stages CPU time of their threads.

    `plan`, `reason`, `stages` and the others up to `measured` are those of the video; of several,
    sums, where there are any, and otherwise nothing: see `videos`.
    """

    plan: str
    reason: str
    rows: int
    wall_seconds: float
    cpu_seconds: float
    """Of all threads of this process, while the query was at work."""
    phases: dict[str, float]
    """Seconds of the one-off work: index, labelling, training, search."""
    stages: tuple[StageMetrics, ...]
    predictions: tuple[StagePrediction, ...]
    alternatives: tuple[Alternative, ...]
    measured: Measured | None
    """Errors of the plan on the selection set; None where nothing was estimated."""
    certificate: Certificate | None
    """What is proved of the rows, where the query asked for a CONFIDENCE and did not need EXACT."""
    shortfall: Shortfall | None
    """How far it came, where a BUDGET or a DEADLINE ended before the bounds were met."""
    reference_calls: int
    """Frames that the reference network was asked about, to plan and to answer."""
    labels_to_plan: int
    labels_from_store: int
    frames_decoded: int
    """Frames that left a decoder, to plan and to answer, each time that one did."""
    videos: tuple[VideoProfile, ...]
    skipped: dict[str, str]
    """Videos that could not be read at all, with the reason, where `on_damage` is 'skip'."""
    estimates: tuple[EstimateMetrics, ...]
    """Aggregates that were estimated from a sample, as ERROR WITHIN allows."""

    @property
    def one_off_seconds(self) -> float:
        """All phases before the scan."""
        return sum(self.phases.values())

    @property
    def lost(self) -> int:
        """Frames without rows, because they could not be decoded."""
        return sum(span.frames for video in self.videos for span in video.lost)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)


def profile(query: Query) -> Profile:
    """The profile of a query as far as it has run."""
    metrics = query.context.metrics
    decisions = query.physical.decisions if query.physical else {}
    scans = {scan.video: scan for scan in metrics.scans if not scan.of_rows}
    videos = tuple(_video(name, decisions[name], scans.get(name)) for name in decisions)
    alone = videos[0] if len(videos) == 1 else None
    return Profile(
        plan=_plan_name(query, videos),
        reason=alone.reason if alone else "",
        rows=metrics.rows,
        wall_seconds=metrics.wall_seconds,
        cpu_seconds=metrics.cpu_seconds,
        phases=dict(metrics.phases),
        stages=tuple(metrics.stages),
        predictions=add_predictions([video.predictions for video in videos]),
        alternatives=alone.alternatives if alone else (),
        measured=alone.measured if alone else None,
        certificate=alone.certificate if alone else None,
        shortfall=alone.shortfall if alone else None,
        reference_calls=metrics.labels_from_reference,
        labels_to_plan=sum(video.labels_to_plan for video in videos),
        labels_from_store=metrics.labels_from_store,
        frames_decoded=metrics.decoded_to_plan
        + sum(scan.decoding.frames_in for scan in metrics.scans),
        videos=videos,
        skipped=dict(metrics.skipped),
        estimates=tuple(metrics.estimates),
    )


def _video(name: str, decision: Decision, scan: ScanMetrics | None) -> VideoProfile:
    return VideoProfile(
        video=name,
        plan=decision.name,
        reason=decision.reason,
        stages=() if scan is None else (scan.decoding, *scan.stages),
        predictions=decision.predictions,
        alternatives=decision.alternatives,
        measured=decision.measured,
        certificate=decision.certificate,
        shortfall=decision.shortfall,
        labels_to_plan=decision.labels,
        lost=scan.lost if scan else (),
        doubtful=scan.doubtful if scan else (),
        drift=tuple(scan.watch.spans) if scan else (),
        watch_labels=scan.watch.labels if scan else 0,
        watch_seconds=scan.watch.seconds if scan else 0.0,
        until=decision.until,
    )


def _plan_name(query: Query, videos: tuple[VideoProfile, ...]) -> str:
    if query.physical is None:
        return "not planned yet"
    if not any(isinstance(node, Scan) and node.predicate for node in query.logical.walk()):
        return NO_PIXELS
    names = dict.fromkeys(video.plan for video in videos)
    return " / ".join(names) or NO_VIDEOS
