"""Lowering: an optimised logical plan becomes physical operators, each scan with its cascade."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from vqe.errors import AccuracyWarning, BindError, VideoError
from vqe.physical.aggregate import AggregateExec
from vqe.physical.answered_scan import AnsweredScanExec
from vqe.physical.cascade_scan import CascadeScanExec
from vqe.physical.concat import ConcatExec
from vqe.physical.events import EventsExec
from vqe.physical.fill_scan import FillScanExec
from vqe.physical.filter import FilterExec
from vqe.physical.index_scan import IndexScanExec
from vqe.physical.limit import LimitExec
from vqe.physical.operator import Operator
from vqe.physical.project import ProjectExec
from vqe.physical.sort import SortExec
from vqe.physical.stages import Question, ReferenceStage
from vqe.physical.top_n import TopNExec
from vqe.physical.values import ValuesExec
from vqe.plan.catalog import VideoInfo, printable
from vqe.plan.expressions import Contains
from vqe.plan.nodes import (
    Aggregate,
    Events,
    Filter,
    Limit,
    Node,
    Project,
    Scan,
    Sort,
    TopN,
    Values,
)
from vqe.plan.regions import region_in_pixels
from vqe.planner.allowance import Allowance
from vqe.planner.cascade import decide
from vqe.planner.decision import Decision
from vqe.planner.explanation import ExplainedVideo, Explanation
from vqe.planner.preview import preview
from vqe.planner.resources import Resources
from vqe.planner.scanned_frames import frames_of_scan, may_hold
from vqe.planner.visual_scan import VisualScan
from vqe.runtime.context import Context
from vqe.runtime.warning import warn
from vqe.video.reader import BATCH_FRAMES


@dataclass
class PhysicalPlan:
    """The operators, and what was decided for the visual scan of each video, by its name.

    Where a pattern stands for several files, each is planned when its turn comes.
    """

    root: Operator
    decisions: dict[str, Decision] = field(default_factory=dict)


class Planner:
    """Plans one query; every second it takes is counted in the context's metrics."""

    def __init__(self, resources: Resources, context: Context) -> None:
        self.resources = resources
        self.context = context
        self.decisions: dict[str, Decision] = {}
        self._began = time.perf_counter()

    def plan(self, logical: Node) -> PhysicalPlan:
        """Operators that answer `logical`; labels and trains where a cascade may pay."""
        return PhysicalPlan(self._lower(logical, limit=None), self.decisions)

    def preview(self, logical: Node) -> Explanation:
        """What is known about the plan of `logical` without touching a pixel."""
        scan = next((node for node in logical.walk() if isinstance(node, Scan)), None)
        if scan is None:
            return Explanation(repr(logical), summary="no video needed")
        if scan.predicate is None:
            return Explanation(repr(logical), summary="no pixels needed: the packet index answers")
        if not scan.video.members:
            return Explanation(repr(logical), (self._preview(scan, scan.video),))
        videos = tuple(self._preview_or_skip(scan, video) for video in _members(scan))
        summary = "" if videos else "the condition rules out every file by its name"
        return Explanation(repr(logical), videos, pattern=True, summary=summary)

    def _preview(self, scan: Scan, video: VideoInfo) -> ExplainedVideo:
        visual = self._visual(scan, video, limit=None)
        store, settings = self.resources.store, self.context.settings
        return preview(printable(video.name), visual, store, settings)

    def _preview_or_skip(self, scan: Scan, video: VideoInfo) -> ExplainedVideo:
        """Of a file of a pattern, which will be skipped where it cannot be read."""
        try:
            return self._preview(scan, video)
        except VideoError:
            if self.context.settings.on_damage == "raise":
                raise
            return ExplainedVideo(printable(video.name), summary="skipped: it cannot be read")

    def _lower(self, node: Node, limit: int | None) -> Operator:  # noqa: PLR0911 - one per node
        match node:
            case Limit(count, child):
                return LimitExec(count, self._lower(child, limit=count))
            case Project(columns, child):
                return ProjectExec(columns, self._lower(child, limit))
            case Filter(condition, child):
                # Rows drop out above the scan: how many it must find is unknown.
                return FilterExec(condition, self._lower(child, limit=None))
            # Of these, too, it is unknown how many rows a scan must find.
            case Aggregate(keys, aggregates, child):
                return AggregateExec(keys, aggregates, self._lower(child, limit=None))
            case Sort(keys, child):
                return SortExec(keys, self._lower(child, limit=None))
            case TopN(count, keys, child):
                return TopNExec(count, keys, self._lower(child, limit=None))
            case Events(gap_us, min_duration_us, child):
                return EventsExec(gap_us, min_duration_us, self._lower(child, limit=None))
            case Values():
                return ValuesExec()
            case Scan(video) if video.members:
                members = _members(node)
                return ConcatExec(
                    video.name,
                    tuple(printable(member.name) for member in members),
                    lambda i, rows: self._lower_scan(
                        node,
                        members[i],
                        limit=None if limit is None else limit - rows,
                        share=1 / (len(members) - i),
                    ),
                    node.columns,
                )
            case Scan(video):
                return self._lower_scan(node, video, limit)

    def _lower_scan(
        self, scan: Scan, video: VideoInfo, limit: int | None, share: float = 1
    ) -> Operator:
        """The scan of one video, for which a `share` of what is left of the effort is meant."""
        _check_name(video)
        if scan.predicate is None:
            with self.context.metrics.phase("index"):
                _, index = self.resources.index(video.path, self.context.check)
                ordinals = frames_of_scan(scan, video.name, index)
                return IndexScanExec(video.name, index, ordinals, scan.columns)
        with self.context.metrics.phase("index"):
            visual = self._visual(scan, video, limit)
        allowance = Allowance.of(scan.effort, self.context.metrics, self._began).part(share)
        decision, fresh = decide(visual, self.resources.store, self.context, allowance)
        self.decisions[video.name] = decision
        if decision.shortfall is not None:
            warn(f"in '{video.name}': {decision.shortfall}", AccuracyWarning)
        if decision.answers is not None:
            found = "as proved" if decision.certificate else "as far as the limits went"
            return AnsweredScanExec(video.name, visual.index, decision.answers, found, scan.columns)
        if decision.fill is not None:
            return FillScanExec(
                video=video.name,
                index=visual.index,
                ordinals=visual.ordinals,
                question=visual.question,
                labels=visual.labels,
                fresh=fresh,
                fill=decision.fill,
                columns=scan.columns,
            )
        # An open LIMIT should not pay for more of the network's answers than one call gives.
        asks_all = limit is not None and not decision.stages
        return CascadeScanExec(
            video=video.name,
            index=visual.index,
            ordinals=visual.ordinals,
            question=visual.question,
            stages=decision.stages,
            reference=ReferenceStage(visual.network, visual.question, visual.labels),
            labels=visual.labels,
            fresh=fresh,
            decoding=visual.decoding(self.resources.store).strategy,
            batch_frames=min(visual.network.batch_size, BATCH_FRAMES) if asks_all else BATCH_FRAMES,
            watch=decision.watch if self.context.settings.drift else None,
            columns=scan.columns,
        )

    def _visual(self, scan: Scan, video: VideoInfo, limit: int | None) -> VisualScan:
        assert scan.predicate is not None
        assert scan.model is not None
        _check_name(video)
        network = self.resources.network(scan.model)
        model = network.fingerprint
        content, index = self.resources.index(video.path, self.context.check)
        ordinals = frames_of_scan(scan, video.name, index)
        predicate, fill = scan.predicate, self.context.settings.fill
        if predicate.region is not None:
            size = self.resources.size(video.path)
            if scan.video.members:
                predicate = _in_pixels(predicate, video.name, size)
            else:
                _check_size(video, size)
        return VisualScan(
            content=content,
            index=index,
            ordinals=ordinals,
            question=Question(
                label=network.labels.index(predicate.label),
                min_score=predicate.min_score,
                region=predicate.region,
            ),
            accuracy=scan.accuracy.shared_by(len(scan.video.members) or 1),
            effort=scan.effort,
            network=network,
            labels=self.resources.store.labels(content, model),
            plan_key=model
            and (content, model, predicate, scan.accuracy.estimated, fill, _digest(ordinals)),
            # A proof and a limited effort are about all rows, whatever a LIMIT takes of them.
            limit=None if scan.accuracy.confidence or scan.effort.limited else limit,
        )


