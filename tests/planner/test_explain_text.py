"""EXPLAIN ANALYZE for a fixed plan with fixed measurements: as text, as a table and as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pytest

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

errors on the selection set, which no model has seen (interval:
  Clopper–Pearson):

error                          rate   95% interval    of   independent
──────────────────────────────────────────────────────────────────────
FNR: positive units missed     0.0%   0.0% to 26.5%   12            12
FPR: negative units returned   3.2%   0.1% to 16.7%   31            31
FDR: returned units false      7.7%   0.2% to 36.0%   13            13

step     frames in   predicted   decided   passed on   seconds   predicted s
────────────────────────────────────────────────────────────────────────────
decode       1,200       1,000         –           –      0.50          0.40
mse          1,000       1,000       700         300      0.05          0.06
ref            300         280       300           0      6.00          5.60

seconds are CPU time, but for the reference network, whose calls are timed on
  the clock

one-off: index 0.01 s, labelling 4.00 s
reference network: asked about 500 frames (200 of them to plan), 20 from the
  store
total: 10.60 s for 310 rows
CPU time: 18.30 s, predicted 18.67 s

considered as well; predicted seconds, frames asked about, errors at most:

plan         seconds   asked   FNR ≤   FDR ≤   why not
────────────────────────────────────────────────────────────────────────────────
no cascade     20.40   1,000   –       –       dearer
logistic       12.00       –   52.2%   52.2%   dearer
cnn                –       –   –       –       training takes 9.0 s, saves 1.0 s
                                               at most"""


@dataclass(frozen=True, repr=False)
class Leaf(Operator):
    def headline(self):
        return "Leaf"


@dataclass(frozen=True)
class Stage:
    name: str = "mse"
    rule: str = "absent below 6.13"
    decided_by: str = "difference"


DECODE = StagePrediction("decode", 1000, 0, 0.4)

DECISION = Decision(
    stages=(Stage(),),
    reason="cheapest plan that keeps the bounds",
    predictions=(
        DECODE,
        StagePrediction("mse", 1000, 720, 0.06),
        StagePrediction("ref", 280, 280, 5.6, cores=2),
    ),
    alternatives=(
        Alternative("no cascade", 20.4, "dearer", (DECODE, StagePrediction("ref", 1000, 0, 20.0))),
        Alternative("logistic", 12.0, "dearer", measured=Measured(ErrorCounts(5, 0, 0, 0), None)),
        Alternative("cnn", None, "training takes 9.0 s, saves 1.0 s at most"),
    ),
    measured=Measured(ErrorCounts(12, 0, 1, 30), ErrorCounts(118, 2, 4, 300)),
    labels=200,
    one_off_cpu_seconds=7.0,
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
    cpu_seconds=18.3,
)


@pytest.fixture
def query():
    query = Query(logical=None, resources=None, context=Context(metrics=METRICS))
    query.physical = PhysicalPlan(Leaf(), {"a.mp4": DECISION})
    return query


def test_explain_analyze(query):
    assert explain(query) == EXPECTED


def test_the_table_of_rejected_plans_is_announced_with_the_columns_that_it_has(query):
    untrained = replace(DECISION, alternatives=DECISION.alternatives[2:])
    query.physical = PhysicalPlan(Leaf(), {"a.mp4": untrained})
    assert "considered as well; predicted seconds:" in explain(query)
    priced = replace(DECISION, alternatives=DECISION.alternatives[:1])
    query.physical = PhysicalPlan(Leaf(), {"a.mp4": priced})
    assert "considered as well; predicted seconds, frames asked about:" in explain(query)


def test_steps_with_long_names_keep_all_columns(query):
    """Their headings are broken, since the table would not fit into the width."""
    name = "difference of blocks"
    renamed = [replace(step, name=name) for step in DECISION.predictions if step.name == "mse"]
    predictions = (DECODE, *renamed, DECISION.predictions[-1])
    decision = replace(DECISION, stages=(Stage(name),), predictions=predictions)
    query.physical = PhysicalPlan(Leaf(), {"a.mp4": decision})
    scan = METRICS.scans[0]
    stages = [StageMetrics(name, 1000, 700, 0.05), scan.stages[-1]]
    query.context = Context(metrics=replace(METRICS, scans=[replace(scan, stages=stages)]))
    lines = explain(query).splitlines()
    (first,) = (n for n, line in enumerate(lines) if line.startswith("decode "))
    assert [line.split() for line in lines[first - 3 : first - 1]] == [
        ["frames", "passed", "predicted"],
        ["step", "in", "predicted", "decided", "on", "seconds", "s"],
    ]
    assert lines[first + 1].split()[-6:] == ["1,000", "1,000", "700", "300", "0.05", "0.06"]
    assert lines[first + 2].startswith("blocks")
    assert max(map(len, lines)) <= 80


