"""Conditions that mix what is seen with columns fall apart into questions about pixels alone."""

from __future__ import annotations

from itertools import product

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqe.physical.evaluate import evaluate_column
from vqe.plan.constants import BOOLEAN, INTEGER
from vqe.plan.expressions import Call, Column, Constant, Contains, Expression, Objects, rewritten
from vqe.planner.index_cases import MOST_CASES, cases_of

BUS, CAT = Contains("bus", 0.5), Contains("cat", 0.5)
FRAME = Column("frame", INTEGER)
ORDINALS = np.array([0, 2, 3, 5, 8, 9], np.int64)


def rows(ordinals):
    keyframe = pa.array([None if o == 3 else o % 2 == 0 for o in ordinals.tolist()], pa.bool_())
    return pa.RecordBatch.from_pydict({"frame": pa.array(ordinals), "keyframe": keyframe})


def call(function, *args):
    return Call(function, args, BOOLEAN)


def early(stop):
    return call("less", FRAME, Constant(stop, INTEGER))


KEYFRAME = Column("keyframe", BOOLEAN)
LEAVES = [BUS, CAT, KEYFRAME, early(3), early(6), Constant(None, BOOLEAN), Constant(True, BOOLEAN)]


def joined(inner):
    either = st.sampled_from(["and_kleene", "or_kleene", "equal"])
    return st.one_of(
        st.builds(call, either, inner, inner),
        st.builds(lambda one: call("invert", one), inner),
        st.builds(
            lambda a, b, c: call("if_else", call("coalesce", a, Constant(False, BOOLEAN)), b, c),
            *(inner, inner, inner),
        ),
    )


def holds(condition: Expression, ordinal: int, bus: bool, cat: bool) -> bool:
    seen = {BUS: Constant(bus, BOOLEAN), CAT: Constant(cat, BOOLEAN)}
    plain = rewritten(condition, seen.get)
    return evaluate_column(plain, rows(np.array([ordinal])))[0].as_py() is True


@given(st.recursive(st.sampled_from(LEAVES), joined, max_leaves=8))
def test_each_frame_is_in_the_case_that_says_the_same(condition):
    cases = cases_of(condition, ORDINALS, rows)
    assert cases is not None
    together = np.sort(np.concatenate([case.ordinals for case in cases]))
    assert together.tolist() == ORDINALS.tolist()
    for case in cases:
        for ordinal, bus, cat in product(case.ordinals.tolist(), (False, True), (False, True)):
            expected = holds(condition, ordinal, bus, cat)
            assert holds(case.condition, ordinal, bus, cat) == expected
            assert case.foregone in (None, expected)


def test_a_condition_on_pixels_alone_is_one_case():
    both = call("and_kleene", BUS, CAT)
    (case,) = cases_of(both, ORDINALS, rows)
    assert case.condition == both
    assert case.ordinals is ORDINALS


def test_what_the_index_decides_is_foregone():
    cases = cases_of(call("or_kleene", early(3), BUS), ORDINALS, rows)
    told = {case.foregone: (case.condition, case.ordinals.tolist()) for case in cases}
    assert told == {True: (Constant(True, BOOLEAN), [0, 2]), None: (BUS, [3, 5, 8, 9])}


@pytest.mark.parametrize("count", [FRAME, Call("negate_checked", (FRAME,), INTEGER)])
def test_numbers_compared_with_what_is_seen_are_no_cases(count):
    assert cases_of(call("greater", Objects("bus", 0.5), count), ORDINALS, rows) is None


def test_many_cases_are_none():
    parts = [
        call("and_kleene", call("equal", FRAME, Constant(i, INTEGER)), Contains("bus", i / 100))
        for i in range(5, 6 + MOST_CASES)
    ]
    condition = parts[0]
    for part in parts[1:]:
        condition = call("or_kleene", condition, part)
    assert cases_of(condition, np.arange(40), rows) is None
