"""The text of EXPLAIN ANALYZE for a fixed plan with fixed measurements."""

from __future__ import annotations

from dataclasses import dataclass

from vqe.executor.explain import explain
from vqe.executor.query import Query
from vqe.physical.operator import Operator
from vqe.planner.cost import StagePrediction
from vqe.planner.decision import Alternative, Decision, Measured
from vqe.planner.planner import PhysicalPlan
from vqe.runtime.context import Context
from vqe.runtime.metrics import Metrics, ScanMetrics, StageMetrics
from vqe.statistics.units import ErrorCounts

EXPECTED = """\
Leaf

plan: mse (cheapest plan that keeps the bounds)
  mse: absent below 6.13, else asks on
measured on the selection set: 0 of 12 positive units missed, 1 of 13 returned units false; 2 of \
120 positive frames missed, 4 of 122 returned frames false

step     frames in   predicted   decided   passed on   seconds   predicted s
────────────────────────────────────────────────────────────────────────────
decode       1,200       1,000         –           –      0.50          0.40
mse          1,000       1,000       700         300      0.05          0.06
ref            300         280       300           0      6.00          5.60

one-off: index 0.01 s, labelling 4.00 s
reference network: asked about 500 frames (200 of them to plan), 20 from the store
total: 10.60 s for 310 rows

considered as well, predicted seconds for the scan:
plan         seconds   why not
────────────────────────────────────────────────────────────────
no cascade     20.40   dearer
cnn                –   training takes 9.0 s, saves 1.0 s at most"""


@dataclass(frozen=True, repr=False)
class Leaf(Operator):
    def headline(self):
        return "Leaf"


@dataclass(frozen=True)
class Stage:
    name: str = "mse"
    rule: str = "absent below 6.13"
    decided_by: str = "difference"


DECISION = Decision(
    stages=(Stage(),),
    reason="cheapest plan that keeps the bounds",
    predictions=(
        StagePrediction("decode", 1000, 0, 0.4),
        StagePrediction("mse", 1000, 720, 0.06),
        StagePrediction("ref", 280, 280, 5.6),
    ),
    alternatives=(
        Alternative("no cascade", 20.4, "dearer"),
        Alternative("cnn", None, "training takes 9.0 s, saves 1.0 s at most"),
    ),
    measured=Measured(ErrorCounts(12, 0, 1, 30), ErrorCounts(118, 2, 4, 300)),
    labels=200,
)

METRICS = Metrics(
    phases={"index": 0.01, "labelling": 4.0},
    scans=[
        ScanMetrics(
            "a.mp4",
            StageMetrics("decode", 1200, 0, 0.5),
            [StageMetrics("mse", 1000, 700, 0.05), StageMetrics("ref", 300, 300, 6.0)],
        )
    ],
    labels_from_reference=500,
    labels_from_store=20,
    rows=310,
    wall_seconds=10.6,
)


def test_explain_analyze():
    query = Query(logical=None, resources=None, context=Context(metrics=METRICS))
    query.physical = PhysicalPlan(Leaf(), {"a.mp4": DECISION})
    assert explain(query) == EXPECTED


def test_without_a_visual_scan():
    query = Query(logical=None, resources=None, context=Context(metrics=Metrics(rows=3)))
    query.physical = PhysicalPlan(Leaf())
    assert explain(query) == "Leaf\n\none-off: \ntotal: 0.00 s for 3 rows"
