"""Rule: of two select lists, one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from vqe.optimizer.substitution import substituted
from vqe.plan.expressions import Call, Column, Constant, Expression
from vqe.plan.nodes import Node, Project


def merge_projects(node: Node) -> Node | None:
    """Project over Project becomes one, unless that computed something several times."""
    match node:
        case Project(outer, Project(inner, child)):
            values = dict(inner)
            uses = Counter(name for _, value in outer for name in _columns(value))
            if any(
                uses[name] > 1 and not isinstance(value, Column | Constant) for name, value in inner
            ):
                return None
            merged = [(name, substituted(value, values)) for name, value in outer]
            columns = tuple((name, value) for name, value in merged if value is not None)
            if len(columns) < len(merged):
                return None
            return replace(node, columns=columns, child=child)
    return None


def _columns(expression: Expression) -> Iterator[str]:
    """The columns that the expression reads, as often as it does."""
    match expression:
        case Column(name):
            yield name
        case Call(_, args):
            for arg in args:
                yield from _columns(arg)
