"""Rule: what follows from the rest of a condition is not asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from vqe.errors import BindError
from vqe.plan.expressions import CHAINS, Call, Expression, operands
from vqe.plan.nodes import Filter, Node
from vqe.plan.operators import connect

DUALS: Final = {"and_kleene": "or_kleene", "or_kleene": "and_kleene"}
WORDS: Final = {"and_kleene": "AND", "or_kleene": "OR"}


def remove_redundant_conditions(node: Node) -> Node | None:
    """`a AND a`, `a OR (a AND b)` become `a`, and `(a AND b) OR (a AND c)` becomes
    `a AND (b OR c)`; likewise with AND and OR in each other's place. This holds for nulls, too."""
    match node:
        case Filter(condition, _):
            try:
                simpler = _simplified(condition)
            except BindError:
                return None  # deeper than a plan may be
            return None if simpler is condition else replace(node, condition=simpler)
    return None


def _simplified(expression: Expression) -> Expression:
    """The expression itself, the same object, where nothing is redundant."""
    if not isinstance(expression, Call):
        return expression
    function = expression.function
    if function not in CHAINS:
        args = tuple(map(_simplified, expression.args))
        same = all(new is old for new, old in zip(args, expression.args, strict=True))
        return expression if same else replace(expression, args=args)
    before = list(operands(expression, function))
    parts = [_simplified(part) for part in before]
    kept = _without_absorbed(list(dict.fromkeys(parts)), DUALS[function])
    common = _common(kept, DUALS[function]) if len(kept) > 1 else []
    if common:
        return _factored(kept, common, function)
    same = len(kept) == len(before) and all(a is b for a, b in zip(kept, before, strict=True))
    return expression if same else connect(WORDS[function], kept)


def _without_absorbed(parts: list[Expression], dual: str) -> list[Expression]:
    """Those that another part does not make superfluous, as `a` does `a AND b` in a chain of OR."""
    known = set(parts)
    return [
        part
        for part in parts
        if not (
            isinstance(part, Call)
            and part.function == dual
            and any(inner in known for inner in operands(part, dual))
        )
    ]


def _common(parts: Sequence[Expression], dual: str) -> list[Expression]:
    """What all parts are made of, joined by `dual`."""
    first, *others = parts
    shared = [set(operands(part, dual)) for part in others]
    return [inner for inner in operands(first, dual) if all(inner in each for each in shared)]


def _factored(parts: Sequence[Expression], common: list[Expression], function: str) -> Expression:
    """`common` once, and what is left of the parts."""
    dual = DUALS[function]
    rests = [[inner for inner in operands(part, dual) if inner not in common] for part in parts]
    if not all(rests):
        return connect(WORDS[dual], common)  # one part is nothing else, and decides
    rest = connect(WORDS[function], [connect(WORDS[dual], inner) for inner in rests])
    return connect(WORDS[dual], [*common, rest])
