"""Statements become the plans they mean."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from language import OTHER, YOLO, FakeCatalog, evaluate, plan_of

from vqe.plan.accuracy import EXACT, Accuracy
from vqe.plan.binder import Bound, bind
from vqe.plan.expressions import Column, Contains
from vqe.plan.nodes import Filter, Limit, Project, Scan
from vqe.schema import FRAMES, SCAN_SCHEMA, VIDEO_SCHEMA
from vqe.sql.parser import parse

FRAME = pa.Table.from_pylist(
    [{"frame": 1, "timestamp": 40_000, "pts": 512, "keyframe": False, "score": 0.5}],
    schema=SCAN_SCHEMA,
)


def scan_of(sql: str, *args: Any, **options: Any) -> Scan:
    node = plan_of(sql, *args, **options)
    while not isinstance(node, Scan):
        node = node.child
    return node


def condition_of(where: str, *args: Any) -> str:
    project = plan_of(f"SELECT FRAMES FROM video WHERE {where}", *args)
    assert isinstance(project, Project)
    assert isinstance(project.child, Filter)
    return str(project.child.condition)


def test_the_whole_plan() -> None:
    plan = plan_of(
        "SELECT FRAMES FROM 'clip.mp4' WHERE contains('person') AND frame < 100 "
        "LIMIT 10 FNR WITHIN 2% PER INTERVAL '2 seconds'"
    )
    assert (
        repr(plan)
        == """\
