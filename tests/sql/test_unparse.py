"""parse ∘ unparse is the identity on statements."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from vqe.sql import ast
from vqe.sql.parser import parse
from vqe.sql.statements import (
    AnalyzeVideo,
    Command,
    Copy,
    CreateVideo,
    Describe,
    DropVideo,
    Explain,
    Set,
    Show,
)
from vqe.sql.unparse import unparse

words = st.sampled_from(
    [
        "frame",
        "video",
        "score",
        "when",
        "where",
        "distinct",
        "Frames",
        "not",
        "a b",
        'q"',
        "limit",
        "é",
        "end",
        "if",
    ]
)
numbers = st.integers(0, 2**63 - 1) | st.floats(0, 1e300)
names = st.builds(ast.Name, words)
parameters = st.builds(ast.Parameter, st.integers(1, 9) | st.sampled_from(["n", "where"]))
strings = st.builds(ast.Literal, st.text(st.characters(codec="utf-8"), max_size=5))
intervals = st.builds(ast.Interval, st.integers(0, 10**13))
counts = st.builds(ast.Literal, numbers) | parameters
durations = intervals | strings | parameters
literals = st.builds(ast.Literal, numbers | st.booleans() | st.none()) | strings

BINARY = ["+", "-", "*", "/", "//", "%", "=", "<>", "<", "<=", ">", ">=", "AND", "OR"]


def several(strategy: st.SearchStrategy[Any], least: int = 1) -> st.SearchStrategy[Any]:
    return st.lists(strategy, min_size=least, max_size=3).map(tuple)


def larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    named = st.builds(ast.Named, st.sampled_from(["min_score", "region", "where"]), inner)
    return st.one_of(
        st.builds(ast.Unary, st.sampled_from(["-", "+", "NOT"]), inner),
        st.builds(ast.Binary, st.sampled_from(BINARY), inner, inner),
        st.builds(ast.Between, inner, inner, inner, st.booleans()),
        st.builds(ast.In, inner, several(inner), st.booleans()),
        st.builds(ast.IsNull, inner, st.booleans()),
        st.builds(ast.Case, st.none() | inner, several(st.tuples(inner, inner)), st.none() | inner),
        st.builds(
            ast.Function,
            st.sampled_from(["contains", "count", "frames", "not", "from"]),
            several(inner | st.builds(ast.Star), 0),
            several(named, 0),
        ),
        st.builds(
            ast.Function,
            st.sampled_from(["count", "distinct"]),
            several(inner),
            several(named, 0),
            st.just(True),
        ),
    )


expressions = st.recursive(literals | names | parameters | intervals, larger, max_leaves=8)
clauses = st.one_of(
    st.builds(ast.Exact),
    st.builds(ast.Bound, st.sampled_from(["FNR", "FPR", "FDR", "ERROR"]), counts),
    st.builds(ast.Per, st.none() | intervals),
    st.builds(ast.Confidence, counts),
    st.builds(ast.UsingModel, names | strings | parameters),
    st.builds(ast.Budget, counts),
    st.builds(ast.Deadline, durations),
)
gaps = st.builds(ast.Gap, durations, st.just("duration")) | st.builds(
    ast.Gap, counts, st.just("frames")
)
orders = st.builds(ast.Order, expressions, st.booleans(), st.sampled_from([None, "first", "last"]))
options = st.builds(ast.Named, st.sampled_from(["gap", "min_duration"]), expressions)
selections = st.one_of(
    st.builds(ast.Frames),
    st.builds(ast.Star),
    st.builds(ast.Events, several(options, 0)),
    several(st.builds(ast.Item, expressions, st.none() | words)),
)


def queries(sources: st.SearchStrategy[Any]) -> st.SearchStrategy[ast.Query]:
    return st.builds(
        ast.Query,
        selections,
        st.none() | sources,
        st.none() | expressions,
        st.none() | st.builds(ast.GroupBy, several(expressions)),
        st.none() | st.builds(ast.Having, expressions),
        st.none() | st.builds(ast.OrderBy, several(orders)),
        st.none() | st.builds(ast.Limit, counts, st.none() | gaps),
        several(clauses, 0),
    )


sources = names | strings | parameters
statements = queries(sources | st.builds(ast.Subquery, queries(sources)))
texts = strings | parameters
bare_queries = queries(sources)
commands = st.one_of(
    st.builds(Set, names, literals | names | parameters),
    st.builds(CreateVideo, names, texts, st.none() | texts, st.booleans()),
    st.builds(DropVideo, names, st.booleans()),
    st.builds(Show, st.sampled_from(["videos", "models"])),
    st.builds(Describe, sources | st.builds(ast.Subquery, bare_queries)),
    st.builds(AnalyzeVideo, sources, expressions, several(clauses, 0)),
    st.builds(Copy, bare_queries, texts),
)


@given(expressions)
@settings(max_examples=300, deadline=None)
def test_expressions_come_back(expression: Any) -> None:
    query = ast.Query((ast.Item(expression),))
    assert parse(unparse(query)) == (query,)


@given(statements, st.none() | st.booleans(), st.none() | names, st.booleans())
@settings(max_examples=100, deadline=None)
def test_queries_come_back(
    query: ast.Query, analyze: bool | None, format: ast.Name | None, rules: bool
) -> None:
    statement = query if analyze is None else Explain(query, analyze, format, rules)
    assert parse(unparse(statement)) == (statement,)


@given(st.lists(commands, min_size=1, max_size=3))
@settings(max_examples=150, deadline=None)
def test_commands_come_back(script: list[Command]) -> None:
    assert parse("; ".join(map(unparse, script))) == tuple(script)
