"""EXPLAIN and EXPLAIN ANALYZE: what is known of a query, in the format that was asked for."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

import pyarrow as pa

from vqe.config import ExplainFormat
from vqe.display.counted import counted
from vqe.executor.explain_json import explanation_json
from vqe.executor.explain_table import SCHEMA, explanation_table
from vqe.executor.explain_text import explanation_text
from vqe.executor.query import Query
from vqe.planner.decision import Decision
from vqe.planner.explained_plans import plans_of
from vqe.planner.explanation import ExplainedVideo, Explanation, Totals
from vqe.runtime.metrics import Metrics, ScanMetrics, StageMetrics, drift_text, spans_text


def explain(query: Query, format: ExplainFormat = "text", *, rules: bool = False) -> str | pa.Table:
    """The explanation as text, as JSON, or as a table with a row for each plan and step.

    With `rules` the text tells what the rules of the optimizer did; JSON always does.
    """
    told = explanation(query)
    if format == "table":
        return explanation_table(told)
    if format == "json":
        return explanation_json(told)
    return explanation_text(told, rules=rules)


def explanation(query: Query) -> Explanation:
    """What is known of the plan; with measurements once it has run."""
    if query.physical is None:
        return replace(query.preview(), rewrites=query.rewrites)
    metrics, decisions = query.context.metrics, query.physical.decisions
    scans = {scan.video: scan for scan in metrics.scans if not scan.of_rows}
    videos = tuple(
        ExplainedVideo(name, plans_of(decision, measured_steps(decision, scans.get(name))))
        for name, decision in decisions.items()
    )
    return Explanation(
        operators=repr(query.physical.root),
        videos=videos,
        pattern=len(decisions) > 1,
        totals=_totals(metrics, decisions),
        notes=tuple(_notes(metrics, decisions)),
        rewrites=query.rewrites,
    )


def measured_steps(decision: Decision, scan: ScanMetrics | None) -> list[StageMetrics]:
    """What the steps have taken, to plan a refinement and to scan; decoding first. The labels of
    the watch for drift count with those of the reference network, the last step of a scan."""
    total: dict[str, StageMetrics] = {}
    scanned = [] if scan is None else [scan.decoding, *scan.stages]
    if scan is not None and scan.watch.frames:
        watch, last = scan.watch, scan.stages[-1].name
        scanned.insert(1, StageMetrics("watch", watch.frames, 0, watch.seconds))
        scanned.append(StageMetrics(last, watch.labels, watch.labels, watch.label_seconds))
    for step in (*decision.spent, *scanned):
        sum_ = total.setdefault(step.name, StageMetrics(step.name))
        sum_.add(step.frames_in, step.decided, step.seconds)
    return list(total.values())


def _totals(metrics: Metrics, decisions: dict[str, Decision]) -> Totals:
    predicted = [decision for decision in decisions.values() if decision.predictions]
    steps = [step for decision in predicted for step in decision.predictions]
    known = sum(decision.one_off_cpu_seconds for decision in predicted)
    known += metrics.phases.get("index", 0.0)
    complete = len(predicted) == len(decisions) > 0
    return Totals(
        rows=metrics.rows,
        seconds=metrics.wall_seconds,
        cpu_seconds=metrics.cpu_seconds,
        predicted_cpu_seconds=known + sum(s.cpu_seconds for s in steps) if complete else None,
        one_off=dict(metrics.phases),
        reference_calls=metrics.labels_from_reference,
        labels_to_plan=sum(decision.labels for decision in decisions.values()),
        labels_from_store=metrics.labels_from_store,
        frames_decoded=metrics.decoded_to_plan
        + sum(scan.decoding.frames_in for scan in metrics.scans),
    )


def _notes(metrics: Metrics, decisions: dict[str, Decision]) -> Iterator[str]:
    for scan in metrics.scans:
        for what, spans in (("lost", scan.lost), ("doubtful", scan.doubtful)):
            if spans:
                frames = sum(span.frames for span in spans)
                lost = counted(frames, "frame")
                yield f"{what} in '{scan.video}': {lost}, {spans_text(spans)}"
        if scan.watch.spans:
            yield f"drift in '{scan.video}': {drift_text(scan.watch)}"
        if scan.of_rows:
            yield f"looked at rows of '{scan.video}': {_looked(scan)}"
    for title, decision in decisions.items():
        if decision.until is not None:
            yield f"planned anew: '{title}' from frame {decision.until} on"
    yield from (f"estimated {estimate}" for estimate in metrics.estimates)
    yield from (f"skipped: {reason}" for reason in metrics.skipped.values())


def _looked(scan: ScanMetrics) -> str:
    decoded, (asked,) = scan.decoding, scan.stages
    parts = [f"{decoded.frames_in:,} frames decoded in {decoded.seconds:.2f} s of CPU time"]
    if asked.frames_in:
        parts.append(f"{asked.name} asked about {asked.frames_in:,} in {asked.seconds:.2f} s")
    return ", ".join(parts)


@dataclass
class ExplainQuery(Query):
    """EXPLAIN of a query; with `analyze` the query runs first, and its rows are dropped.

    As text it has a row for each line, as JSON a single row.
    """

    analyze: bool = False
    format: ExplainFormat = "text"
    rules: bool = False

    @property
    def schema(self) -> pa.Schema:
        return SCHEMA if self.format == "table" else pa.schema([("plan", pa.string())])

    def run(self) -> Generator[pa.RecordBatch]:
        """Runs the query where asked to, and yields the explanation."""
        if self.analyze:
            for _ in super().run():
                pass
        told = explain(self, self.format, rules=self.rules)
        if isinstance(told, pa.Table):
            yield from told.to_batches()
            return
        lines = told.splitlines() if self.format == "text" else [told]
        yield pa.RecordBatch.from_pydict({"plan": lines}, schema=self.schema)