def test_without_a_visual_scan():
    query = Query(logical=None, resources=None, context=Context(metrics=Metrics(rows=3)))
    query.physical = PhysicalPlan(Leaf())
    text = "Leaf\n\ntotal: 0.00 s for 3 rows\nCPU time: 0.00 s"
    assert explain(query) == text
    assert explain(query, "table").num_rows == 0
    assert json.loads(explain(query, "json"))["videos"] == []


def test_as_a_table(query):
    table = explain(query, "table")
    assert table.select(["plan", "step", "predicted_frames", "frames"]).to_pylist() == [
        {"plan": plan, "step": step, "predicted_frames": predicted, "frames": frames}
        for plan, step, predicted, frames in (
            ("mse", "decode", 1000, 1200),
            ("mse", "mse", 1000, 1000),
            ("mse", "ref", 280, 300),
            ("no cascade", "decode", 1000, None),
            ("no cascade", "ref", 1000, None),
            ("logistic", None, None, None),
            ("cnn", None, None, None),
        )
    ]
    assert table["verdict"].to_pylist() == ["chosen"] * 3 + ["rejected"] * 4
    assert table["predicted_seconds"].to_pylist() == [0.4, 0.06, 5.6, 0.4, 20.0, 12.0, None]
    assert table["predicted_cpu_seconds"].to_pylist()[2] == 11.2
    assert table["seconds"].to_pylist()[:4] == [0.5, 0.05, 6.0, None]
    assert table["fdr"][0].as_py() == pytest.approx(1 / 13)
    assert table["fnr_high"][0].as_py() == pytest.approx(0.2646, abs=1e-4)


def test_as_json(query):
    told = json.loads(explain(query, "json"))
    (video,) = told["videos"]
    chosen, *rejected = video["plans"]
    assert (chosen["plan"], chosen["verdict"]) == ("mse", "chosen")
    assert chosen["predicted_seconds"] == pytest.approx(6.06)
    assert [step["step"] for step in chosen["steps"]] == ["decode", "mse", "ref"]
    assert chosen["steps"][2]["predicted"] == {"frames": 280, "seconds": 5.6, "cpu_seconds": 11.2}
    assert chosen["steps"][2]["measured"] == {"frames": 300, "decided": 300, "seconds": 6.0}
    assert chosen["errors"][0]["measure"] == "FNR"
    assert chosen["errors"][0]["low"] == 0
    assert [plan["predicted_seconds"] for plan in rejected] == [20.4, 12.0, None]
    assert told["totals"]["predicted_cpu_seconds"] == pytest.approx(18.67)
    assert told["totals"]["cpu_seconds"] == 18.3


def test_a_refinement_has_its_labels_beside_the_scan(query):
    """What a refinement asked while it was planned is measured; the scan only fills in."""
    spent = (StageMetrics("decode", 70, 0, 0.7), StageMetrics("ref", 30, 30, 3.0))
    steps = (DECODE, StagePrediction("ref", 25, 25, 2.5), StagePrediction("fill", 75, 75, 0.0))
    decision = replace(DECISION, stages=(), fill=object(), spent=spent, predictions=steps)
    query.physical = PhysicalPlan(Leaf(), {"a.mp4": decision})
    scan = ScanMetrics("a.mp4", StageMetrics("decode"), [StageMetrics("fill", 70, 70)])
    query.context = Context(metrics=replace(METRICS, scans=[scan]))
    chosen = json.loads(explain(query, "json"))["videos"][0]["plans"][0]
    assert chosen["plan"] == "refinement"
    measured = {step["step"]: step["measured"]["frames"] for step in chosen["steps"]}
    assert measured == {"decode": 70, "ref": 30, "fill": 70}
    assert "of a grid twice as coarse" in chosen["errors_of"]


def test_of_several_videos_the_steps_are_added_up(query):
    query.physical = PhysicalPlan(Leaf(), {"a.mp4": DECISION, "b.mp4": DECISION})
    lines = explain(query).splitlines()
    (ref,) = (line.split() for line in lines if line.startswith("ref "))
    assert ref == ["ref", "300", "560", "300", "0", "6.00", "11.20"]
