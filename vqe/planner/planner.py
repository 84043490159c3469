"""Planning a query: from its optimised plan to operators, or to what EXPLAIN says of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from vqe.errors import VideoError
from vqe.physical.concat import ConcatExec
from vqe.physical.damage import report_unreadable
from vqe.physical.operator import Operator
from vqe.plan.catalog import VideoInfo, printable
from vqe.plan.nodes import (
    Annotate,
    Node,
    Scan,
)
from vqe.planner.decision import Decision
from vqe.planner.explanation import ExplainedVideo, Explanation
from vqe.planner.lowering import Lowering
from vqe.planner.preview import preview
from vqe.planner.resources import Resources
from vqe.planner.scan_planner import ScanPlanner
from vqe.planner.scanned_frames import members_of, scan_of
from vqe.planner.visual_scans import visual_scans
from vqe.runtime.context import Context


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
        self._scans = ScanPlanner(resources, context)

    @property
    def decisions(self) -> dict[str, Decision]:
        """What was decided so far, by the titles of the scans."""
        return self._scans.decisions

    def plan(self, logical: Node) -> PhysicalPlan:
        """Operators that answer `logical`; labels and trains where a cascade may pay."""
        return PhysicalPlan(Lowering(self._scans).lower(logical, limit=None), self.decisions)

    def choose(self, logical: Node) -> Iterator[tuple[str, Decision]]:
        """The decision for each video of `logical`, one after the other; nothing is scanned."""
        root = Lowering(self._scans).lower(logical, limit=None)
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
        scan = scan_of(logical)
        if scan.predicate is None and any(isinstance(node, Annotate) for node in logical.walk()):
            return Explanation(repr(logical), summary="pixels are needed for the rows alone")
        if scan.predicate is None:
            return Explanation(repr(logical), summary="no pixels needed: the packet index answers")
        if not scan.video.members:
            videos = tuple(self._preview(scan, scan.video))
            summary = "" if videos else "no pixels needed: the packet index decides"
            return Explanation(repr(logical), videos, pattern=len(videos) > 1, summary=summary)
        videos = tuple(
            told for video in members_of(scan) for told in self._preview_or_skip(scan, video)
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
