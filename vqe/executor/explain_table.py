"""An explanation as an Arrow table: a row for each video, plan and step."""

from __future__ import annotations

import pyarrow as pa

from vqe.planner.explanation import ExplainedPlan, Explanation, Step

SCHEMA = pa.schema(
    [
        ("video", pa.string()),
        ("plan", pa.string()),
        ("verdict", pa.string()),  # chosen, rejected or possible
        ("reason", pa.string()),
        ("step", pa.string()),  # null where a plan has no steps
        ("predicted_frames", pa.float64()),
        ("predicted_seconds", pa.float64()),
        ("predicted_cpu_seconds", pa.float64()),
        ("at_least", pa.bool_()),  # the prediction: more follows from what is found
        ("frames", pa.int64()),  # measured, as are the next two
        ("decided", pa.int64()),
        ("seconds", pa.float64()),
        ("fnr", pa.float64()),  # of the plan, as are all errors
        ("fnr_low", pa.float64()),
        ("fnr_high", pa.float64()),
        ("fpr", pa.float64()),
        ("fpr_low", pa.float64()),
        ("fpr_high", pa.float64()),
        ("fdr", pa.float64()),
        ("fdr_low", pa.float64()),
        ("fdr_high", pa.float64()),
    ]
)
"""Errors have their intervals of 95 % beside them (Clopper and Pearson)."""


def explanation_table(told: Explanation) -> pa.Table:
    """One row for each step; a plan without steps has one row with its total."""
    rows = [
        {"video": video.video} | _plan(plan) | _step(plan, step)
        for video in told.videos
        for plan in video.plans
        for step in plan.steps or (None,)
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _plan(plan: ExplainedPlan) -> dict[str, object]:
    row: dict[str, object] = {
        "plan": plan.name,
        "verdict": plan.verdict,
        "reason": plan.reason,
        "at_least": plan.at_least,
    }
    for error in plan.errors:
        name = error.measure.lower()
        row |= {name: error.share, f"{name}_low": error.low, f"{name}_high": error.high}
    return row


def _step(plan: ExplainedPlan, step: Step | None) -> dict[str, object]:
    if step is None:
        return {"predicted_seconds": plan.seconds, "predicted_cpu_seconds": plan.cpu_seconds}
    row: dict[str, object] = {"step": step.name}
    if step.predicted is not None:
        row["predicted_frames"] = step.predicted.frames
        row["predicted_seconds"] = step.predicted.seconds
        row["predicted_cpu_seconds"] = step.predicted.cpu_seconds
    if step.measured is not None:
        row["frames"] = step.measured.frames
        row["decided"] = step.measured.decided
        row["seconds"] = step.measured.seconds
    return row
