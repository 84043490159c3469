"""From nodes of the logical plan to physical operators, one for one but for scans."""

from __future__ import annotations

from functools import partial

from vqe.display.counted import counted
from vqe.physical.aggregate import AggregateExec
from vqe.physical.annotate import AnnotateExec, Footage
from vqe.physical.answered_scan import AnsweredScanExec
from vqe.physical.concat import ConcatExec
from vqe.physical.empty import EmptyExec
from vqe.physical.estimate import EstimateExec
from vqe.physical.events import EventsExec
from vqe.physical.filter import FilterExec
from vqe.physical.limit import LimitExec
from vqe.physical.operator import Operator
from vqe.physical.project import ProjectExec
from vqe.physical.sort import SortExec
from vqe.physical.spaced_limit import SpacedLimitExec
from vqe.physical.top_n import TopNExec
from vqe.physical.values import ValuesExec
from vqe.plan.catalog import ModelInfo, printable
from vqe.plan.expressions import Expression, columns_of
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
from vqe.planner.decision import Decision
from vqe.planner.scan_planner import ScanPlanner
from vqe.planner.scanned_frames import members_of, scan_of, videos_of
from vqe.planner.spaced import SpacedSearch
from vqe.planner.visual_scans import VisualScans, visual_scans


class Lowering:
    """Lowers the plan of one query."""

    def __init__(self, scans: ScanPlanner) -> None:
        self.scans = scans
        self.resources = scans.resources
        self.context = scans.context

    def lower(self, node: Node, limit: int | None) -> Operator:  # noqa: PLR0911, PLR0912 - one per node
        """The operator for a node, of whose rows no more than `limit` are wanted."""
        match node:
            case Limit(0, _) | TopN(0, _, _) | SpacedLimit(0):
                return EmptyExec(node.schema)  # nothing is planned, nobody asked
            case Limit(count, child):
                return LimitExec(count, self.lower(child, limit=count))
            case SpacedLimit():
                return self._spaced(node)
            case Project(columns, child):
                return ProjectExec(columns, self.lower(child, limit))
            case Annotate(columns, model, child):
                scan = scan_of(node)
                footage = partial(self._footage, scan, model)
                affordable = partial(self._affordable, scan)
                return AnnotateExec(columns, self.lower(child, limit), footage, affordable)
            case Filter(condition, child):
                # Rows drop out above the scan: how many it must find is unknown.
                return FilterExec(condition, self.lower(child, limit=None))
            # Of these, too, it is unknown how many rows a scan must find.
            case Aggregate(child=Annotate() as annotate, error=float()):
                return self._estimate(node, annotate, None)
            case Aggregate(child=Filter(condition, Annotate() as annotate), error=float()) if not (
                columns_of(condition) & {name for name, _ in annotate.columns}
            ):
                return self._estimate(node, annotate, condition)
            case Aggregate(keys, aggregates, child):
                return AggregateExec(keys, aggregates, self.lower(child, limit=None))
            case Sort(keys, child):
                return SortExec(keys, self.lower(child, limit=None))
            case TopN(count, keys, child):
                return TopNExec(count, keys, self.lower(child, limit=None))
            case Events(gap_us, min_duration_us, child):
                return EventsExec(gap_us, min_duration_us, self.lower(child, limit=None))
            case Values():
                return ValuesExec()
            case Scan(video) if video.members:
                members = members_of(node)
                return ConcatExec(
                    video.name,
                    tuple(printable(member.name) for member in members),
                    lambda i, rows: self.scans.scan(
                        node,
                        members[i],
                        limit=None if limit is None else limit - rows,
                        share=1 / (len(members) - i),
                    ),
                    node.columns,
                )
            case Scan(video):
                return self.scans.scan(node, video, limit)

    def _estimate(
        self, node: Aggregate, annotate: Annotate, condition: Expression | None
    ) -> Operator:
        """An aggregate of what is seen in rows for which a condition on other things holds."""
        assert node.error is not None
        scan, child = scan_of(node), annotate.child
        return EstimateExec(
            node.keys,
            node.aggregates,
            node.error,
            annotate.columns,
            self.lower(child if condition is None else Filter(condition, child), limit=None),
            footage=partial(self._footage, scan, annotate.model),
            affordable=partial(self._affordable, scan),
        )

    def _spaced(self, node: SpacedLimit) -> Operator:
        """The rows that a search has found, or those of the child, as far as they are confirmed."""
        scan = scan_of(node)
        videos = videos_of(scan)

        worked_out = self.scans.worked_out

        def ask(video: str) -> VisualScans:
            if video not in worked_out:
                worked_out[video] = visual_scans(
                    scan, videos[video], None, self.resources, self.context
                )
            return worked_out[video]

        if scan.predicate is None:
            child = self.lower(node.child, limit=None)
            return SpacedLimitExec(node.count, node.gap, child, None)
        assert scan.model is not None
        search = SpacedSearch(
            node.count,
            node.gap,
            ask,
            pattern=bool(scan.video.members),
            store=self.resources.store,
            context=self.context,
            began=self.scans.began,
        )
        found = None
        if node.child is scan:  # else some of what is found could drop out above the scan
            asked_about = members_of(scan) if scan.video.members else [scan.video]
            found = search.run([video.name for video in asked_about])
        if found is None:
            self.scans.asked = search.asked
            child = self.lower(node.child, limit=None)
            batch = self.resources.network(scan.model).batch_size
            return SpacedLimitExec(node.count, node.gap, child, search.confirm, batch)
        for one in found:
            asked = f"{counted(one.labels, 'frame')} asked about"
            reason = f"{len(one.answers.ordinals)} found in order of promise, {asked}"
            self.scans.decisions[one.video] = Decision((), reason, labels=one.labels)
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

    def _affordable(self, scan: Scan, seconds_per_frame: float | None) -> float:
        """Calls of the network that are left to what is asked above the scan."""
        allowance = Allowance.of(scan.effort, self.context.metrics, self.scans.began)
        return 0 if allowance.late else allowance.frames(seconds_per_frame)

    def _footage(self, scan: Scan, model: ModelInfo | None, video: str) -> Footage:
        """Of a row's video, by its name."""
        content, index = self.resources.index(videos_of(scan)[video], self.context.check)
        network = None if model is None else self.resources.network(model)
        return Footage(index, network, self.resources.labels(content, network))
