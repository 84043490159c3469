"""Conditions that mix what is seen with columns of the video, taken apart.

`frame < 100 AND contains('bus') OR contains('car')` is one question about the pictures for the
first hundred frames, and another one for the rest. What the packet index says of a frame is known
without decoding, so that each frame falls into a *case*: a condition on pixels alone, or none where
the index decides. Within a case neighbouring frames tell of one another; across cases they do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from vqe.physical.evaluate import evaluate_column
from vqe.physical.question import Rows
from vqe.plan.constants import BOOLEAN
from vqe.plan.expressions import Call, Constant, Expression, columns_of, is_visual, rewritten
from vqe.plan.kernels import run_kernel

MOST_CASES = 8
"""With more of them there is too little of each to plan for."""

ROWS_AT_ONCE = 2**16

NULL = 2
VALUES = (False, True, None)


@dataclass(frozen=True)
class Case:
    """The frames `ordinals`, int64, ascending, for which a condition comes to this one."""

    condition: Expression
    ordinals: NDArray[np.int64]

    @property
    def foregone(self) -> bool | None:
        """Whether all frames qualify, or none; None where pixels decide."""
        match self.condition:
            case Constant(value):
                return value is True
        return None


def cases_of(
    condition: Expression, ordinals: NDArray[np.int64], rows: Rows
) -> tuple[Case, ...] | None:
    """The cases of a condition among frames; `rows` has their columns.

    None where the index does not decide parts of it as a whole, such as `objects('car') > frame`,
    or where there are too many cases. Without frames there is no case.
    """
    if not len(ordinals):
        return ()
    atoms = list(dict.fromkeys(_atoms(condition)))
    if not atoms:
        return (Case(condition, ordinals),)
    if not all(pa.types.is_boolean(atom.type) for atom in atoms):
        return None
    codes = _codes(atoms, ordinals, rows)
    found, case = np.unique(codes, axis=0, return_inverse=True)
    conditions = [_decided(condition, dict(zip(atoms, row, strict=True))) for row in found.tolist()]
    cases = dict.fromkeys(conditions)
    if len(cases) > MOST_CASES:
        return None
    number = np.array([list(cases).index(one) for one in conditions], np.int64)[case.reshape(-1)]
    parts = [Case(one, ordinals[number == i]) for i, one in enumerate(cases)]
    return tuple(sorted(parts, key=lambda case: int(case.ordinals[0])))


def _atoms(expression: Expression) -> Iterator[Expression]:
    """The largest parts that only the index is asked about."""
    if not is_visual(expression):
        if columns_of(expression):
            yield expression
    elif isinstance(expression, Call):
        for arg in expression.args:
            yield from _atoms(arg)


def _codes(atoms: list[Expression], ordinals: NDArray[np.int64], rows: Rows) -> NDArray[np.int8]:
    """What each part is for each frame, int8 (N, parts): 0, 1 or NULL."""
    codes = np.full((len(ordinals), len(atoms)), NULL, np.int8)
    for first in range(0, len(ordinals), ROWS_AT_ONCE):
        span = slice(first, first + ROWS_AT_ONCE)
        batch = rows(ordinals[span])
        for i, atom in enumerate(atoms):
            value = pc.fill_null(evaluate_column(atom, batch).cast(pa.int8()), NULL)
            codes[span, i] = value.to_numpy(zero_copy_only=False)
    return codes


def _decided(condition: Expression, codes: dict[Expression, int]) -> Expression:
    """The condition with these parts known."""

    def known(part: Expression) -> Expression | None:
        return Constant(VALUES[codes[part]], BOOLEAN) if part in codes else None

    return _simplified(rewritten(condition, known))


def _simplified(expression: Expression) -> Expression:
    """The same by Kleene's logic, without the parts that constants decide."""
    if not isinstance(expression, Call):
        return expression
    args = tuple(map(_simplified, expression.args))
    match expression.function, args:
        case "and_kleene" | "or_kleene" as connective, _:
            return _connected(connective, args, expression)
        case "if_else", (Constant(value), then, otherwise) if value is not None:
            return then if value else otherwise
        case "coalesce", (Constant(value), *_) if value is not None:
            return args[0]
    call = replace(expression, args=args)
    constants = [pa.scalar(arg.value, arg.type) for arg in args if isinstance(arg, Constant)]
    if len(constants) == len(args) and pa.types.is_boolean(call.type):
        return Constant(run_kernel(call, constants).as_py(), call.type)
    return call


def _connected(connective: str, args: tuple[Expression, ...], call: Call) -> Expression:
    decides = connective == "or_kleene"
    rest = []
    for arg in args:
        match arg:
            case Constant(value) if value is decides:
                return arg
            case Constant(value) if value is not None:
                continue  # it leaves the decision to the others
        rest.append(arg)
    if not rest:
        return Constant(not decides, BOOLEAN)
    return rest[0] if len(rest) == 1 else replace(call, args=tuple(rest))