Limit 10
└─ Project video, frame, timestamp, pts, score, decided_by
   └─ Filter contains('person', min_score => 0.5) AND frame < 100
      └─ Scan 'clip.mp4' FNR WITHIN 2% PER INTERVAL '2 seconds' USING MODEL yolo"""
    )
    assert isinstance(plan, Limit)
    assert plan.schema.names == list(FRAMES)


def test_star_is_the_video() -> None:
    assert plan_of("SELECT * FROM video").schema == VIDEO_SCHEMA


@pytest.mark.parametrize(
    ("expression", "type_", "text"),
    [
        ("Frame", pa.int64(), "frame"),
        ("frame / 30", pa.float64(), "double(frame) / 30.0"),
        ("frame // 30", pa.int64(), "frame // 30"),
        ("frame % 30", pa.int64(), "frame % 30"),
        ("-frame + 1.5", pa.float64(), "double(-frame) + 1.5"),
        ("score * 2", pa.float64(), "double(score) * 2.0"),
        ("timestamp + '00:00:01'", pa.duration("us"), "timestamp + INTERVAL '1 second'"),
        ("2 * timestamp", pa.duration("us"), "2 * timestamp"),
        ("timestamp / timestamp", pa.float64(), "timestamp / timestamp"),
        ("time - time", pa.duration("us"), "time - time"),
        ("time + timestamp", pa.timestamp("us"), "time + timestamp"),
        ("frame + NULL", pa.int64(), "frame + NULL"),
        ("round(score, 2)", pa.float32(), "round_binary(score, 2)"),
        ("coalesce(score, 0)", pa.float32(), "coalesce(score, 0.0)"),
        ("coalesce(NULL, 0.7, score)", pa.float32(), "coalesce(NULL, 0.7, score)"),
        ("coalesce(score, 16777217)", pa.float64(), "coalesce(double(score), 16777217.0)"),
        ("coalesce(score, frame)", pa.float64(), "coalesce(double(score), double(frame))"),
        (
            "CASE WHEN keyframe THEN 1 ELSE score END",
            pa.float32(),
            "CASE WHEN keyframe THEN 1.0 ELSE score END",
        ),
        ("coalesce(NULL, 'x')", pa.string(), "coalesce(NULL, 'x')"),
        ("CASE WHEN keyframe THEN 1 END", pa.int64(), "CASE WHEN keyframe THEN 1 ELSE NULL END"),
        (
            "CASE frame WHEN 1 THEN timestamp ELSE '00:00:02' END",
            pa.duration("us"),
            "CASE WHEN frame = 1 THEN timestamp ELSE INTERVAL '2 seconds' END",
        ),
        ("decided_by = 'reference'", pa.bool_(), "string(decided_by) = 'reference'"),
        ("NOT keyframe OR NULL", pa.bool_(), "NOT keyframe OR NULL"),
        ("time IS NOT NULL", pa.bool_(), "time IS NOT NULL"),
        ("-INTERVAL '1 second'", pa.duration("us"), "-INTERVAL '1 second'"),
        ("time > '2024-05-17 08:30'", pa.bool_(), "time > '2024-05-17 08:30:00'"),
        ("frame IN (1, 2.5, 3)", pa.bool_(), "frame = 1 OR frame = 2.5 OR frame = 3"),
        ("frame NOT BETWEEN 1 AND 2", pa.bool_(), "NOT (frame >= 1 AND frame <= 2)"),
    ],
)
def test_expressions_have_types_and_text(expression: str, type_: pa.DataType, text: str) -> None:
    plan = plan_of(f"SELECT {expression} AS x FROM video")
    assert isinstance(plan, Project)
    ((name, bound),) = plan.columns
    assert (name, bound.type, str(bound)) == ("x", type_, text)
    assert evaluate(bound, FRAME).type == type_


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("frame % 30", 1),
        ("(0 - 7) % 3", -1),
        ("frame / 2", 0.5),
        ("7 // 2", 3),
        ("round(2.5)", 3.0),
        ("round(-2.5)", -3.0),
        ("round(2.345, 2)", 2.35),
        ("CASE WHEN NULL THEN 1 WHEN frame = 1 THEN 2 END", 2),
        ("CASE frame WHEN 2 THEN 'two' END", None),
        ("coalesce(time, '2024-05-17')", datetime.datetime(2024, 5, 17)),
        ("timestamp + INTERVAL '1 s'", datetime.timedelta(seconds=1.04)),
        ("frame IN (2, NULL)", None),
        ("frame NOT IN (2, 3)", True),
        ("keyframe AND NULL", False),
        ("decided_by IS NULL", True),
    ],
)
def test_expressions_have_values(expression: str, value: object) -> None:
    plan = plan_of(f"SELECT {expression} AS x FROM video")
    assert isinstance(plan, Project)
    found = evaluate(plan.columns[0][1], FRAME)
    assert (found if isinstance(found, pa.Scalar) else found[0]).as_py() == value


def test_names_of_output_columns() -> None:
    plan = plan_of('SELECT FRAME, frame  +  1, pts AS "my pts" FROM video')
    assert plan.schema.names == ["frame", "frame + 1", "my pts"]
    assert plan.headline() == 'Project frame, frame + 1, pts AS "my pts"'


def test_strings_and_intervals_become_durations() -> None:
    expected = "timestamp < INTERVAL '90 seconds'"
    assert condition_of("timestamp < '00:01:30'") == expected
    assert condition_of("timestamp < INTERVAL '1 minute 30 s'") == expected
    assert condition_of("timestamp < ?", [datetime.timedelta(seconds=90)]) == expected


def contains_of(where: str, *args: Any) -> Contains:
    project = plan_of(f"SELECT FRAMES FROM video WHERE {where}", *args)
    assert isinstance(project, Project)
    assert isinstance(project.child, Filter)
    assert isinstance(project.child.condition, Contains)
    return project.child.condition


def test_contains_takes_defaults_from_the_model() -> None:
    assert contains_of("contains('bus')") == Contains("bus", YOLO.min_score)


def test_contains_in_pixels_and_in_fractions() -> None:
    pixels = Contains("bus", 0.7, (0, 0, 640, 360))
    assert contains_of("contains('bus', region => box(0,0,640,360), min_score => .7)") == pixels
    assert contains_of("contains('bus', min_score => .7, region => box(0, 0, .5, .5))") == pixels
    assert contains_of("contains(?, min_score => ?, region => box(0, 0, ?, .5))", ["bus", 0.7, 0.5])


def test_a_model_is_asked_for_only_when_needed() -> None:
    catalog = FakeCatalog()
    for sql, expected in [
        ("SELECT frame FROM video WHERE keyframe", []),
        ("SELECT frame FROM video WHERE contains('bus')", ["yolo"]),
        ("SELECT frame FROM video WHERE contains('thing 1') USING MODEL other", ["other"]),
        ("SELECT frame FROM video USING MODEL 'other'", ["other"]),
    ]:
        catalog.models.clear()
        bind(parse(sql)[0], catalog, default_model="yolo")
        assert catalog.models == expected
    assert scan_of("SELECT frame FROM video USING MODEL ?", ["other"]).model == OTHER


@pytest.mark.parametrize(
    ("clauses", "accuracy"),
    [
        ("", Accuracy(fnr=0.01, fdr=0.01)),
        ("EXACT", EXACT),
        ("FPR WITHIN 5%", Accuracy(fpr=0.05)),
        ("FNR WITHIN 0.2 FDR WITHIN 3 % PER FRAME", Accuracy(fnr=0.2, fdr=0.03, unit_us=None)),
        ("PER FRAME", Accuracy(fnr=0.01, fdr=0.01, unit_us=None)),
        ("PER INTERVAL '500 ms' FNR WITHIN 1%", Accuracy(fnr=0.01, unit_us=500_000)),
    ],
)
def test_accuracy(clauses: str, accuracy: Accuracy) -> None:
    assert scan_of(f"SELECT FRAMES FROM video WHERE contains('bus') {clauses}").accuracy == accuracy


def test_parameters_by_position_and_by_name() -> None:
    plan = plan_of("SELECT frame FROM ? WHERE frame < ? LIMIT ?", [Path("clip.mp4"), 5, 3])
    same = plan_of(
        "SELECT frame FROM $v WHERE frame < $n LIMIT $l", {"v": "clip.mp4", "n": 5, "l": 3}
    )
    assert plan == same == plan_of("SELECT frame FROM 'clip.mp4' WHERE frame < 5 LIMIT 3")


def test_explain_is_remembered() -> None:
    bound = [
        bind(statement, FakeCatalog())
        for statement in parse(
            "SELECT frame FROM video; EXPLAIN SELECT frame FROM video;"
            "EXPLAIN ANALYZE SELECT frame FROM video"
        )
    ]
    plan = Project((("frame", Column("frame", pa.int64())),), bound[0].plan.child)  # type: ignore[union-attr]
    assert bound == [Bound(plan), Bound(plan, "explain"), Bound(plan, "analyze")]
