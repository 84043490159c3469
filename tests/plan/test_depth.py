"""Long chains are fine; deep nesting is refused before anything can overflow the stack."""

from __future__ import annotations

import pytest
from language import plan_of

from vqe.errors import BindError
from vqe.optimizer import optimize

CHAINS = {
    "AND": " AND ".join(f"pts <> {i}" for i in range(2000)),
    "OR": " OR ".join(f"pts <> {i}" for i in range(2000)),
    "IN": f"pts IN ({', '.join(map(str, range(2000)))})",
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", CHAINS)
def test_a_chain_of_thousands(kind: str) -> None:
    text = repr(optimize(plan_of(f"SELECT FRAMES FROM video WHERE {CHAINS[kind]}")))
    assert text.count("pts ") == 2000
    assert "(" not in text


DEEP = {
    "CASE": f"CASE {' '.join(f'WHEN pts = {i} THEN {i}' for i in range(500))} END = 1",
    "NOT": "NOT " * 340 + "keyframe",
    "sum": " + ".join(["pts"] * 340) + " = 1",
    "parentheses": "(NOT " * 180 + "keyframe" + ")" * 180,
}


@pytest.mark.parametrize("kind", DEEP)
def test_deep_nesting_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        plan_of(f"SELECT FRAMES FROM video WHERE {DEEP[kind]}")


def test_what_is_just_not_too_deep_prints_itself() -> None:
    condition = "pts" + " + 1" * 140 + " = 1"
    assert repr(optimize(plan_of(f"SELECT FRAMES FROM video WHERE {condition}"))).count("+") == 140
    with pytest.raises(BindError, match="nested too deeply"):
        plan_of(f"SELECT FRAMES FROM video WHERE {condition.replace('1', '1' + ' + 1' * 20, 1)}")


def nested(depth: int) -> str:
    return "SELECT * FROM (" * depth + "SELECT frame FROM video" + ") WHERE frame > 1" * depth


def test_queries_in_queries() -> None:
    assert repr(optimize(plan_of(nested(50)))) == (
        "Project frame\n└─ Scan 'clip.mp4' [frame] frames 2.."
    )
    with pytest.raises(BindError, match="51 queries in FROM, one inside the other, are too many"):
        plan_of(nested(51))


def test_conditions_behind_groups_may_be_long() -> None:
    parts = " AND ".join(f"max(pts) <> {i}" for i in range(500))
    plan = optimize(plan_of(f"SELECT frame // 2 FROM video GROUP BY 1 HAVING {parts}"))
    assert repr(plan).count(" <> ") == 500
