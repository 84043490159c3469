"""AND as a list of its parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce

from vqe.plan.constants import BOOLEAN
from vqe.plan.expressions import Call, Constant, Expression


def split_conjunctions(condition: Expression) -> Iterator[Expression]:
    """The parts that must all hold, from left to right."""
    match condition:
        case Call("and_kleene", (left, right)):
            yield from split_conjunctions(left)
            yield from split_conjunctions(right)
        case _:
            yield condition


def join_conjunctions(conditions: Sequence[Expression]) -> Expression:
    """The condition that all parts hold; true when there are none."""
    if not conditions:
        return Constant(True, BOOLEAN)
    return reduce(lambda left, right: Call("and_kleene", (left, right), BOOLEAN), conditions)
