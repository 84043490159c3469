"""Each rule, before and after."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest
from language import plan_of

from vqe.optimizer.fold_constants import fold_constants
from vqe.optimizer.merge_limits import merge_limits
from vqe.optimizer.push_condition_into_scan import push_condition_into_scan
from vqe.optimizer.push_limit_down import push_limit_down
from vqe.optimizer.push_predicate_into_scan import push_predicate_into_scan
from vqe.optimizer.push_range_into_scan import push_range_into_scan
from vqe.optimizer.remove_true_filters import remove_true_filters
from vqe.plan.nodes import Annotate, Filter, Limit, Node, Project, Scan

YOLO = " EXACT USING MODEL yolo"
"""What a scan says behind its conditions, once a `contains` asks for a model."""


def filter_of(where: str) -> Filter:
    project = plan_of(f"SELECT * FROM video WHERE {where} EXACT")
    assert isinstance(project, Project)
    assert isinstance(project.child, Filter)
    return project.child


def text(node: Node | None) -> str:
    return repr(node).replace("\n└─ ", " <- ")


@pytest.mark.parametrize(
    ("where", "after"),
    [
        ("time < '2024-05-01 08:00:05'", "Scan 'clip.mp4' timestamp 0s..5s"),
        ("'2024-05-01 08:00:05' <= time", "Scan 'clip.mp4' timestamp 5s.."),
        (
            "time BETWEEN '2024-05-01 07:00' AND '2024-05-01 08:00:01'",
            "Scan 'clip.mp4' timestamp 0s..1.000001s",
        ),
        ("time < '2024-05-01 07:00'", "Scan 'clip.mp4' timestamp 0s..0s"),
        ("time = '2024-05-01 08:00:01'", "Scan 'clip.mp4' timestamp 1s..1.000001s"),
        ("time > NULL", "Scan 'clip.mp4' frames 0..0"),
        (
            "time >= '2024-05-01 08:00:02' AND timestamp < '3 s' AND frame < 9",
            "Scan 'clip.mp4' frames 0..9 timestamp 2s..3s",
        ),
        ("time <> '2024-05-01 08:00:01'", "None"),
    ],
)
def test_time_is_a_range_of_timestamps_where_the_start_is_known(where: str, after: str) -> None:
    assert text(push_range_into_scan(filter_of(where))).replace(" EXACT", "") == after


def test_time_is_null_where_the_start_is_not_known() -> None:
    node = filter_of("time > '2024-05-01' AND frame < 9")
    assert isinstance(node.child, Scan)
    video = replace(node.child.video, start_us=None)
    after = push_range_into_scan(replace(node, child=replace(node.child, video=video)))
    assert text(after) == "Scan 'clip.mp4' frames 0..0"


@pytest.mark.parametrize(
    ("where", "after"),
    [
        ("frame < 100", "Scan 'clip.mp4' frames 0..100"),
        ("frame <= 100", "Scan 'clip.mp4' frames 0..101"),
        ("frame > 100", "Scan 'clip.mp4' frames 101.."),
        ("frame >= 100", "Scan 'clip.mp4' frames 100.."),
        ("frame = 100", "Scan 'clip.mp4' frames 100..101"),
        ("100 > frame", "Scan 'clip.mp4' frames 0..100"),
        ("100 <= frame", "Scan 'clip.mp4' frames 100.."),
        ("frame BETWEEN 10 AND 20", "Scan 'clip.mp4' frames 10..21"),
        ("frame < 10.5", "Scan 'clip.mp4' frames 0..11"),
        ("frame >= 10.5", "Scan 'clip.mp4' frames 11.."),
        ("frame = 10.5", "Scan 'clip.mp4' frames 11..11"),
        ("frame < 20 AND 5 < frame AND frame < 10", "Scan 'clip.mp4' frames 6..10"),
        ("frame < 5 AND frame > 10", "Scan 'clip.mp4' frames 11..11"),
        ("frame < NULL", "Scan 'clip.mp4' frames 0..0"),
        ("FALSE", "Scan 'clip.mp4' frames 0..0"),
        ("timestamp < '1 s'", "Scan 'clip.mp4' timestamp 0s..1s"),
        ("timestamp > INTERVAL '1 s'", "Scan 'clip.mp4' timestamp 1.000001s.."),
        (
            "timestamp BETWEEN '00:00:01' AND '00:00:02' AND frame > 0",
            "Scan 'clip.mp4' frames 1.. timestamp 1s..2.000001s",
        ),
        ("keyframe AND frame < 9", "Filter keyframe <- Scan 'clip.mp4' frames 0..9"),
        ("frame <> 5", "None"),
        ("pts < 5", "None"),
        ("frame < 5 OR keyframe", "None"),
        ("frame < 2 * 3", "None"),
    ],
)
def test_push_range_into_scan(where: str, after: str) -> None:
    assert text(push_range_into_scan(filter_of(where))) == after


SEEN = "contains('bus', min_score => 0.5)"


@pytest.mark.parametrize(
    ("where", "after"),
    [
        ("keyframe", "Scan 'clip.mp4' where keyframe"),
        ("keyframe AND contains('bus')", f"Filter {SEEN} <- Scan 'clip.mp4' where keyframe"),
        ("contains('bus')", "None"),
        # Whole parts of a constant, in any place.
        ("frame % 30 = 0", "Scan 'clip.mp4' where frame % 30 = 0"),
        ("frame // 2 = 3", "Scan 'clip.mp4' where frame // 2 = 3"),
        ("frame // -2 = -3", "Scan 'clip.mp4' where frame // -2 = -3"),
        ("frame / 2.5 > 3", "Scan 'clip.mp4' where double(frame) / 2.5 > 3"),
        (
            "timestamp / INTERVAL '1 s' > 3",
            "Scan 'clip.mp4' where timestamp / INTERVAL '1 second' > 3",
        ),
        # A divisor that may be zero.
        ("10 // (frame - 2) > 0", "None"),
        ("10 / frame > 0", "None"),
        ("10 % frame > 0", "None"),
        ("frame // 0 = 1", "None"),
        ("frame / 0.0 = 1", "None"),
        ("frame // NULL = 1", "None"),
        ("INTERVAL '1 s' / timestamp > 3", "None"),
        ("NOT (keyframe OR coalesce(1 // pts, 3) = 1)", "None"),
        ("CASE WHEN frame = 0 THEN 1 ELSE 10 // frame END > 3", "None"),
        (
            "keyframe AND 10 // frame > 0 AND pts > 3 AND contains('bus')",
            f"Filter 10 // frame > 0 AND {SEEN} <- Scan 'clip.mp4' where keyframe AND pts > 3",
        ),
        # Results beyond 64 bits, unless constants and videos of any ordinary size stay within.
        (
            "frame * 1000000 + pts * 1000 > 5",
            "Scan 'clip.mp4' where frame * 1000000 + pts * 1000 > 5",
        ),
        (
            "timestamp * 1000 > INTERVAL '1 s'",
            "Scan 'clip.mp4' where timestamp * 1000 > INTERVAL '1 second'",
        ),
        ("frame * 9000000000000000000 > 5", "None"),
        ("frame * 4000000000 * 4000000000 > 5", "None"),
        ("frame + 9223372036854775807 > 5", "None"),
        ("pts * pts > 5", "None"),
        ("(pts * 1000) / 2 > 5", "None"),  # whole numbers that a double cannot hold
    ],
)
def test_push_condition_into_scan(where: str, after: str) -> None:
    assert text(push_condition_into_scan(filter_of(where))).removesuffix(YOLO) == after


@pytest.mark.parametrize(
    ("where", "after"),
    [
        (
            "contains('bus')",
            "Scan 'clip.mp4' contains('bus', min_score => 0.5) EXACT USING MODEL yolo",
        ),
        (
            "keyframe AND contains('bus') AND pts > 3",
            "Filter keyframe AND pts > 3 <- "
            "Scan 'clip.mp4' contains('bus', min_score => 0.5) EXACT USING MODEL yolo",
        ),
        ("keyframe", "None"),
    ],
)
def test_push_predicate_into_scan(where: str, after: str) -> None:
    assert text(push_predicate_into_scan(filter_of(where))) == after


@pytest.mark.parametrize(
    ("where", "after"),
    [
        ("frame < 10 * 30", "Filter frame < 300 <- Scan 'clip.mp4'"),
        ("1 + 1 = 2", "Filter TRUE <- Scan 'clip.mp4'"),
        (
            "timestamp < 2 * INTERVAL '5 s'",
            "Filter timestamp < INTERVAL '10 seconds' <- Scan 'clip.mp4'",
        ),
        ("frame < -(1 + 2)", "Filter frame < -3 <- Scan 'clip.mp4'"),
        ("NOT (1 = 2) AND keyframe", "Filter TRUE AND keyframe <- Scan 'clip.mp4'"),
        ("frame < round(2.5)", "Filter frame < 3.0 <- Scan 'clip.mp4'"),
        ("frame < CASE WHEN NULL THEN 1 ELSE 2 END", "Filter frame < 2 <- Scan 'clip.mp4'"),
        ("frame < 7 // 0", "None"),
        ("frame < 9223372036854775807 + 1", "None"),
        ("frame < 10", "None"),
    ],
)
def test_fold_constants(where: str, after: str) -> None:
    assert text(fold_constants(filter_of(where))) == after


def test_fold_constants_in_the_select_list() -> None:
    plan = plan_of("SELECT frame, 1 + 1 AS two, NULL + 1 AS nothing FROM video")
    folded = fold_constants(plan)
    assert text(folded) == "Project frame, 2 AS two, NULL AS nothing <- Scan 'clip.mp4'"
    assert folded is not None
    assert folded.schema == plan.schema
    assert fold_constants(folded) is None


@pytest.mark.parametrize(
    ("sql", "after"),
    [
        ("SELECT frame FROM video ORDER BY frame + (1 + 1)", "Sort frame + 2"),
        (
            "SELECT sum(frame + 2 * 3) FROM video GROUP BY pts // (4 - 2)",
            "Aggregate sum(frame + 6) by pts // 2",
        ),
        ("SELECT count(*) FROM video GROUP BY pts", None),
        ("SELECT frame FROM video ORDER BY pts", None),
    ],
)
def test_fold_constants_above_the_scan(sql: str, after: str | None) -> None:
    (node,) = plan_of(sql).children
    found = fold_constants(cast(Node, node))
    assert text(found) == (f"{after} <- Scan 'clip.mp4'" if after else "None")


def test_remove_true_filters() -> None:
    assert text(remove_true_filters(filter_of("TRUE"))) == "Scan 'clip.mp4'"
    assert remove_true_filters(filter_of("FALSE")) is None
    assert remove_true_filters(filter_of("keyframe")) is None


def test_merge_limits() -> None:
    scan = plan_of("SELECT * FROM video")
    assert merge_limits(Limit(3, Limit(5, scan))) == Limit(3, scan)
    assert merge_limits(Limit(5, Limit(3, scan))) == Limit(3, scan)
    assert merge_limits(Limit(3, scan)) is None


def test_push_limit_down() -> None:
    plan = plan_of("SELECT frame, objects('bus') AS n FROM video LIMIT 3")
    once = push_limit_down(plan)
    assert isinstance(once, Project)
    twice = push_limit_down(cast(Node, once.child))
    assert isinstance(twice, Annotate)
    assert isinstance(twice.child, Limit)
    assert isinstance(twice.child.child, Scan)
    assert push_limit_down(twice.child) is None
    assert once.schema == plan.schema


def test_push_predicate_into_scan_takes_all_that_is_asked_of_pixels() -> None:
    where = "contains('bus') AND frame < 1 / (frame - 2) AND NOT objects('truck') > frame"
    moved = push_predicate_into_scan(filter_of(where))
    assert text(moved) == (
        "Filter frame < 1.0 / double(frame - 2) <- Scan 'clip.mp4' "
        "contains('bus', min_score => 0.5) "
        f"AND NOT objects('truck', min_score => 0.5) > frame{YOLO}"
    )