def _members(scan: Scan) -> list[VideoInfo]:
    """The files of a pattern, without those that the condition rules out by their names."""
    return [
        member
        for member in scan.video.members
        if scan.condition is None or may_hold(scan.condition, printable(member.name))
    ]


def _check_name(video: VideoInfo) -> None:
    """Raises VideoError where column `video` cannot hold the name of the video."""
    if printable(video.name) != video.name:
        raise VideoError(f"{video.name!r} has a name that is no valid UTF-8")


def _check_size(video: VideoInfo, size: tuple[int, int]) -> None:
    """Raises VideoError where the region of the statement was that of another picture."""
    width, height = size
    if size != (video.width, video.height):
        raise VideoError(
            f"'{video.path}' has changed since the statement was checked: "
            f"it was {video.width}×{video.height}, and is {width}×{height} now",
            hint="con.sql() with the same statement finds the region anew",
        )


def _in_pixels(predicate: Contains, video: str, size: tuple[int, int]) -> Contains:
    """The predicate with its region in pixels of a file of a pattern."""
    assert predicate.region is not None
    try:
        return replace(predicate, region=region_in_pixels(predicate.region, *size))
    except BindError as error:
        raise BindError(f"in '{video}', {error.message}") from error


def _digest(ordinals: NDArray[np.int64]) -> bytes:
    """Stands for the frames in a key."""
    return hashlib.sha256(ordinals.tobytes()).digest()
