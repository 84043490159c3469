"""Random queries have the rows that DuckDB finds, whatever rules, batches and threads there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest
from clips import Clip, Oracle, Visit, make_clip
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_queries import RandomQuery, queries
from truth_table import TruthTable, plain_rows

import vqe
from vqe.optimizer.optimizer import NEEDED, RULES

VISITS = (Visit(10, 20), Visit(15, 30, "truck"), Visit(40, 45), Visit(42, 49))
FRAMES, GOP = 60, 20

LEAVABLE = sorted(rule.__name__ for rule in RULES if rule.__name__ not in NEEDED)


@dataclass(frozen=True)
class Engines:
    """The clip to be asked about by both, and two connections that keep its labels."""

    clip: Clip
    truth: TruthTable
    plain: vqe.Connection
    changed: vqe.Connection


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    clip = make_clip(tmp_path_factory.mktemp("random") / "clip.mp4", FRAMES, visits=VISITS, gop=GOP)
    truth = TruthTable(clip).knows(
        pts=pa.array([1600 * i for i in range(FRAMES)]),
        keyframe=[i % GOP == 0 for i in range(FRAMES)],
    )
    with connected(clip) as plain, connected(clip) as changed:
        yield Engines(clip, truth, plain, changed)


def connected(clip: Clip, **options: Any) -> vqe.Connection:
    con = vqe.connect(device="cpu", progress=False, **options)
    con.register("clip", str(clip.path))
    con.register_model("oracle", Oracle(clip, fingerprint="oracle"))
    return con


def tried(examples: int) -> Callable[..., Any]:
    """Hypothesis with that many examples."""
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        print_blob=False,
    )


changes = st.fixed_dictionaries(
    {
        "disabled_rules": st.one_of(
            st.just(LEAVABLE), st.lists(st.sampled_from(LEAVABLE), unique=True)
        ).map(",".join),
        "batch_size": st.integers(1, 70),
        "decode_threads": st.integers(1, 3),
    }
)


def compare(query: RandomQuery, options: dict[str, Any], cold: bool, engines: Engines) -> None:
    """`cold`: without the labels of earlier queries."""
    table = engines.plain.sql(query.sql).to_arrow_table()
    with connected(engines.clip) if cold else nullcontext(engines.changed) as con:
        for name, value in options.items():
            con.sql(f"SET {name} = {value!r}")
        again = con.sql(query.sql).to_arrow_table()
    assert again.equals(table), "rules, batches or threads changed the rows"
    rows, expected = plain_rows(table), engines.truth.rows(query.sql)
    if not query.ordered:
        rows, expected = sorted(rows, key=repr), sorted(expected, key=repr)
    assert rows == expected


one_of_eight = st.integers(0, 7).map(lambda n: n == 7)


@given(query=queries(), options=changes, cold=one_of_eight)
@tried(20)
def test_random_queries_mean_what_they_mean_to_duckdb(
    query: RandomQuery, options: dict[str, Any], cold: bool, engines: Engines
) -> None:
    compare(query, options, cold, engines)


@pytest.mark.slow
@given(query=queries(), options=changes, cold=one_of_eight)
@tried(2000)
def test_many_random_queries_mean_what_they_mean_to_duckdb(
    query: RandomQuery, options: dict[str, Any], cold: bool, engines: Engines
) -> None:
    compare(query, options, cold, engines)
