"""Lowering: an optimised logical plan becomes physical operators, each scan with its cascade."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from vqe.errors import AccuracyWarning, VideoError
from vqe.physical.aggregate import AggregateExec
from vqe.physical.annotate import AnnotateExec, Footage
from vqe.physical.answered_scan import AnsweredScanExec
from vqe.physical.cascade_scan import CascadeScanExec
from vqe.physical.concat import ConcatExec
from vqe.physical.damage import report_unreadable
from vqe.physical.estimate import EstimateExec
from vqe.physical.events import EventsExec
from vqe.physical.fill_scan import FillScanExec
from vqe.physical.filter import FilterExec
from vqe.physical.index_scan import IndexScanExec
from vqe.physical.limit import LimitExec
from vqe.physical.merge import MergeExec
from vqe.physical.operator import Operator
from vqe.physical.project import ProjectExec
from vqe.physical.sort import SortExec
from vqe.physical.spaced_limit import SpacedLimitExec
from vqe.physical.stages import ReferenceStage
from vqe.physical.top_n import TopNExec
from vqe.physical.values import ValuesExec
from vqe.plan.catalog import ModelInfo, VideoInfo, printable
from vqe.plan.nodes import (
    Aggregate,
    Annotate,
    Events,
    Filter,
    Limit,
    Node,
    Project,
    Scan,
    Sort,
    SpacedLimit,
    TopN,
    Values,
)
from vqe.planner.allowance import Allowance
from vqe.planner.cascade import decide
from vqe.planner.decision import Decision
from vqe.planner.explanation import ExplainedVideo, Explanation
from vqe.planner.preview import preview
from vqe.planner.resources import Resources
from vqe.planner.scanned_frames import frames_of_scan, may_hold
from vqe.planner.spaced import SpacedSearch
from vqe.planner.visual_scan import VisualScan
from vqe.planner.visual_scans import VisualScans, check_name, visual_scans
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
        self._asked: dict[str, NDArray[np.int64]] = {}  # frames labelled before a scan is planned
        self._began = time.perf_counter()

    def plan(self, logical: Node) -> PhysicalPlan:
        """Operators that answer `logical`; labels and trains where a cascade may pay."""
        return PhysicalPlan(self._lower(logical, limit=None), self.decisions)

    def choose(self, logical: Node) -> Iterator[tuple[str, Decision]]:
        """The decision for each video of `logical`, one after the other; nothing is scanned."""
        root = self._lower(logical, limit=None)
        yield from self.decisions.items()
        for concat in root.walk():
            if isinstance(concat, ConcatExec):
                for i, video in enumerate(concat.videos):
                    self.context.check()
                    known = len(self.decisions)
                    try:
                        concat.open(i, 0)
                    except VideoError as error:
                        report_unreadable(video, error, self.context)
                    else:
                        yield from list(self.decisions.items())[known:]

    def preview(self, logical: Node) -> Explanation:
        """What is known about the plan of `logical` without touching a pixel."""
        if not any(isinstance(node, Scan) for node in logical.walk()):
            return Explanation(repr(logical), summary="no video needed")
        scan = _scan_of(logical)
        if scan.predicate is None and any(isinstance(node, Annotate) for node in logical.walk()):
            return Explanation(repr(logical), summary="pixels are needed for the rows alone")
        if scan.predicate is None:
            return Explanation(repr(logical), summary="no pixels needed: the packet index answers")
        if not scan.video.members:
            videos = tuple(self._preview(scan, scan.video))
            summary = "" if videos else "no pixels needed: the packet index decides"
            return Explanation(repr(logical), videos, pattern=len(videos) > 1, summary=summary)
        videos = tuple(
            told for video in _members(scan) for told in self._preview_or_skip(scan, video)
        )
        summary = "" if videos else "the condition rules out every file by its name"
        return Explanation(repr(logical), videos, pattern=True, summary=summary)

    def _preview(self, scan: Scan, video: VideoInfo) -> list[ExplainedVideo]:
        """One for each question that the video is asked."""
        visual = visual_scans(scan, video, None, self.resources, self.context)
        store, settings = self.resources.store, self.context.settings
        titles = visual.titles(printable(video.name))
        return [
            preview(title, one, store, settings)
            for title, one in zip(titles, visual.scans, strict=True)
        ]

    def _preview_or_skip(self, scan: Scan, video: VideoInfo) -> list[ExplainedVideo]:
        """Of a file of a pattern, which will be skipped where it cannot be read."""
        try:
            return self._preview(scan, video)
        except VideoError:
            if self.context.settings.on_damage == "raise":
                raise
            return [ExplainedVideo(printable(video.name), summary="skipped: it cannot be read")]

    def _lower(self, node: Node, limit: int | None) -> Operator:  # noqa: PLR0911, PLR0912 - one per node
        match node:
            case Limit(count, child):
                return LimitExec(count, self._lower(child, limit=count))
            case SpacedLimit():
                return self._lower_spaced(node)
            case Project(columns, child):
                return ProjectExec(columns, self._lower(child, limit))
            case Annotate(columns, model, child):
                footage = partial(self._footage, _scan_of(node), model)
                return AnnotateExec(columns, self._lower(child, limit), footage)
            case Filter(condition, child):
                # Rows drop out above the scan: how many it must find is unknown.
                return FilterExec(condition, self._lower(child, limit=None))
            # Of these, too, it is unknown how many rows a scan must find.
            case Aggregate(keys, aggregates, Annotate(sights, model, child), float(error)):
                return EstimateExec(
                    *(keys, aggregates, error, sights, self._lower(child, limit=None)),
                    footage=partial(self._footage, _scan_of(node), model),
                    affordable=partial(self._affordable, _scan_of(node)),
                )
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

    def _lower_spaced(self, node: SpacedLimit) -> Operator:
        """The rows that a search has found, or those of the child, as far as they are confirmed."""
        scan = _scan_of(node)
        members = {member.name: member for member in scan.video.members or (scan.video,)}

        def ask(video: str) -> VisualScans:
            return visual_scans(scan, members[video], None, self.resources, self.context)

        if scan.predicate is None:
            child = self._lower(node.child, limit=None)
            return SpacedLimitExec(node.count, node.gap, child, None)
        assert scan.model is not None
        search = SpacedSearch(
            node.count, node.gap, ask, self.resources.store, self.context, self._began
        )
        found = None
        if node.child is scan:  # else some of what is found could drop out above the scan
            videos = _members(scan) if scan.video.members else [scan.video]
            found = search.run([video.name for video in videos])
        if found is None:
            self._asked = search.asked
            child = self._lower(node.child, limit=None)
            batch = self.resources.network(scan.model).batch_size
            return SpacedLimitExec(node.count, node.gap, child, search.confirm, batch)
        for one in found:
            asked = f"{one.labels:,} frame{'s' if one.labels != 1 else ''} asked about"
            reason = f"{len(one.answers.ordinals)} found in order of promise, {asked}"
            self.decisions[one.video] = Decision((), reason, labels=one.labels)
        rows = [
            AnsweredScanExec(
                one.video, one.visual.index, one.answers, "as found", one.video, scan.columns
            )
            for one in found
        ]
        if len(rows) == 1:
            return rows[0]
        names = tuple(one.video for one in found)
        return ConcatExec(scan.video.name, names, lambda i, _: rows[i], scan.columns)

    def _affordable(self, scan: Scan) -> float:
        """Calls of the network that are left to what is asked above the scan."""
        return Allowance.of(scan.effort, self.context.metrics, self._began).frames(None)

    def _footage(self, scan: Scan, model: ModelInfo | None, video: str) -> Footage:
        """Of a row's video, by its name."""
        members = {member.name: member for member in scan.video.members or (scan.video,)}
        content, index = self.resources.index(members[video], self.context.check)
        network = None if model is None else self.resources.network(model)
        return Footage(index, network, self.resources.labels(content, network))

    def _lower_scan(
        self, scan: Scan, video: VideoInfo, limit: int | None, share: float = 1
    ) -> Operator:
        """The scan of one video, for which a `share` of what is left of the effort is meant."""
        check_name(video)
        if scan.predicate is None:
            with self.context.metrics.phase("index"):
                _, index = self.resources.index(video, self.context.check)
                ordinals = frames_of_scan(scan, video.name, index)
                return IndexScanExec(video.name, index, ordinals, scan.columns)
        with self.context.metrics.phase("index"):
            visual = visual_scans(scan, video, limit, self.resources, self.context)
        n = len(visual.scans)
        from_index = len(visual.certain) > 0 or n == 0
        columns = scan.columns
        if n + from_index > 1 and "frame" not in columns:
            columns = (*columns, "frame")  # which they are merged by
        scans: list[Operator] = [
            self._lower_visual(
                one, video.name, title, limit=limit, share=share / (n - i), columns=columns
            )
            for i, (one, title) in enumerate(
                zip(visual.scans, visual.titles(video.name), strict=True)
            )
        ]
        if from_index:
            scans.append(IndexScanExec(video.name, visual.index, visual.certain, columns))
        return scans[0] if len(scans) == 1 else MergeExec(tuple(scans), scan.columns)

    def _lower_visual(
        self,
        visual: VisualScan,
        video: str,
        title: str,
        *,
        limit: int | None,
        share: float,
        columns: tuple[str, ...],
    ) -> Operator:
        allowance = Allowance.of(visual.effort, self.context.metrics, self._began).part(share)
        decision, fresh = decide(visual, self.resources.store, self.context, allowance)
        if video in self._asked:
            fresh = np.union1d(fresh, self._asked[video])
        self.decisions[title] = decision
        if decision.shortfall is not None:
            warn(f"in '{title}': {decision.shortfall}", AccuracyWarning)
        if decision.answers is not None:
            found = "as proved" if decision.certificate else "as far as the limits went"
            return AnsweredScanExec(video, visual.index, decision.answers, found, title, columns)
        if decision.fill is not None:
            return FillScanExec(
                video=video,
                title=title,
                index=visual.index,
                ordinals=visual.ordinals,
                question=visual.question,
                labels=visual.labels,
                fresh=fresh,
                fill=decision.fill,
                columns=columns,
            )
        # An open LIMIT should not pay for more of the network's answers than one call gives.
        asks_all = limit is not None and not decision.cascade
        return CascadeScanExec(
            video=video,
            title=title,
            index=visual.index,
            ordinals=visual.ordinals,
            question=visual.question,
            stages=decision.stages,
            link=decision.link,
            reference=ReferenceStage(visual.network, visual.question, visual.labels),
            labels=visual.labels,
            fresh=fresh,
            decoding=visual.decoding(self.resources.store).strategy,
            batch_frames=min(visual.network.batch_size, BATCH_FRAMES) if asks_all else BATCH_FRAMES,
            watch=decision.watch if self.context.settings.drift else None,
            columns=columns,
        )


def _scan_of(plan: Node) -> Scan:
    """The one scan of a plan."""
    return next(node for node in plan.walk() if isinstance(node, Scan))


def _members(scan: Scan) -> list[VideoInfo]:
    """The files of a pattern, without those that the condition rules out by their names."""
    return [
        member
        for member in scan.video.members
        if scan.condition is None or may_hold(scan.condition, printable(member.name))
    ]
