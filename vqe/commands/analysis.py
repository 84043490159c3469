"""ANALYZE VIDEO: a cascade is trained and chosen before the first query that needs it."""

from __future__ import annotations

import time
from typing import Final

import pyarrow as pa

from vqe.errors import PlanError
from vqe.plan.nodes import Node, Scan
from vqe.planner.explained_plans import seconds_of
from vqe.planner.planner import Planner
from vqe.planner.resources import Resources
from vqe.runtime.context import Context

ANALYSIS: Final = pa.schema(
    [
        ("video", pa.string()),
        ("plan", pa.string()),
        ("reason", pa.string()),
        ("labels", pa.int64()),  # frames that the reference network was asked about
        ("seconds", pa.float64()),  # that choosing took
        ("predicted_seconds", pa.float64()),  # that the scan will take; null where not known
    ]
)


def analyze(plan: Node, resources: Resources, context: Context) -> pa.Table:
    """Chooses and keeps the plan of each video; a row for each of them."""
    for scan in plan.walk():
        if isinstance(scan, Scan) and scan.model is not None:
            network = resources.network(scan.model)
            if network.fingerprint is None:
                raise PlanError(
                    f"what is learned with model '{scan.model.name}' cannot be kept, for nothing "
                    "tells whether it will be the same another time",
                    hint="give the function or module an attribute `fingerprint`, a string",
                )
    rows = []
    began = time.perf_counter()
    try:
        for video, decision in Planner(resources, context).choose(plan):
            now = time.perf_counter()
            rows.append(
                {
                    "video": video,
                    "plan": decision.name,
                    "reason": decision.reason,
                    "labels": decision.labels,
                    "seconds": now - began,
                    "predicted_seconds": seconds_of(decision.predictions),
                }
            )
            began = now
    finally:
        context.progress.close()
    return pa.Table.from_pylist(rows, schema=ANALYSIS)
