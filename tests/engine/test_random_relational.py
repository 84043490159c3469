"""Random queries about the frames of a clip: as DuckDB answers them, optimised and as written."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from clips import Clip, Visit, make_clip
from hypothesis import given, settings
from hypothesis import strategies as st
from truth_table import TruthTable, plain_rows

import vqe
from vqe.config import Settings
from vqe.executor.query import Query
from vqe.optimizer import RULES, optimize
from vqe.plan.binder import Bound, bind
from vqe.plan.nodes import Node
from vqe.planner.resources import Resources
from vqe.runtime.context import Context
from vqe.sql.parser import parse

FRAMES = 40


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    path = tmp_path_factory.mktemp("relational") / "clip.mp4"
    return make_clip(path, FRAMES, visits=(Visit(5, 15),), gop=8)


@pytest.fixture(scope="module")
def truth(clip: Clip) -> TruthTable:
    return TruthTable(clip).knows(
        pts=pa.array([1600 * i for i in range(FRAMES)]),
        keyframe=[i % 8 == 0 for i in range(FRAMES)],
    )


@pytest.fixture(scope="module")
def con(clip: Clip) -> vqe.Connection:
    con = vqe.connect(device="cpu")
    con.register("clip", str(clip.path))
    return con


def plan_of(sql: str, con: vqe.Connection) -> Node:
    bound = bind(parse(sql)[0], con._catalog)
    assert isinstance(bound, Bound)
    return bound.plan


def rows_of(plan: Node, con: vqe.Connection) -> list[tuple[Any, ...]]:
    resources = Resources(con._store, con._catalog.network)
    query = Query(plan, resources, Context(Settings()))
    return plain_rows(pa.Table.from_batches(query.run(), schema=plan.schema))


numbers = st.sampled_from(["a", "b", "a + b", "a % 3", "b // 4", "a * 2 - b", "coalesce(n, a)"])
signs = st.sampled_from(["<", "<=", "=", "<>", ">=", ">"])
atoms = st.one_of(
    st.builds("{} {} {}".format, numbers, signs, st.integers(-2, 45)),
    st.builds("a IN ({}, {}, {})".format, *[st.integers(0, 40)] * 3),
    st.builds("a BETWEEN {} AND {}".format, st.integers(0, 40), st.integers(0, 40)),
    st.sampled_from(["k", "NOT k", "n IS NULL", "n > 10", "TRUE", "NULL", "a = a"]),
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
BASE = (
    "SELECT frame AS a, frame // 3 * 7 % 11 AS b, keyframe AS k, "
    "CASE WHEN frame % 4 > 0 THEN frame END AS n FROM clip"
)
wheres = st.builds(" WHERE {}".format, conditions)
maybe_where = st.just("") | wheres
aggregates = st.sampled_from(
    ["count(*)", "count(n)", "sum(b)", "min(a)", "max(n)", "avg(a)", "count(DISTINCT b)", "sum(n)"]
)
limits = st.just("") | st.builds(" LIMIT {}".format, st.integers(0, 12))
directions = st.sampled_from(["", " DESC"])
nulls = st.sampled_from(["", " NULLS FIRST", " NULLS LAST"])
orders = st.builds(
    " ORDER BY {}{}{}, a{}, b".format,
    numbers,
    directions,
    nulls,
    directions,
)
keys = st.sampled_from(["b", "k", "a // 10", "n % 3", "b % 2"])


def plain(source: str) -> st.SearchStrategy[str]:
    """Queries over (source) that yield a, b, k and n again."""
    columns = st.sampled_from(
        ["a, b, k, n", "b AS a, a AS b, k, n", "a + 1 AS a, b, NOT k AS k, n"]
    )
    return st.builds(
        "SELECT {} FROM ({}){}{}{}".format, columns, st.just(source), maybe_where, orders, limits
    )


nested = plain(BASE) | plain(BASE).flatmap(plain) | st.just(BASE)


@st.composite
def grouped(draw: st.DrawFn) -> str:
    source, key, call, other = draw(nested), draw(keys), draw(aggregates), draw(aggregates)
    having = draw(
        st.sampled_from(["", " HAVING count(*) > 2", " HAVING max(a) > 20 AND k1 IS NULL"])
    )
    where = draw(maybe_where)
    return (
        f"SELECT {key} AS k1, {call} AS x, {other} AS y FROM ({source}){where} GROUP BY k1{having}"
    )


@st.composite
def ungrouped(draw: st.DrawFn) -> str:
    calls = ", ".join(f"{draw(aggregates)} AS x{i}" for i in range(draw(st.integers(1, 3))))
    return f"SELECT {calls} FROM ({draw(nested)}){draw(maybe_where)}"


def check(sql: str, con: vqe.Connection, truth: TruthTable, *, ordered: bool) -> None:
    plan = plan_of(sql, con)
    written = rows_of(plan, con)
    assert rows_of(optimize(plan), con) == written
    expected = truth.rows(sql)
    if not ordered:
        written, expected = sorted(written, key=repr), sorted(expected, key=repr)
    assert written == expected


@given(sql=nested)
@settings(max_examples=20, deadline=None)
def test_rows(sql: str, con: vqe.Connection, truth: TruthTable) -> None:
    check(sql, con, truth, ordered=True)


@given(sql=grouped() | ungrouped())
@settings(max_examples=20, deadline=None)
def test_groups(sql: str, con: vqe.Connection, truth: TruthTable) -> None:
    check(sql, con, truth, ordered=False)


@given(sql=nested | grouped(), rule=st.sampled_from([rule.__name__ for rule in RULES]))
@settings(max_examples=12, deadline=None)
def test_each_rule_may_be_left_out(sql: str, rule: str, con: vqe.Connection) -> None:
    plan = plan_of(sql, con)
    without = optimize(plan, disabled=frozenset({rule}))
    assert rows_of(without, con) == rows_of(plan, con)
