"""Lowering: an optimised logical plan becomes physical operators, each scan with its cascade."""

from __future__ import annotations

from dataclasses import dataclass

from vqe.physical.cascade_scan import CascadeScanExec
from vqe.physical.filter import FilterExec
from vqe.physical.index_scan import IndexScanExec
from vqe.physical.limit import LimitExec
from vqe.physical.operator import Operator
from vqe.physical.project import ProjectExec
from vqe.physical.stages import Question, ReferenceStage
from vqe.plan.nodes import Filter, Limit, Node, Project, Range, Scan
from vqe.planner.cascade import VisualScan, decide, stored_decision
from vqe.planner.decision import Decision
from vqe.planner.resources import Resources
from vqe.planner.sampling import draw_blocks, label_budget
from vqe.runtime.context import Context
from vqe.video.fingerprint import fingerprint
from vqe.video.index import VideoIndex, build_index
from vqe.video.reader import BATCH_FRAMES
from vqe.video.segments import Span


@dataclass(frozen=True)
class PhysicalPlan:
    """The operators, and what was decided for the visual scan among them, if there is one."""

    root: Operator
    decision: Decision | None


class Planner:
    """Plans one query; every second it takes is counted in the context's metrics."""

    def __init__(self, resources: Resources, context: Context) -> None:
        self.resources = resources
        self.context = context
        self.decision: Decision | None = None

    def plan(self, logical: Node) -> PhysicalPlan:
        """Operators that answer `logical`; labels and trains where a cascade may pay."""
        return PhysicalPlan(self._lower(logical, limit=None), self.decision)

    def preview(self, logical: Node) -> str:
        """What is known about the cascade of `logical` without touching a pixel."""
        scan = next(node for node in logical.walk() if isinstance(node, Scan))
        if scan.predicate is None:
            return "no pixels needed: the packet index answers"
        visual = self._visual(scan, build_index(scan.video.path), limit=None)
        stored = stored_decision(visual, self.resources.store)
        if stored is not None:
            return f"stored plan: {stored.name} → {visual.network.name}"
        everything = f"{visual.network.name} on each of {visual.frames:,} frames"
        if scan.accuracy.exact:
            return everything
        unit_us, seed = scan.accuracy.unit_us, self.context.settings.seed
        if not draw_blocks(visual.index, visual.span, unit_us, seed):
            return f"{everything}: too few to learn from"
        return f"not planned yet: needs about {label_budget(visual.frames):,} labels"

    def _lower(self, node: Node, limit: int | None) -> Operator:
        match node:
            case Limit(count, child):
                return LimitExec(count, self._lower(child, limit=count))
            case Project(columns, child):
                return ProjectExec(columns, self._lower(child, limit))
            case Filter(condition, child):
                # Rows drop out above the scan: how many it must find is unknown.
                return FilterExec(condition, self._lower(child, limit=None))
            case Scan():
                return self._lower_scan(node, limit)

    def _lower_scan(self, scan: Scan, limit: int | None) -> Operator:
        with self.context.metrics.phase("index"):
            index = build_index(scan.video.path)
        if scan.predicate is None:
            return IndexScanExec(scan.video.name, index, span_of(scan.range, index))
        visual = self._visual(scan, index, limit)
        self.decision, fresh = decide(visual, self.resources.store, self.context)
        # An open LIMIT should not pay for more of the network's answers than one call gives.
        asks_all = limit is not None and not self.decision.stages
        batch_frames = min(visual.network.batch_size, BATCH_FRAMES) if asks_all else BATCH_FRAMES
        last = ReferenceStage(visual.network, visual.question, visual.labels)
        return CascadeScanExec(
            scan.video.name,
            index,
            visual.span,
            visual.question,
            (*self.decision.stages, last),
            visual.labels,
            fresh,
            batch_frames,
        )

    def _visual(self, scan: Scan, index: VideoIndex, limit: int | None) -> VisualScan:
        assert scan.predicate is not None
        assert scan.model is not None
        network = self.resources.network(scan.model)
        video = fingerprint(scan.video.path)
        span = span_of(scan.range, index)
        model = network.fingerprint
        return VisualScan(
            index=index,
            span=span,
            question=Question(
                label=network.labels.index(scan.predicate.label),
                min_score=scan.predicate.min_score,
                region=scan.predicate.region,
            ),
            accuracy=scan.accuracy,
            network=network,
            labels=self.resources.store.labels(video, model),
            key=model and (video, model, scan.predicate, scan.accuracy, span),
            limit=limit,
        )


def span_of(range_: Range, index: VideoIndex) -> Span:
    """The frames that a range on frame numbers and timestamps leaves, as ordinals [start, stop)."""
    start, stop = index.frames_between(range_.start_us, range_.stop_us)
    start = max(start, range_.start_frame)
    stop = min(stop, len(index) if range_.stop_frame is None else range_.stop_frame)
    return start, max(start, stop)
