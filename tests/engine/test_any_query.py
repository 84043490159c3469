"""Random queries, run: they give a table that keeps its schema, or an error of ours.

VQE_FUZZ_SEED starts the seeds elsewhere; a failure tells its seed.
"""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest
from clips import Oracle, Visit, make_clip

import vqe

FIRST_SEED = int(os.environ.get("VQE_FUZZ_SEED", "0"))

VALUES = (
    *("frame", "pts", "timestamp", "time", "keyframe", "video", "score", "decided_by", "start"),
    *("duration", "max_score", "1", "0", "2.5", "'a'", "NULL", "true", "INTERVAL '1 second'"),
    *("'2024-01-01'", "9223372036854775807", "1e308", "contains('bus')", "objects('bus')"),
)
OPERATORS = ("+", "-", "*", "/", "//", "%", "=", "<", ">=", "<>", "AND", "OR")
FUNCTIONS = ("round", "coalesce", "sum", "min", "max", "avg", "count")
SOURCES = (
    *("clip", "clip", "clip"),
    "(SELECT EVENTS FROM clip WHERE contains('bus'))",
    "(SELECT frame, timestamp, pts % 3 AS pts FROM clip)",
    "(SELECT frame // 5 AS frame, count(*) AS pts FROM clip GROUP BY 1)",
)


def expression(rng: random.Random, depth: int) -> str:
    def part(less: int = 1) -> str:
        return expression(rng, depth - less)

    if depth <= 0 or rng.random() < 0.3:
        return rng.choice(VALUES)
    kinds = (
        *[lambda: f"({part()} {rng.choice(OPERATORS)} {part()})"] * 4,
        *[lambda: f"{rng.choice(FUNCTIONS)}({part()})"] * 2,
        lambda: f"coalesce({part()}, {part()})",
        lambda: f"time_bucket(INTERVAL '{rng.choice((0, 1, 10**8))} s', {part()})",
        lambda: f"CASE WHEN {part()} THEN {part()} ELSE {part()} END",
        lambda: f"({part()} IN ({part()}, {part(2)}))",
        lambda: f"({part()} BETWEEN {part()} AND {part(2)})",
        lambda: f"({part()} IS NULL)",
        lambda: f"(NOT {part()})",
    )
    return rng.choice(kinds)()


def query(rng: random.Random) -> str:
    def now_and_then(share: float, clause: str) -> str:
        return f" {clause}" if rng.random() < share else ""

    key, value, condition = (expression(rng, depth) for depth in (1, 2, 2))
    items = (value, f"{key} AS a, {value} AS b", "*", "count(*)", f"frame, count(*), {key} AS c")
    return (
        f"SELECT {rng.choice(items)} FROM {rng.choice(SOURCES)}"
        + now_and_then(0.5, f"WHERE {condition}")
        + now_and_then(0.3, f"GROUP BY {rng.choice(('1', '2', key, f'{key}, {value}'))}")
        + now_and_then(0.15, f"HAVING {expression(rng, 2)}")
        + now_and_then(0.3, f"ORDER BY {rng.choice(('1', key, value))} {rng.choice(('', 'DESC'))}")
        + now_and_then(0.3, f"LIMIT {rng.randint(0, 9)}")
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> vqe.Connection:
    path = tmp_path_factory.mktemp("any") / "clip.mp4"
    clip = make_clip(path, 30, visits=(Visit(5, 12), Visit(20, 25)))
    con = vqe.connect(device="cpu", progress=False)
    con.register("clip", path)
    con.register_model("oracle", Oracle(clip, fingerprint="oracle"))
    return con


def outcome(con: vqe.Connection, seed: int) -> str:
    sql = query(random.Random(seed))
    try:
        result = con.sql(sql)
        schema = result.schema
        table = result.to_arrow_table()
        table.validate(full=True)
        assert table.schema.equals(schema)
        assert repr(result)
        assert result.explain()
    except vqe.VqeError as error:
        assert str(error)  # noqa: PT017 - most queries are errors
        return type(error).__name__
    except Exception as error:
        error.add_note(f"seed {seed}: {sql}")
        raise
    return "rows"


def check(con: vqe.Connection, seeds: range) -> None:
    outcomes = Counter(outcome(con, seed) for seed in seeds)
    assert outcomes["rows"] > 0.05 * len(seeds)
    assert outcomes["BindError"] > 0.05 * len(seeds)


def test_any_query(small: vqe.Connection) -> None:
    check(small, range(FIRST_SEED, FIRST_SEED + 100))


@pytest.mark.slow
def test_many_more_queries(small: vqe.Connection) -> None:
    check(small, range(FIRST_SEED + 100, FIRST_SEED + 4000))
