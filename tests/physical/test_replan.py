"""From one plan to the next in mid-scan, without a video."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import pyarrow as pa
import pytest

from vqe.physical.cascade_scan import ReplanRequested
from vqe.physical.operator import Operator
from vqe.physical.replan import ReplanExec
from vqe.runtime.context import Context


@dataclass(frozen=True, repr=False)
class Numbers(Operator):
    """Counts up, two at a time; asks for another plan before `gives_up`."""

    start: int
    stop: int
    gives_up: int | None = None

    schema = pa.schema([("n", pa.int64())])

    def headline(self) -> str:
        return f"Numbers {self.start}..{self.stop}"

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        for n in range(self.start, self.stop, 2):
            if n == self.gives_up:
                raise ReplanRequested(n)
            yield pa.record_batch({"n": list(range(n, min(n + 2, self.stop)))})


def rows(operator):
    return [n for batch in operator.execute(Context()) for n in batch["n"].to_pylist()]


@pytest.fixture
def asked():
    return []


@pytest.fixture
def rest(asked):
    def plan(frame):
        asked.append(frame)
        return Numbers(frame, 10)

    return plan


def test_a_plan_that_lasts_has_no_other(rest, asked):
    assert rows(ReplanExec(Numbers(0, 10), rest)) == list(range(10))
    assert asked == []


def test_the_rest_is_planned_where_the_scan_gives_up(rest, asked):
    replan = ReplanExec(Numbers(0, 10, gives_up=4), rest)
    assert rows(replan) == list(range(10))
    assert asked == [4]
    assert repr(replan).splitlines() == [
        "Replan the rest once labels keep contradicting the plan",
        "└─ Numbers 0..10",
    ]


def test_what_an_earlier_query_gave_up_has_another_plan_from_there(rest, asked):
    replan = ReplanExec(Numbers(0, 6), rest, until=6)
    assert rows(replan) == list(range(10))
    assert asked == [6]
    assert replan.headline() == "Replan the rest from frame 6"


def test_it_may_be_given_up_earlier_still(rest, asked):
    assert rows(ReplanExec(Numbers(0, 6, gives_up=2), rest, until=6)) == list(range(10))
    assert asked == [2]


def test_rows_that_nobody_wants_ask_for_no_plan(rest, asked):
    batches = ReplanExec(Numbers(0, 10, gives_up=4), rest).execute(Context())
    next(batches)
    batches.close()
    assert asked == []
