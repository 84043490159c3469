"""Whatever the text, only errors of ours leave the parser, the binder and the optimizer.

VQE_FUZZ_SEED starts the seeds elsewhere; a failure tells its seed.
"""

from __future__ import annotations

import datetime
import os
import random
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from derivations import derived, mutated, noise
from language import YOLO

from vqe.errors import BindError, VqeError
from vqe.optimizer import optimize
from vqe.plan.binder import Bound, bind
from vqe.plan.catalog import ModelInfo, VideoInfo
from vqe.plan.commands import AnalyzeVideo, Copy
from vqe.plan.parameters import Parameters
from vqe.sql.parser import parse
from vqe.sql.unparse import unparse

FIRST_SEED = int(os.environ.get("VQE_FUZZ_SEED", "0"))
TESTS = Path(__file__).parents[1]

VALUES = (
    *(None, True, 0, -1, 5, 2**63, 0.5, float("nan"), float("inf"), "bus", "clip.mp4", "1 second"),
    *(
        "",
        "\0",
        "\udcff",
        b"bus",
        [],
        {},
        object(),
        1j,
        np.int64(3),
        np.float32(0.5),
        np.array([1]),
    ),
    *(datetime.timedelta(days=999999999), datetime.datetime.max, datetime.date(2024, 5, 17)),
    *(datetime.time(8), datetime.datetime(1, 1, 1, tzinfo=datetime.UTC), Path("clip.mp4")),
    *(np.timedelta64(5, "s"), np.datetime64("NaT"), np.float64("nan"), np.str_("bus"), 10**400),
)
"""What may be given for a parameter."""


class AnyCatalog:
    """Knows every video, and one model."""

    def video(self, name: str) -> VideoInfo:
        members = tuple(VideoInfo(f"{i}.mp4", f"{i}.mp4") for i in range(2)) if "*" in name else ()
        return VideoInfo(name, name, 1280, 720, members)

    def file(self, path: str, start_us: int | None = None) -> VideoInfo:
        return replace(self.video(path), start_us=start_us)

    def model(self, spec: str | None) -> ModelInfo:
        if spec not in (None, "yolo"):
            raise BindError(f"unknown model '{spec}'")
        return YOLO


def corpus() -> list[str]:
    """The statements of the README and of the .slt files."""
    readme = (TESTS.parent / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sql\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    statements = re.sub("--.*", "", "".join(blocks)).split(";")
    for path in sorted((TESTS / "slt").glob("*.slt")):
        statements += re.findall(r"^(?:select|explain|set)\b[^\n]*", path.read_text(), re.M | re.I)
    return [statement.strip() for statement in statements if statement.strip()]


def run(kind: str, seed: int, statements: list[str]) -> str:
    """How far the input of a seed came."""
    rng = random.Random(f"{kind} {seed}")
    match kind:
        case "derived":
            sql = derived(rng)
        case "mutated":
            sql = mutated(rng, statements)
        case _:
            sql = noise(rng)
    try:
        return through_the_language(sql, rng)
    except Exception as error:
        error.add_note(f"{kind} input of seed {seed}: {sql!r}")
        raise


def through_the_language(sql: str, rng: random.Random) -> str:
    reached = "nowhere"
    try:
        values = Parameters(parameters(sql, rng))  # numbered through all statements
        for statement in parse(sql):
            reached = "parsed"
            assert parse(unparse(statement)) == (statement,)
            bound = bind(statement, AnyCatalog(), values, more=True)
            reached = "bound"
            if isinstance(bound, Bound | AnalyzeVideo | Copy):
                assert repr(optimize(bound.plan))
    except VqeError as error:
        check_error(error, sql)
    return reached


def check_error(error: VqeError, sql: str) -> None:
    assert str(error)
    assert error.offset is None or 0 <= error.offset <= len(sql)
    assert error.sql in (None, sql)


def parameters(sql: str, rng: random.Random) -> list[object] | dict[str, object]:
    names = re.findall(r"\$([^\W\d]\w*)", sql)
    if names:
        return {name: rng.choice(VALUES) for name in names}
    return [rng.choice(VALUES) for _ in range(min(sql.count("?") or sql.count("$"), 9))]


FAST = {"derived": 500, "mutated": 800, "noise": 800}
SLOW = {"derived": 40_000, "mutated": 40_000, "noise": 40_000}


def check(kind: str, first: int, n: int) -> None:
    statements = corpus()
    reached = Counter(run(kind, seed, statements) for seed in range(first, first + n))
    if kind == "noise":
        assert reached["nowhere"] > 0.9 * n
    else:  # inputs that come nowhere would test nothing
        assert reached["nowhere"] < 0.9 * n
        assert reached["bound"] > (0.05 * n if kind == "mutated" else 0)


@pytest.mark.parametrize("kind", FAST)
def test_only_errors_of_ours(kind: str) -> None:
    check(kind, FIRST_SEED, FAST[kind])


@pytest.mark.slow
@pytest.mark.parametrize("kind", SLOW)
def test_only_errors_of_ours_in_many_more(kind: str) -> None:
    check(kind, FIRST_SEED + FAST[kind], SLOW[kind])
