"""Rules about what comes first: sorts that change nothing, and pictures of rows that go."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest
from language import VIDEO, plan_of

from vqe.optimizer.make_pictures_last import make_pictures_last
from vqe.optimizer.optimizer import optimize
from vqe.optimizer.push_limit_down import push_limit_down
from vqe.optimizer.remove_redundant_sorts import remove_redundant_sorts
from vqe.plan.nodes import Filter, Limit, Node, Scan, Sort, TopN


def sort_of(sql: str, files: tuple[str, ...] = ()) -> Sort:
    """The Sort in the plan of the statement, about files of these names."""
    (sort,) = (node for node in plan_of(sql).walk() if isinstance(node, Sort))
    members = tuple(replace(VIDEO, name=name) for name in files)
    return cast(Sort, _about(sort, members))


def _about(node: Node, members: tuple[object, ...]) -> Node:
    if isinstance(node, Scan):
        return replace(node, video=replace(node.video, members=members))
    return node.map_children(lambda child: _about(cast(Node, child), members))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("sql", "goes"),
    [
        ("SELECT frame FROM video ORDER BY frame", True),
        ("SELECT pts FROM video WHERE contains('bus') ORDER BY frame, pts DESC", True),
        ("SELECT pts FROM video ORDER BY video DESC, frame", True),
        ("SELECT objects('bus') AS n FROM video ORDER BY frame", True),
        ("SELECT f FROM (SELECT frame AS f, pts FROM video LIMIT 9) ORDER BY f, pts", True),
        ("SELECT pts FROM video ORDER BY frame DESC", False),
        ("SELECT frame FROM video ORDER BY keyframe, frame", False),
        ("SELECT frame FROM video ORDER BY -frame", False),
        ("SELECT frame FROM (SELECT -frame AS frame FROM video) ORDER BY frame", False),
        ("SELECT frame, count(*) AS n FROM video GROUP BY frame ORDER BY n", False),
    ],
)
def test_remove_redundant_sorts(sql: str, goes: bool) -> None:
    sort = sort_of(sql)
    assert remove_redundant_sorts(sort) == (sort.child if goes else None)


@pytest.mark.parametrize(
    ("order", "files", "goes"),
    [
        ("frame", ("a", "b"), False),
        ("frame", ("a",), True),
        ("video, frame", ("a", "b"), True),
        ("video", ("a", "b"), True),
        ("video, pts", ("a", "b"), False),
        ("video DESC, frame", ("a", "b"), False),
        ("video, frame DESC", ("a", "b"), False),
        ("frame, video", ("a", "b"), False),
        ("video, frame", ("b", "a"), False),  # as names of other bytes may come
    ],
)
def test_sorts_of_several_files(order: str, files: tuple[str, ...], goes: bool) -> None:
    sort = sort_of(f"SELECT frame FROM video ORDER BY {order}", files)
    assert (remove_redundant_sorts(sort) is not None) == goes


def test_a_limit_reaches_the_scan_through_an_order_of_frames() -> None:
    plan = optimize(plan_of("SELECT frame FROM video WHERE contains('bus') ORDER BY frame LIMIT 3"))
    (limit,) = (node for node in plan.walk() if isinstance(node, Limit))
    assert isinstance(limit.child, Scan)


SEEN, TRUCK = "objects('bus', min_score => 0.5)", "contains('truck', min_score => 0.5)"
INNER = "SELECT image() AS i, objects('bus') AS n, contains('truck') AS t FROM video EXACT"


def lines(node: Node | None) -> list[str]:
    """The plan above its scan."""
    return [line.strip(" └─") for line in repr(node).splitlines()][:-1]


@pytest.mark.parametrize(
    ("where", "after"),
    [
        ("n > 1", [f"Filter {SEEN} > 1"]),
        ("t AND i IS NOT NULL", ["Filter image() IS NOT NULL", f"Filter {TRUCK}"]),
        ("i IS NOT NULL AND t", ["Filter image() IS NOT NULL", f"Filter {TRUCK}"]),
        # A part that may guard a later one.
        ("i IS NOT NULL AND 10 // n > 3", None),
        ("i IS NOT NULL", None),
    ],
)
def test_make_pictures_last_of_a_filter(where: str, after: list[str] | None) -> None:
    plan = plan_of(f"SELECT * FROM (SELECT n, i, t FROM ({INNER})) WHERE {where}")
    steps: list[Node] = []
    optimize(
        plan,
        disabled=frozenset({"prune_columns"}),
        observer=lambda rule, _, node: steps.append(node) if rule == "make_pictures_last" else None,
    )
    if after is None:
        assert not steps
        return
    *above, below = after
    found = lines(steps[0])
    assert found[0].startswith("Project video, frame, ")
    assert found[0].endswith(f", image(), {SEEN}, {TRUCK}")
    assert found[1:] == [*above, "Annotate image()", below, f"Annotate {SEEN}, {TRUCK} by yolo"]


def test_make_pictures_last_of_the_first_rows() -> None:
    plan = plan_of("SELECT frame, image() AS i FROM video ORDER BY objects('bus') DESC LIMIT 1")
    project = push_limit_down(plan)
    assert project is not None
    (limit,) = project.children
    assert isinstance(limit, Limit)
    assert isinstance(limit.child, Sort)
    assert make_pictures_last(limit.child) is None  # all rows are wanted
    top = TopN(1, limit.child.keys, limit.child.child)
    found = make_pictures_last(top)
    assert lines(found)[-3:] == [
        "Annotate image()",
        f"TopN 1 by {SEEN} DESC",
        f"Annotate {SEEN} by yolo",
    ]
    assert found is not None
    assert found.schema == top.schema


def test_without_pictures_there_is_nothing_to_do() -> None:
    plan = plan_of("SELECT objects('bus') AS n, detections() FROM video ORDER BY n LIMIT 1")
    assert "make_pictures_last" not in _applied(plan)
    assert make_pictures_last(plan_of("SELECT frame FROM video")) is None
    assert remove_redundant_sorts(plan_of("SELECT frame FROM video")) is None
    (scan,) = (node for node in plan.walk() if isinstance(node, Scan))
    assert make_pictures_last(Filter(plan_of("SELECT TRUE AS t").columns[0][1], scan)) is None  # type: ignore[union-attr]


def _applied(plan: Node) -> list[str]:
    names: list[str] = []
    optimize(plan, observer=lambda rule, *_: names.append(rule))
    return names
