"""Arguments of CASE, coalesce(), AND and OR: worked out on the rows that reach them alone."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqe.errors import ExecutionError
from vqe.physical.evaluate import evaluate_column
from vqe.plan.constants import BOOLEAN, INTEGER
from vqe.plan.expressions import Call, Column, Constant, Expression

X, A, B = Column("x", INTEGER), Column("a", BOOLEAN), Column("b", BOOLEAN)
TEN = Constant(10, INTEGER)
TENTH = Call("divide_checked", (TEN, X), INTEGER)
"""Fails where x is 0."""
IS_ZERO = Call("equal", (X, Constant(0, INTEGER)), BOOLEAN)
FAILS = Call("greater", (TENTH, Constant(3, INTEGER)), BOOLEAN)


def rows(**columns: list[int | bool | None]) -> pa.RecordBatch:
    types = {"x": INTEGER, "a": BOOLEAN, "b": BOOLEAN}
    arrays = [pa.array(values, types[name]) for name, values in columns.items()]
    return pa.RecordBatch.from_arrays(arrays, names=list(columns))


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        (Call("if_else", (IS_ZERO, TEN, TENTH), INTEGER), [10, 5, None, 2]),
        (
            Call("and_kleene", (Call("invert", (IS_ZERO,), BOOLEAN), FAILS), BOOLEAN),
            [False, True, None, False],
        ),
        (Call("coalesce", (X, TENTH), INTEGER), [0, 2, None, 4]),
    ],
)
def test_what_is_not_reached_does_not_fail(
    expression: Expression, values: list[int | bool | None]
) -> None:
    assert evaluate_column(expression, rows(x=[0, 2, None, 4])).to_pylist() == values


def test_what_is_reached_fails() -> None:
    wrong_way_round = Call("if_else", (IS_ZERO, TENTH, X), INTEGER)
    with pytest.raises(ExecutionError, match="divide by zero"):
        evaluate_column(wrong_way_round, rows(x=[1, 0]))
    open_still = Call("and_kleene", (Constant(None, BOOLEAN), FAILS), BOOLEAN)
    with pytest.raises(ExecutionError, match="divide by zero"):
        evaluate_column(open_still, rows(x=[0]))


TRUTH = st.sampled_from([True, False, None])


@given(st.lists(st.tuples(TRUTH, TRUTH), min_size=1), st.sampled_from(["and_kleene", "or_kleene"]))
def test_guards_have_the_values_of_their_kernels(
    pairs: list[tuple[bool | None, bool | None]], function: str
) -> None:
    """Beside an argument that fails where it is not reached, all is as without it."""
    a, b = map(list, zip(*pairs, strict=True))
    plain = Call(function, (A, B), BOOLEAN)
    # x is 0, and divides, where the left side decides.
    decides = function == "or_kleene"
    x = [0 if left is decides else 1 for left in a]
    is_ten = Call("equal", (TENTH, TEN), BOOLEAN)
    guarded = Call(function, (A, Call("and_kleene", (is_ten, B), BOOLEAN)), BOOLEAN)
    batch = rows(a=a, b=b, x=x)
    assert evaluate_column(guarded, batch).equals(evaluate_column(plain, batch))
