"""AND as a list of its parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vqe.plan.constants import BOOLEAN
from vqe.plan.expressions import Constant, Expression, operands
from vqe.plan.operators import connect


def split_conjunctions(condition: Expression) -> Iterator[Expression]:
    """The parts that must all hold, from left to right."""
    return operands(condition, "and_kleene")


def join_conjunctions(conditions: Sequence[Expression]) -> Expression:
    """The condition that all parts hold; true when there are none."""
    return connect("AND", conditions) if conditions else Constant(True, BOOLEAN)
