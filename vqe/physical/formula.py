"""Conditions as formulas: what numbers about their parts come to for the whole.

A number above zero says that a part holds, one below zero that it does not, and the further away,
the surer. NOT turns the sign, AND takes the smallest number and OR the largest (Zadeh, "Fuzzy
sets", 1965): the result has the sign that logic demands, and is as sure as what it rests on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vqe.plan.expressions import Call, Expression


def _alike(left: Any, right: Any) -> Any:
    return np.maximum(np.minimum(left, right), np.minimum(-left, -right))


def _chosen(condition: Any, then: Any, otherwise: Any) -> Any:
    return np.maximum(np.minimum(condition, then), np.minimum(-condition, otherwise))


CONNECTIVES: Final[Mapping[str, Callable[..., Any]]] = {
    "and_kleene": np.minimum,
    "or_kleene": np.maximum,
    "invert": np.negative,
    "equal": _alike,
    "not_equal": lambda left, right: -_alike(left, right),
    "if_else": _chosen,
    "coalesce": lambda first: first,
}
"""Functions of conditions that give a condition, and what they make of numbers."""


@dataclass(frozen=True)
class Formula:
    """How a condition follows from its atoms."""

    condition: Expression

    @cached_property
    def atoms(self) -> tuple[Expression, ...]:
        """The parts that are joined by AND, OR, NOT, <>, = and CASE, each once, from left to
        right."""
        return tuple(dict.fromkeys(_atoms(self.condition)))

    def __call__(self, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        """For each of N frames the number of the condition, float32 (N,), from those of its A
        atoms, float32 (N, A)."""
        of_atom = dict(zip(self.atoms, numbers.T, strict=True))
        result: NDArray[np.float32] = _of(self.condition, of_atom)
        return result


def _atoms(expression: Expression) -> Iterator[Expression]:
    joined = _joined(expression)
    for part in joined:
        yield from _atoms(part)
    if not joined:
        yield expression


def _joined(expression: Expression) -> tuple[Expression, ...]:
    """The conditions that make up this one; none in an atom."""
    match expression:
        case Call("coalesce", (first, *_)) if pa.types.is_boolean(first.type):
            return (first,)  # no number stands for null, so that the others are never taken
        case Call(function, args) if function in CONNECTIVES:
            if all(pa.types.is_boolean(arg.type) for arg in args):
                return args
    return ()


def _of(expression: Expression, of_atom: Mapping[Expression, NDArray[np.float32]]) -> Any:
    joined = _joined(expression)
    if not joined:
        return of_atom[expression]
    assert isinstance(expression, Call)
    return CONNECTIVES[expression.function](*(_of(part, of_atom) for part in joined))
