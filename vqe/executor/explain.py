"""EXPLAIN and EXPLAIN ANALYZE as text."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa

from vqe.display.tables import table_text
from vqe.executor.query import Query
from vqe.planner.cost import StagePrediction, add_predictions
from vqe.planner.decision import Decision, Measured
from vqe.planner.preview import table_of_videos
from vqe.runtime.metrics import Metrics, ScanMetrics, StageMetrics, drift_text, spans_text
from vqe.statistics.units import ErrorCounts

WIDTH = 100


def explain(query: Query) -> str:
    """The logical plan and what is known of its cascade; with measurements once it has run."""
    if query.physical is None:
        return f"{query.logical!r}\n\n{query.preview()}"
    sections = [repr(query.physical.root)]
    metrics, decisions = query.context.metrics, query.physical.decisions
    if len(decisions) == 1:
        (decision,) = decisions.values()
        sections.append(_decision(decision))
    elif decisions:
        sections.append(_videos(decisions, metrics))
    if metrics.scans:
        predictions = add_predictions(decision.predictions for decision in decisions.values())
        sections.append(_steps(metrics.stages, predictions))
    sections.append(_seconds(metrics, decisions))
    sections += _damage(metrics)
    if len(decisions) == 1 and decision.alternatives:
        sections.append("considered as well, predicted seconds for the scan:")
        sections[-1] += "\n" + _alternatives(decision)
    return "\n\n".join(sections)


def _videos(decisions: dict[str, Decision], metrics: Metrics) -> str:
    scans = {scan.video: scan for scan in metrics.scans}
    return table_of_videos(
        [
            {
                "video": name,
                "plan": decision.name,
                "decoded": scans[name].decoding.frames_in if name in scans else None,
                "asked about": _asked(scans[name]) if name in scans else None,
                "why": decision.reason,
            }
            for name, decision in decisions.items()
        ]
    )


def _asked(scan: ScanMetrics) -> int:
    """Frames of a scan that the reference network was asked about."""
    last = scan.stages[-1]
    return 0 if last.name == "fill" else last.frames_in + scan.watch.labels


def _damage(metrics: Metrics) -> list[str]:
    lines = []
    for scan in metrics.scans:
        for what, spans in (("lost", scan.lost), ("doubtful", scan.doubtful)):
            if spans:
                frames = sum(span.frames for span in spans)
                lines.append(
                    f"{what} in '{scan.video}': {_n(frames, 'frame')}, {spans_text(spans)}"
                )
        if scan.watch.spans:
            lines.append(f"drift in '{scan.video}': {drift_text(scan.watch)}")
    lines += [f"skipped: {reason}" for reason in metrics.skipped.values()]
    return ["\n".join(lines)] if lines else []


def _decision(decision: Decision) -> str:
    lines = [f"plan: {decision.name} ({decision.reason})"]
    lines += [f"  {stage.name}: {stage.rule}, else asks on" for stage in decision.stages]
    if decision.measured is not None:
        lines.append(f"measured on the selection set: {accuracy_text(decision.measured)}")
    if decision.certificate is not None:
        lines += [str(decision.certificate), f"  {decision.certificate.evidence}"]
    if decision.shortfall is not None:
        lines.append(str(decision.shortfall))
    return "\n".join(lines)


def accuracy_text(measured: Measured) -> str:
    """Errors with their sample sizes: "0 of 12 positive windows missed, …"."""
    return f"{_errors(measured.units, 'units')}; {_errors(measured.frames, 'frames')}"


def _errors(errors: ErrorCounts, noun: str) -> str:
    returned = errors.true_positives + errors.false_positives
    return (
        f"{errors.false_negatives} of {errors.positives:,} positive {noun} missed, "
        f"{errors.false_positives} of {returned:,} returned {noun} false"
    )


def _steps(stages: list[StageMetrics], predictions: tuple[StagePrediction, ...]) -> str:
    predicted = {step.name: step for step in predictions}
    rows = []
    for stage in stages:
        step = predicted.get(stage.name)
        decoding = stage.name == "decode"
        row = {
            "step": stage.name,
            "frames in": stage.frames_in,
            "predicted": round(step.frames_in) if step else None,
            "decided": None if decoding else stage.decided,
            "passed on": None if decoding else stage.passed_on,
            "seconds": _hundredths(stage.seconds),
            "predicted s": _hundredths(step.seconds) if step else None,
        }
        if not predicted:
            del row["predicted"], row["predicted s"]
        rows.append(row)
    return table_text(rows, width=WIDTH, footer=False)


def _seconds(metrics: Metrics, decisions: dict[str, Decision]) -> str:
    phases = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in metrics.phases.items())
    lines = [f"one-off: {phases}"]
    if decisions:
        labels = sum(decision.labels for decision in decisions.values())
        lines.append(
            f"reference network: asked about {_n(metrics.labels_from_reference, 'frame')} "
            f"({labels:,} of them to plan), {metrics.labels_from_store:,} from the store"
        )
    lines.append(f"total: {metrics.wall_seconds:.2f} s for {_n(metrics.rows, 'row')}")
    return "\n".join(lines)


def _alternatives(decision: Decision) -> str:
    rows = [
        {"plan": other.name, "seconds": _hundredths(other.seconds), "why not": other.reason}
        for other in decision.alternatives
    ]
    return table_text(rows, width=WIDTH, max_rows=10, footer=False)


def _n(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _hundredths(seconds: float | None) -> Decimal | None:
    return None if seconds is None else Decimal(f"{seconds:.2f}")


@dataclass
class Explanation(Query):
    """EXPLAIN of a query, one line of text per row; with `analyze` the query runs first."""

    analyze: bool = False

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([("plan", pa.string())])

    def run(self) -> Generator[pa.RecordBatch]:
        """Runs the query where asked to, drops its rows, and yields the text."""
        if self.analyze:
            for _ in super().run():
                pass
        lines = explain(self).splitlines()
        yield pa.RecordBatch.from_pydict({"plan": lines}, schema=self.schema)
