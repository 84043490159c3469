"""Lowering: an optimised logical plan becomes physical operators, each scan with its cascade."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from vqe.errors import AccuracyWarning, VideoError
from vqe.physical.answered_scan import AnsweredScanExec
from vqe.physical.cascade_scan import CascadeScanExec
from vqe.physical.concat import ConcatExec
from vqe.physical.fill_scan import FillScanExec
from vqe.physical.filter import FilterExec
from vqe.physical.index_scan import IndexScanExec
from vqe.physical.limit import LimitExec
from vqe.physical.merge import MergeExec
from vqe.physical.operator import Operator
from vqe.physical.project import ProjectExec
from vqe.physical.stages import ReferenceStage
from vqe.plan.catalog import VideoInfo, printable
from vqe.plan.nodes import Filter, Limit, Node, Project, Scan
from vqe.planner.allowance import Allowance
from vqe.planner.cascade import decide
from vqe.planner.decision import Decision
from vqe.planner.explanation import ExplainedVideo, Explanation
from vqe.planner.preview import preview
from vqe.planner.resources import Resources
from vqe.planner.scanned_frames import frames_of_scan, may_hold
from vqe.planner.visual_scan import VisualScan
from vqe.planner.visual_scans import check_name, visual_scans
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
        scan = next(node for node in logical.walk() if isinstance(node, Scan))
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

    def _lower(self, node: Node, limit: int | None) -> Operator:
        match node:
            case Limit(count, child):
                return LimitExec(count, self._lower(child, limit=count))
            case Project(columns, child):
                return ProjectExec(columns, self._lower(child, limit))
            case Filter(condition, child):
                # Rows drop out above the scan: how many it must find is unknown.
                return FilterExec(condition, self._lower(child, limit=None))
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
                )
            case Scan(video):
                return self._lower_scan(node, video, limit)

    def _lower_scan(
        self, scan: Scan, video: VideoInfo, limit: int | None, share: float = 1
    ) -> Operator:
        """The scan of one video, for which a `share` of what is left of the effort is meant."""
        check_name(video)
        if scan.predicate is None:
            with self.context.metrics.phase("index"):
                _, index = self.resources.index(video.path, self.context.check)
                return IndexScanExec(video.name, index, frames_of_scan(scan, video.name, index))
        with self.context.metrics.phase("index"):
            visual = visual_scans(scan, video, limit, self.resources, self.context)
        n = len(visual.scans)
        scans: list[Operator] = [
            self._lower_visual(one, video.name, title, limit, share / (n - i))
            for i, (one, title) in enumerate(
                zip(visual.scans, visual.titles(video.name), strict=True)
            )
        ]
        if len(visual.certain) or not scans:
            scans.append(IndexScanExec(video.name, visual.index, visual.certain))
        return scans[0] if len(scans) == 1 else MergeExec(tuple(scans))

    def _lower_visual(
        self, visual: VisualScan, video: str, title: str, limit: int | None, share: float
    ) -> Operator:
        allowance = Allowance.of(visual.effort, self.context.metrics, self._began).part(share)
        decision, fresh = decide(visual, self.resources.store, self.context, allowance)
        self.decisions[title] = decision
        if decision.shortfall is not None:
            warn(f"in '{title}': {decision.shortfall}", AccuracyWarning)
        if decision.answers is not None:
            found = "as proved" if decision.certificate else "as far as the limits went"
            return AnsweredScanExec(video, visual.index, decision.answers, found, title)
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
        )


def _members(scan: Scan) -> list[VideoInfo]:
    """The files of a pattern, without those that the condition rules out by their names."""
    return [
        member
        for member in scan.video.members
        if scan.condition is None or may_hold(scan.condition, printable(member.name))
    ]
