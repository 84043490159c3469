"""Queries made at random, which mean the same to vqe and to DuckDB.

What the two do not share is kept out: a divisor that may be zero (an error here, a null there),
sums that outgrow 64 bits, averages of durations, and rows whose order the query leaves open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from hypothesis import strategies as st

Text = st.SearchStrategy[str]


@dataclass(frozen=True)
class RandomQuery:
    """The text of a query; `ordered`: whether it says in which order its rows come."""

    sql: str
    ordered: bool


@dataclass(frozen=True)
class Columns:
    """What expressions may be built of: texts by type. `pixels`: frames can be looked at as well;
    `unique`: a column that tells all rows apart, if there is one."""

    whole: tuple[str, ...] = ()
    real: tuple[str, ...] = ()
    flag: tuple[str, ...] = ()
    duration: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    pixels: bool = False
    unique: str | None = None

    @property
    def all(self) -> tuple[str, ...]:
        return self.whole + self.real + self.flag + self.duration + self.text


TYPES = ("whole", "real", "flag", "duration", "text")

CLIP = Columns(
    whole=("frame", "pts"),
    flag=("keyframe", "(time IS NULL)"),
    duration=("timestamp",),
    text=("video",),
    pixels=True,
    unique="frame",
)
EVENTS = Columns(
    whole=("event", "start_frame", "stop_frame", '"frames"'),
    duration=("start", "stop", "duration"),
    text=("video",),
    unique="event",
)

DEEPEST = 3

OPTIONS = (
    "",
    ", min_score => 0.71",
    ", min_score => 0.1",
    ", region => box(0, 0, 0.51, 1)",
    ", min_score => 0.83, region => box(40.5, 10, 130.5, 120)",
)
"""Of contains() and objects()."""


@cache
def expressions(columns: Columns, type_: str, depth: int = DEEPEST) -> Text:
    """Expressions of a type, at most `depth` operators deep."""
    names = getattr(columns, type_)
    leaves = [_literals(type_)] + 3 * [st.sampled_from(names)] if names else [_literals(type_)]
    if columns.pixels and type_ in SIGHTS:
        leaves.append(
            st.builds(SIGHTS[type_].format, st.sampled_from(LABELS), st.sampled_from(OPTIONS))
        )
    if depth == 0:
        return st.one_of(leaves)

    def inner(type_: str) -> Text:
        return expressions(columns, type_, depth - 1)

    same = inner(type_)
    general = [
        st.builds("CASE WHEN {} THEN {} ELSE {} END".format, inner("flag"), same, same),
        st.builds("CASE WHEN {} THEN {} END".format, inner("flag"), same),
        st.builds("coalesce({}, {})".format, same, same),
    ]
    return st.one_of(*leaves, *general, *_operators(type_, inner))


SIGHTS = {"flag": "contains('{}'{})", "whole": "objects('{}'{})"}
LABELS = ("bus", "truck", "cat")


def _literals(type_: str) -> Text:
    match type_:
        case "whole":
            return st.integers(-9, 40).map(str)
        case "real":
            return st.sampled_from(("0.5e0", "2.25e0", "-1e0", "40e0"))
        case "flag":
            return st.sampled_from(("TRUE", "FALSE", "(1 = NULL)"))  # a bare NULL has no type
        case "duration":
            return st.sampled_from(("INTERVAL '1200 milliseconds'", "INTERVAL '3 seconds'"))
    return st.sampled_from(("'clip'", "'a b'", "''"))


def _operators(type_: str, inner) -> list[Text]:
    divisor = st.integers(2, 9).map(str)
    match type_:
        case "whole":
            return [
                st.builds("({} {} {})".format, inner("whole"), _one_of("+ -"), inner("whole")),
                st.builds("({} {} {})".format, inner("whole"), _one_of("* // %"), divisor),
                st.builds("(- {})".format, inner("whole")),
            ]
        case "real":
            return [
                st.builds("({} / {})".format, inner("whole"), divisor),
                st.builds("({} {} {})".format, inner("real"), _one_of("+ - *"), inner("real")),
                st.builds("({} + {})".format, inner("whole"), inner("real")),
                st.builds("round({})".format, inner("real")),
                st.builds("round({}, {})".format, inner("real"), _one_of("1 2 -1")),
            ]
        case "duration":
            return [
                st.builds("({} {} {})".format, inner(type_), _one_of("+ -"), inner(type_)),
                st.builds("time_bucket('{} ms', {})".format, st.integers(1, 900), inner(type_)),
            ]
        case "flag":
            return _conditions(inner)
    return []


def _conditions(inner) -> list[Text]:
    flag = inner("flag")
    found = [
        st.builds("({} {} {})".format, flag, _one_of("AND OR"), flag),
        st.builds(
            "({} {} {} {} {})".format, flag, _one_of("AND OR"), flag, _one_of("AND OR"), flag
        ),
        st.builds("({} {} NULL)".format, flag, _one_of("AND OR")),
        st.builds("(NOT {})".format, flag),
        st.builds("({} {} NULL)".format, flag, st.sampled_from(("IS", "IS NOT"))),
    ]
    for type_ in TYPES:
        value = inner(type_)
        found += [
            st.builds("({} {} {})".format, value, _one_of("= <> < <= > >="), value),
            st.builds("({} {}IN ({}, {}))".format, value, NEGATED, value, value),
            st.builds("({} {}BETWEEN {} AND {})".format, value, NEGATED, value, value),
        ]
    return found


SUMMED = ("timestamp", "start", "duration")
"""Durations that the truth table knows how to sum up."""

NEGATED = st.sampled_from(("", "NOT "))


def _one_of(words: str) -> Text:
    return st.sampled_from(words.split())


def aggregates(columns: Columns, type_: str) -> Text:
    """Aggregates whose value has a type."""

    def of(type_: str) -> Text:
        return expressions(columns, type_, 1)

    found = [st.builds("{}({})".format, _one_of("min max"), of(type_))]
    if type_ == "whole":
        found += [st.just("count(*)"), st.builds("sum({})".format, of("whole"))]
        found += [
            st.builds("count({}{})".format, st.sampled_from(("", "DISTINCT ")), of(counted))
            for counted in ("whole", "flag", "text")
        ]
    if type_ == "real":
        found += [st.builds("{}({})".format, _one_of("sum avg"), of("real"))]
        found += [st.builds("avg({})".format, of("whole"))]
    if type_ == "duration":
        found += [st.just(f"sum({name})") for name in SUMMED if name in columns.duration]
    return st.one_of(found)


@st.composite
def queries(draw: st.DrawFn) -> RandomQuery:
    """A query about the frames of `clip`, or about the rows of another one."""
    source = draw(st.sampled_from(("clip", "clip", "rows", "groups", "events")))
    if source == "clip":
        return draw(_query("clip", CLIP, "x"))
    if source == "events":
        where = draw(expressions(CLIP, "flag"))
        gap, least = draw(st.sampled_from((0, 300, 1500))), draw(st.sampled_from((0, 400)))
        inner = (
            f"SELECT EVENTS (gap => INTERVAL '{gap} ms', min_duration => INTERVAL '{least} ms') "
            f"FROM clip WHERE {where} EXACT"
        )
        return draw(_query(f"({inner})", EVENTS, "x"))
    inner, columns = draw(_rows("clip", CLIP, "i") if source == "rows" else _groups(CLIP))
    return draw(_query(f"({inner})", columns, "x"))


@st.composite
def _query(draw: st.DrawFn, source: str, columns: Columns, prefix: str) -> RandomQuery:
    if draw(st.booleans()):
        sql, found = draw(_groups(columns, source, prefix))
        keys = [name for name in found.all if name.startswith(f"{prefix}k")]
        unique: Sequence[str] | None = keys
    else:
        sql, found = draw(_rows(source, columns, prefix))
        unique = None if columns.unique is None else [columns.unique]
    order = draw(_order(found))
    if unique is None:
        return RandomQuery(f"{sql}{_order_by(order)}", ordered=False)
    sql += _order_by([*order, *unique])
    if draw(st.booleans()):
        sql += f" LIMIT {draw(st.integers(0, 12))}"
    return RandomQuery(sql, ordered=True)


@st.composite
def _order(draw: st.DrawFn, columns: Columns) -> list[str]:
    names = draw(st.lists(st.sampled_from(columns.all), max_size=2, unique=True))
    directions = st.sampled_from(("", " ASC", " DESC"))
    nulls = st.sampled_from(("", " NULLS FIRST", " NULLS LAST"))
    return [name + draw(directions) + draw(nulls) for name in names]


def _order_by(keys: Sequence[str]) -> str:
    return f" ORDER BY {', '.join(keys)}" if keys else ""


@st.composite
def _rows(draw: st.DrawFn, source: str, columns: Columns, prefix: str) -> tuple[str, Columns]:
    types = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=4))
    items = [draw(expressions(columns, type_)) for type_ in types]
    names = [f"{prefix}{i}" for i in range(len(types))]
    return (
        f"SELECT {_listed(items, names)} FROM {source}{draw(_where(columns))}{_exact(source)}",
        _named(names, types),
    )


@st.composite
def _groups(
    draw: st.DrawFn, columns: Columns, source: str = "clip", prefix: str = "i"
) -> tuple[str, Columns]:
    key_types = draw(st.lists(st.sampled_from(("whole", "flag", "duration", "text")), max_size=2))
    about = [c for c in columns.all if c != "video"]
    keys = [
        draw(expressions(columns, type_, 2).filter(lambda key: any(c in key for c in about)))
        for type_ in key_types
    ]
    types = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=3))
    values = [draw(aggregates(columns, type_)) for type_ in types]
    after = _named([*keys, *values], [*key_types, *types])  # what may be said of a group
    extra = draw(st.sampled_from(TYPES))
    if draw(st.booleans()):
        values, types = [*values, draw(expressions(after, extra, 1))], [*types, extra]
    names = [*(f"{prefix}k{i}" for i in range(len(keys)))]
    names += [f"{prefix}{i}" for i in range(len(values))]
    sql = f"SELECT {_listed([*keys, *values], names)} FROM {source}"
    sql += draw(_where(columns))
    if keys:
        sql += (
            f" GROUP BY {', '.join(draw(st.sampled_from(pair)) for pair in _either(keys, names))}"
        )
    if draw(st.booleans()):
        sql += f" HAVING {draw(expressions(after, 'flag', 1))}"
    return sql + _exact(source), _named(names, [*key_types, *types])


def _either(keys: Sequence[str], names: Sequence[str]) -> list[tuple[str, ...]]:
    """A key may be written out, by its name, or by its number."""
    return [(key, name, str(i + 1)) for i, (key, name) in enumerate(zip(keys, names, strict=False))]


@st.composite
def _where(draw: st.DrawFn, columns: Columns) -> str:
    return f" WHERE {draw(expressions(columns, 'flag'))}" if draw(st.integers(0, 3)) else ""


def _exact(source: str) -> str:
    return " EXACT" if source == "clip" else ""


def _listed(items: Sequence[str], names: Sequence[str]) -> str:
    return ", ".join(f"{item} AS {name}" for item, name in zip(items, names, strict=True))


def _named(names: Sequence[str], types: Sequence[str]) -> Columns:
    by_type: dict[str, list[str]] = {type_: [] for type_ in TYPES}
    for name, type_ in zip(names, types, strict=True):
        by_type[type_].append(name)
    return Columns(**{type_: tuple(dict.fromkeys(found)) for type_, found in by_type.items()})
