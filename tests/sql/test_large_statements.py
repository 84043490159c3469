"""Long statements take time in proportion, deep ones are refused, and neither breaks anything."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from language import plan_of

from vqe.errors import BindError, VqeError
from vqe.optimizer import optimize
from vqe.plan.expressions import Call
from vqe.plan.nodes import Filter
from vqe.sql.parser import parse
from vqe.sql.unparse import unparse

WHERE = "SELECT FRAMES FROM video WHERE "

NESTED = {
    "open parentheses": "(" * 10_000,
    "open parentheses of a value": "SELECT " + "(" * 10_000,
    "NOT": WHERE + "NOT " * 2500 + "keyframe",
    "minus": "SELECT " + "- " * 5000 + "1 FROM video",
    "sums": "SELECT " + "1 + " * 2500 + "1 FROM video",
    "CASE": WHERE + "CASE WHEN " * 1000 + "keyframe" + " THEN 1 END" * 1000,
    "queries": "SELECT * FROM (" * 660 + "SELECT * FROM video" + ")" * 660,
    "open queries": "SELECT * FROM (" * 660,
    "functions": "SELECT " + "round(" * 1400 + "1" + ")" * 1400 + " FROM video",
    "IN": WHERE + "1 IN (1, 2, " * 800 + "1" + ")" * 800,
    "COPY": "COPY (" * 1600,
}


@pytest.mark.parametrize("kind", NESTED)
def test_what_is_nested_deeply_is_refused(kind: str) -> None:
    with pytest.raises(VqeError) as raised:
        plan_of(NESTED[kind])
    assert raised.value.offset is not None
    assert len(str(raised.value)) < 1000


def test_an_error_of_depth_points_to_the_deep_place() -> None:
    with pytest.raises(VqeError, match="nested too deeply") as raised:
        parse("SELECT a FROM x; SELECT " + "round(" * 1000 + "1" + ")" * 1000)
    assert raised.value.offset > 1000


def test_parentheses_alone_may_be_deep() -> None:
    plan = plan_of(WHERE + "(" * 5000 + "keyframe" + ")" * 5000)
    assert plan == plan_of(WHERE + "keyframe")


MULTIPLIED = {
    "BETWEEN": WHERE + "(" * 30 + "keyframe" + " BETWEEN false AND true)" * 30,
    "IN": WHERE + "(" * 12 + "keyframe" + " IN (true, false, true, false, true, false))" * 12,
    "CASE": WHERE
    + "CASE " * 20
    + "keyframe"
    + " WHEN true THEN true WHEN false THEN false END" * 20,
}


@pytest.mark.parametrize("kind", MULTIPLIED)
def test_operands_that_are_used_twice_do_not_multiply_without_end(kind: str) -> None:
    with pytest.raises(BindError, match=r"more than 100,000 operations|nested too deeply"):
        plan_of(MULTIPLIED[kind])


def test_a_remainder_uses_its_operands_once() -> None:
    plan = plan_of(WHERE + "frame % (" * 30 + "2" + ")" * 30 + " = 1")
    (condition,) = [node.condition for node in plan.walk() if isinstance(node, Filter)]
    assert isinstance(condition, Call)
    assert condition.calls == 31  # with the comparison


LONG: dict[str, Callable[[int], str]] = {
    "AND": lambda n: WHERE + " AND ".join(["frame <> 1"] * (n // 15)),
    "OR of AND": lambda n: WHERE + " OR ".join(["(frame = 1 AND pts = 2)"] * (n // 28)),
    "IN": lambda n: WHERE + f"frame IN ({', '.join(map(str, range(n // 6)))})",
    "columns": lambda n: f"SELECT {','.join(f'pts+{i}' for i in range(n // 9))} FROM video",
    "statements": lambda n: "SELECT a FROM b;" * (n // 16),
    "comments": lambda n: "--x\n" * (n // 4) + WHERE + "keyframe",
    "a string": lambda n: f"SELECT '{'a' * n}' AS a FROM video",
    "an open string": lambda n: "SELECT '" + "''" * (n // 2),
    "open comments": lambda n: "SELECT a " + "/* " * (n // 3),
    "a name": lambda n: f"SELECT {'fram' * (n // 4)} FROM video",
    "names": lambda n: f"SELECT {'a ' * (n // 2)} FROM video",
    "digits": lambda n: f"SELECT {'1' * n} FROM video",
    "an interval": lambda n: f"SELECT INTERVAL '{'1 s ' * (n // 4)}' AS a FROM video",
    "quotes": lambda n: "SELECT " + "'" * n,
    "a label": lambda n: WHERE + f"contains('{'bus' * (n // 3)}')",
}

BEST_OF = 5
MOST_SECONDS = 0.4
"""For 10 kB; a quiet machine takes a fifth of it at most."""


def seconds(action: Callable[[], object], best_of: int = BEST_OF) -> float:
    """CPU time of this thread: others may keep the machine busy."""
    taken = []
    for _ in range(best_of):
        start = time.thread_time()
        action()
        taken.append(time.thread_time() - start)
    return min(taken)


def parsed(sql: str) -> None:
    try:
        parse(sql)
    except VqeError as error:
        str(error)


@pytest.mark.parametrize("kind", LONG)
def test_ten_thousand_characters_are_parsed_at_once(kind: str) -> None:
    sql = LONG[kind](10_000)
    assert len(sql) > 8000
    assert seconds(lambda: parsed(sql)) < MOST_SECONDS


def whole_way(sql: str) -> None:
    try:
        statements = parse(sql)
        for statement in statements[:1]:
            unparse(statement)
            repr(optimize(plan_of(sql)))
    except (VqeError, ValueError):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("kind", LONG)
def test_ten_times_the_text_takes_about_ten_times_as_long(kind: str) -> None:
    small, large = LONG[kind](2000), LONG[kind](20_000)
    floor = 0.002  # below it, what does not grow with the text counts
    once = max(seconds(lambda: whole_way(small)), floor)
    assert seconds(lambda: whole_way(large), 3) < 35 * once  # quadratic would be a hundred times
