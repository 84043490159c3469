"""Each rule about relations above a scan, before and after."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from language import plan_of

from vqe.optimizer.limit_sorted_rows import limit_sorted_rows
from vqe.optimizer.merge_filters import merge_filters
from vqe.optimizer.merge_projects import merge_projects
from vqe.optimizer.order_conjuncts import order_conjuncts
from vqe.optimizer.prune_columns import prune_columns
from vqe.optimizer.push_filter_through_aggregate import push_filter_through_aggregate
from vqe.optimizer.push_filter_through_annotate import push_filter_through_annotate
from vqe.optimizer.push_filter_through_project import push_filter_through_project
from vqe.optimizer.push_filter_through_sort import push_filter_through_sort
from vqe.optimizer.push_limit_down import push_limit_down
from vqe.optimizer.remove_identity_projects import remove_identity_projects
from vqe.optimizer.remove_redundant_conditions import remove_redundant_conditions
from vqe.optimizer.sort_before_annotating import sort_before_annotating
from vqe.plan.expressions import DEEPEST
from vqe.plan.nodes import Aggregate, Filter, Limit, Node, Project, Scan


def below(node: Node, n: int = 1) -> Node:
    """The node `n` levels further down."""
    for _ in range(n):
        (child,) = node.children
        node = child  # type: ignore[assignment]  # the children of nodes are nodes
    return node


def text(node: Node | None) -> str:
    return repr(node).replace("\n", "").replace("   ", "").replace("└─ ", " <- ")


def scan_of(node: Node) -> Scan:
    (scan,) = (part for part in node.walk() if isinstance(part, Scan))
    return scan


REST = " <- Scan 'clip.mp4'"


@pytest.mark.parametrize(
    ("where", "after"),
    [
        ("pts = 1 AND pts = 1", "pts = 1"),
        ("pts = 1 OR keyframe OR pts = 1", "pts = 1 OR keyframe"),
        ("keyframe OR (keyframe AND pts = 1)", "keyframe"),
        ("(pts = 1 AND keyframe) OR keyframe", "keyframe"),
        ("keyframe AND (keyframe OR pts = 1)", "keyframe"),
        ("(keyframe AND pts = 1) OR (keyframe AND pts = 2)", "keyframe AND (pts = 1 OR pts = 2)"),
        ("(keyframe OR pts = 1) AND (keyframe OR pts = 2)", "keyframe OR pts = 1 AND pts = 2"),
        ("(keyframe OR pts = 1) AND (pts = 1 OR keyframe)", "keyframe OR pts = 1"),
        (
            "(pts = 1 AND keyframe AND frame = 2) OR (frame = 2 AND keyframe AND pts = 3)",
            "keyframe AND frame = 2 AND (pts = 1 OR pts = 3)",
        ),
        ("NOT (keyframe AND keyframe)", "NOT keyframe"),
        ("CASE WHEN keyframe AND keyframe THEN TRUE END", None),
        ("keyframe AND pts = 1", None),
        ("keyframe OR pts = 1 AND frame = 2", None),
        ("pts = 1 AND pts = 1.0", None),
    ],
)
def test_remove_redundant_conditions(where: str, after: str | None) -> None:
    found = remove_redundant_conditions(below(plan_of(f"SELECT * FROM video WHERE {where}")))
    if "CASE" in where:
        assert text(found).count("keyframe") == 1
    else:
        assert text(found) == (f"Filter {after}{REST}" if after else "None")


def test_a_predicate_asked_twice_is_asked_once() -> None:
    where = "contains('bus') AND keyframe OR contains('bus') AND contains('truck')"
    found = remove_redundant_conditions(below(plan_of(f"SELECT * FROM video WHERE {where}")))
    seen = "contains('{}', min_score => 0.5)"
    assert found is not None
    assert found.headline() == (
        f"Filter {seen.format('bus')} AND (keyframe OR {seen.format('truck')})"
    )


def test_merge_filters_keeps_their_order() -> None:
    plan = plan_of("SELECT * FROM (SELECT 1 // 1 AS n) WHERE n = 1")
    scan = plan_of("SELECT * FROM video WHERE keyframe AND pts = 1")
    assert merge_filters(below(plan)) is None
    inner = below(scan)
    outer = below(plan_of("SELECT * FROM video WHERE frame = 3 AND time IS NULL"))
    assert isinstance(outer, Filter)
    assert text(merge_filters(Filter(outer.condition, inner))) == (
        f"Filter keyframe AND pts = 1 AND frame = 3 AND time IS NULL{REST}"
    )


@pytest.mark.parametrize(
    ("sql", "after"),
    [
        ("SELECT a FROM (SELECT frame AS a FROM video)", "Project frame AS a"),
        ("SELECT a + 1 AS b FROM (SELECT frame AS a FROM video)", "Project frame + 1 AS b"),
        (
            "SELECT a FROM (SELECT frame + 1 AS a, pts AS c FROM video)",
            "Project frame + 1 AS a",
        ),
        ("SELECT a, a AS b FROM (SELECT frame AS a FROM video)", "Project frame AS a, frame AS b"),
        ("SELECT a + a AS b FROM (SELECT 7 AS a FROM video)", "Project 7 + 7 AS b"),
        # What is used twice is computed once.
        ("SELECT a + a AS b FROM (SELECT frame + 1 AS a FROM video)", None),
        ("SELECT a, a AS b FROM (SELECT frame + 1 AS a FROM video)", None),
    ],
)
def test_merge_projects(sql: str, after: str | None) -> None:
    assert text(merge_projects(plan_of(sql))) == (f"{after}{REST}" if after else "None")


def test_projects_that_would_become_too_deep_stay_apart() -> None:
    half = " + 1" * (DEEPEST // 2 + 5)
    plan = plan_of(f"SELECT n{half} AS m FROM (SELECT pts{half} AS n FROM video)")
    assert merge_projects(plan) is None
    nested = f"SELECT n FROM (SELECT pts{half} AS n FROM video) WHERE n{half} = 3"
    assert push_filter_through_project(below(plan_of(nested))) is None


@pytest.mark.parametrize(
    ("inner", "where", "after"),
    [
        ("frame, pts AS p", "p = 3", "Project frame, pts AS p <- Filter pts = 3"),
        ("frame + 1 AS n", "n < 3", "Project frame + 1 AS n <- Filter frame + 1 < 3"),
        ("pts AS frame", "frame < 3", "Project pts AS frame <- Filter pts < 3"),
        ("frame", "TRUE", "Project frame <- Filter TRUE"),
    ],
)
def test_push_filter_through_project(inner: str, where: str, after: str) -> None:
    plan = plan_of(f"SELECT * FROM (SELECT {inner} FROM video) WHERE {where}")
    assert text(push_filter_through_project(below(plan))) == after + REST


def test_push_filter_through_sort() -> None:
    plan = plan_of("SELECT * FROM (SELECT frame FROM video ORDER BY pts) WHERE frame < 3")
    pushed = push_filter_through_project(below(plan))
    assert isinstance(pushed, Project)
    assert text(push_filter_through_sort(pushed.child)) == f"Sort pts <- Filter frame < 3{REST}"


@pytest.mark.parametrize(
    ("having", "after"),
    [
        ("k < 3", "Aggregate count(*) by frame // 10 <- Filter frame // 10 < 3"),
        (
            "k < 3 AND count(*) > 1",
            "Filter count(*) > 1 <- Aggregate count(*) by frame // 10 <- Filter frame // 10 < 3",
        ),
        # A part that may guard a later one.
        ("count(*) > 1 AND 10 // k > 3", None),
        ("count(*) > 1", None),
        ("TRUE", None),
        ("k < count(*)", None),
    ],
)
def test_push_filter_through_aggregate(having: str, after: str | None) -> None:
    sql = f"SELECT frame // 10 AS k, count(*) FROM video GROUP BY k HAVING {having}"
    found = push_filter_through_aggregate(below(plan_of(sql)))
    assert text(found) == (after + REST if after else "None")


SEEN = "objects('bus', min_score => 0.5)"


@pytest.mark.parametrize(
    ("where", "after"),
    [
        ("frame < 3", "Annotate {0} by yolo <- Filter frame < 3"),
        ("n > 1", None),
        ("frame < 3 AND n > 1", "Filter {0} > 1 <- Annotate {0} by yolo <- Filter frame < 3"),
        ("n > 1 AND frame < 3", "Filter {0} > 1 <- Annotate {0} by yolo <- Filter frame < 3"),
        ("n > 1 AND 10 // frame < 3", None),
    ],
)
def test_push_filter_through_annotate(where: str, after: str | None) -> None:
    inner = "SELECT frame, objects('bus') AS n FROM video EXACT"
    pushed = push_filter_through_project(below(plan_of(f"SELECT * FROM ({inner}) WHERE {where}")))
    assert isinstance(pushed, Project)
    found = text(push_filter_through_annotate(pushed.child)).removesuffix(" EXACT USING MODEL yolo")
    assert found == (after.format(SEEN) + REST if after else "None")


def test_sort_before_annotating() -> None:
    plan = plan_of("SELECT frame, objects('bus') FROM video ORDER BY pts EXACT")
    found = text(sort_before_annotating(below(plan)))
    assert found.startswith(f"Annotate {SEEN} by yolo <- Sort pts{REST}")
    by_seen = plan_of("SELECT frame, objects('bus') AS n FROM video ORDER BY pts, n EXACT")
    assert sort_before_annotating(below(by_seen)) is None


def test_pictures_that_nobody_wants_are_not_made() -> None:
    plan = plan_of("SELECT frame FROM (SELECT frame, image() AS i, objects('bus') FROM video)")
    merged = merge_projects(plan)
    assert merged is not None
    found = prune_columns(merged)
    assert found is not None
    assert found.schema == plan.schema
    assert text(found).startswith(f"Project frame{REST}")
    assert scan_of(found).columns == ("frame",)
    kept = prune_columns(plan_of("SELECT pts, objects('bus') FROM video"))
    assert kept is not None
    assert scan_of(kept).columns == ("video", "frame", "pts")


def test_a_filter_on_all_rows_as_one_group_stays() -> None:
    plan = plan_of("SELECT count(*) FROM video HAVING count(*) > 3")
    assert push_filter_through_aggregate(below(plan)) is None


def test_limit_sorted_rows() -> None:
    plan = plan_of("SELECT frame FROM video ORDER BY pts DESC, frame LIMIT 3")
    limit = push_limit_down(plan)
    assert isinstance(limit, Project)
    top = limit_sorted_rows(limit.child)
    assert text(top) == f"TopN 3 by pts DESC, frame{REST}"
    assert top is not None
    assert text(limit_sorted_rows(Limit(2, top))) == f"TopN 2 by pts DESC, frame{REST}"
    assert text(limit_sorted_rows(Limit(9, top))) == f"TopN 3 by pts DESC, frame{REST}"
    assert limit_sorted_rows(top) is None


@pytest.mark.parametrize(
    ("sql", "goes"),
    [
        ("SELECT video, count(*) FROM video GROUP BY video", True),
        ("SELECT video, count(*) FROM video GROUP BY video HAVING count(*) > 3", True),
        ("SELECT count(*), video FROM video GROUP BY video", False),
        ("SELECT count(*) AS n FROM video", False),
        ("SELECT * FROM (SELECT EVENTS FROM video) ORDER BY start LIMIT 1", True),
        ("SELECT video FROM (SELECT EVENTS FROM video)", False),
        ("SELECT frame FROM video", False),
    ],
)
def test_remove_identity_projects(sql: str, goes: bool) -> None:
    plan = plan_of(sql)
    if isinstance(plan, Limit):
        plan = plan.child
    found = remove_identity_projects(plan)
    assert (found is not None) == goes
    assert found is None or found == below(plan)


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("SELECT frame FROM video", ("frame",)),
        ("SELECT pts, frame + 1 AS n FROM video", ("frame", "pts")),
        ("SELECT frame FROM video WHERE pts > 3 OR keyframe", ("frame", "pts", "keyframe")),
        ("SELECT frame FROM video ORDER BY pts DESC LIMIT 3", ("frame", "pts")),
        ("SELECT 1 AS one FROM video", ("frame",)),
        ("SELECT count(*) FROM video", ("frame",)),
        ("SELECT max(pts) FROM video GROUP BY keyframe", ("pts", "keyframe")),
        ("SELECT EVENTS FROM video", ("video", "frame", "timestamp", "time", "score", "stop")),
        ("SELECT * FROM video", ("video", "frame", "timestamp", "time", "pts", "keyframe")),
    ],
)
def test_prune_columns(sql: str, columns: tuple[str, ...]) -> None:
    plan = plan_of(sql)
    if isinstance(plan, Limit):
        plan = plan.child
    if isinstance(below(plan), Aggregate):
        plan = below(plan)
    found = prune_columns(plan)
    assert found is not None
    assert scan_of(found).columns == columns
    assert found.schema == plan.schema
    assert prune_columns(found) is None


def test_aggregates_and_columns_that_nobody_reads_go() -> None:
    plan = plan_of("SELECT a FROM (SELECT max(frame) AS a, min(pts) AS b FROM video)")
    found = prune_columns(plan)
    assert text(found) == (
        "Project a <- Project max(frame) AS a <- Aggregate max(frame), min(pts)" + REST
    )
    assert found is not None
    inner = prune_columns(below(found))
    assert text(inner) == f"Project max(frame) AS a <- Aggregate max(frame){REST}"


def test_of_all_rows_one_aggregate_stays_to_say_that_there_is_a_row() -> None:
    plan = plan_of("SELECT 1 AS one FROM (SELECT max(frame) AS a, min(pts) AS b FROM video)")
    found = prune_columns(plan)
    assert found is not None
    found = prune_columns(below(found))
    assert text(found) == f"Project max(frame) AS a <- Aggregate max(frame){REST}"


@pytest.mark.parametrize(
    ("where", "after"),
    [
        # Text is dear, an equality rules out more than a range, a negation little.
        ("video = 'x' AND frame = 3", "frame = 3 AND video = 'x'"),
        ("frame <> 3 AND frame = 3", "frame = 3 AND frame <> 3"),
        ("frame < 3 AND frame = 3", "frame = 3 AND frame < 3"),
        ("frame // 2 = 1 AND keyframe", "keyframe AND frame // 2 = 1"),
        ("frame = 3 AND video = 'x'", None),
        # Those that can fail stay behind what may guard them, and in their order.
        ("10 // frame > 1 AND frame <> 0", "frame <> 0 AND 10 // frame > 1"),
        ("frame <> 0 AND 10 // frame > 1", None),
        (
            "10 // pts > 1 AND video = 'x' AND 10 // frame = 1 AND frame = 3",
            "frame = 3 AND video = 'x' AND 10 // pts > 1 AND 10 // frame = 1",
        ),
    ],
)
def test_order_conjuncts(where: str, after: str | None) -> None:
    found = order_conjuncts(below(plan_of(f"SELECT * FROM video WHERE {where}")))
    assert text(found) == (f"Filter {after}{REST}" if after else "None")


def test_conditions_above_other_nodes_keep_their_order() -> None:
    plan = plan_of("SELECT * FROM (SELECT count(*) AS n FROM video) WHERE 10 // n > 1 AND n = 3")
    assert order_conjuncts(below(plan)) is None


Rule = Callable[[Node], Node | None]


@pytest.mark.parametrize(
    "rule",
    [
        limit_sorted_rows,
        merge_filters,
        merge_projects,
        order_conjuncts,
        push_filter_through_aggregate,
        push_filter_through_project,
        push_filter_through_sort,
        push_filter_through_annotate,
        sort_before_annotating,
        remove_redundant_conditions,
    ],
)
def test_rules_leave_other_nodes_alone(rule: Rule) -> None:
    assert rule(plan_of("SELECT frame FROM video")) is None
    assert rule(plan_of("SELECT 1 + 2")) is None
