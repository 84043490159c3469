"""The rules together, and the driver that applies them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from language import evaluate, plan_of

from vqe.errors import PlanError
from vqe.optimizer import RULES, optimize, optimizer
from vqe.plan.nodes import Filter, Limit, Node, Project, Scan

SQL = """\
SELECT frame, 1 + 1 AS two FROM video
WHERE contains('bus') AND frame < 10 * 30 AND keyframe AND timestamp >= '00:00:10' AND 1 = 1
LIMIT 10"""


def test_all_rules_together() -> None:
    assert (
        repr(optimize(plan_of(SQL)))
        == """\
Project frame, 2 AS two
└─ Limit 10
   └─ Scan 'clip.mp4' [frame] frames 0..300 timestamp 10s.. \
where keyframe AND contains('bus', min_score => 0.5) \
FNR WITHIN 1% FDR WITHIN 1% PER INTERVAL '1 second' USING MODEL yolo"""
    )


def test_optimizing_twice_changes_nothing() -> None:
    plan = optimize(plan_of(SQL))
    assert optimize(plan) is plan


def test_observer_sees_each_rewrite() -> None:
    seen: list[tuple[str, Node, Node]] = []
    optimize(plan_of(SQL), observer=lambda *rewrite: seen.append(rewrite))
    assert [name for name, _, _ in seen] == [
        "fold_constants",
        "push_range_into_scan",
        "push_condition_into_scan",
        "push_predicate_into_scan",
        "fold_constants",
        "prune_columns",
        "push_limit_down",
    ]
    for name, before, after in seen:
        (rule,) = (rule for rule in RULES if rule.__name__ == name)
        assert rule(before) == after


def test_rules_can_be_disabled() -> None:
    plan = plan_of("SELECT frame FROM video WHERE frame < 2 * 3")
    kept = optimize(plan, disabled=frozenset({"push_range_into_scan"}))
    assert "where frame < 6" in repr(kept)
    pushes = frozenset({"push_range_into_scan", "push_condition_into_scan"})
    assert "Filter frame < 6\n" in repr(optimize(plan, disabled=pushes))
    every = frozenset(rule.__name__ for rule in RULES)
    assert optimize(plan, disabled=every) is plan
    with pytest.raises(PlanError, match="unknown rule 'merge_limit'"):
        optimize(plan, disabled=frozenset({"merge_limit"}))


def test_no_rule_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    def drop_projection(node: Node) -> Node | None:
        return node.child if isinstance(node, Project) else None

    def add_limits(node: Node) -> Node | None:
        return Limit(1, node) if isinstance(node, Limit) else None

    plan = plan_of("SELECT frame FROM video LIMIT 3")
    monkeypatch.setattr(optimizer, "RULES", (drop_projection,))
    with pytest.raises(PlanError, match="drop_projection changed the columns"):
        optimize(plan)
    monkeypatch.setattr(optimizer, "RULES", (add_limits,))
    monkeypatch.setattr(optimizer, "MOST_REWRITES", 50)
    with pytest.raises(PlanError, match="rewrite without end"):
        optimize(plan)


TABLE = pa.table(
    {
        "frame": pa.array(range(12), pa.int64()),
        "timestamp": pa.array([i * 500_000 for i in range(12)], pa.duration("us")),
        "pts": pa.array([None if i % 5 == 0 else i * 512 for i in range(12)], pa.int64()),
        "keyframe": pa.array([i % 4 == 0 for i in range(12)]),
        "time": pa.array([None] * 12, pa.timestamp("us")),
    }
)


def rows(node: Node) -> list[dict[str, Any]]:
    """What a plan without visual predicates yields on TABLE."""
    match node:
        case Scan(condition=condition) if condition is not None:
            return rows(Filter(condition, replace(node, condition=None)))
        case Scan(range=r):
            stop_us = 10**12 if r.stop_us is None else r.stop_us
            return [
                row
                for row in TABLE.to_pylist()[r.start_frame : r.stop_frame]
                if r.start_us <= row["frame"] * 500_000 < stop_us
            ]
        case Filter(condition, child):
            found = pa.Table.from_pylist(rows(child), schema=TABLE.schema)
            return [
                row
                for i, row in enumerate(found.to_pylist())
                if _scalar(evaluate(condition, found.slice(i, 1)))
            ]
        case Project(columns, child):
            found = pa.Table.from_pylist(rows(child), schema=TABLE.schema)
            return [
                {name: _scalar(evaluate(e, found.slice(i, 1))) for name, e in columns}
                for i in range(len(found))
            ]
        case Limit(count, child):
            return rows(child)[:count]
    raise AssertionError(f"no part of these queries: {node!r}")


def _scalar(value: Any) -> Any:
    return value.as_py() if isinstance(value, pa.Scalar) else value[0].as_py()


integers = st.integers(-3, 14).map(str)
numbers = st.one_of(
    integers,
    st.sampled_from(["2.5", "NULL", "1 + 2", "10 // 4", "7 / 2", "round(4.5)", "-(3 - 5)"]),
    st.sampled_from(["coalesce(NULL, 4)", "CASE WHEN 1 > 2 THEN 3 ELSE 5 END", "pts // 512"]),
)
moments = st.sampled_from(
    ["'00:00:02'", "INTERVAL '1500 ms'", "NULL", "2 * INTERVAL '1 s'", "-INTERVAL '1 s'"]
)
signs = st.sampled_from(["<", "<=", "=", "<>", ">=", ">"])
atoms = st.one_of(
    st.builds("frame {} {}".format, signs, numbers),
    st.builds("{} {} frame".format, numbers, signs),
    st.builds("timestamp {} {}".format, signs, moments),
    st.builds("{} {} timestamp".format, moments, signs),
    st.builds("frame BETWEEN {} AND {}".format, numbers, numbers),
    st.builds("frame NOT IN ({}, {})".format, numbers, integers),
    st.builds("{} < {}".format, numbers, numbers),
    st.sampled_from(["keyframe", "pts IS NULL", "TRUE", "FALSE", "NULL", "pts > 2000"]),
)
conditions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("NOT ({})".format, inner),
    ),
    max_leaves=5,
)


@given(st.lists(conditions, min_size=1, max_size=3), numbers, st.integers(0, 14))
@settings(max_examples=150, deadline=None)
def test_optimized_plans_yield_the_same_rows(parts: list[str], number: str, limit: int) -> None:
    where = " AND ".join(parts)
    plan = plan_of(
        f"SELECT frame, frame + {number} AS n, {parts[0]} AS c "
        f"FROM video WHERE {where} LIMIT {limit}"
    )
    assert rows(optimize(plan)) == rows(plan)
