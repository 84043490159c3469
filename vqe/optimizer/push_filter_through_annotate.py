"""Rule: rows that go are not looked at."""

from __future__ import annotations

from dataclasses import replace

from vqe.optimizer.conjunctions import join_conjunctions, split_conjunctions
from vqe.plan.expressions import Expression, columns_of
from vqe.plan.nodes import Annotate, Filter, Node


def push_filter_through_annotate(node: Node) -> Node | None:
    """Parts of a filter that ask for nothing that is seen come before the pixels.

    Those behind a part that does stay: it may rule out rows on which they fail.
    """
    match node:
        case Filter(condition, Annotate(columns=columns, child=child) as annotate):
            seen = {name for name, _ in columns}
            rest = list(split_conjunctions(condition))
            below: list[Expression] = []
            while rest and not columns_of(rest[0]) & seen:
                below.append(rest.pop(0))
            if not below:
                return None
            annotate = replace(annotate, child=Filter(join_conjunctions(below), child))
            return Filter(join_conjunctions(rest), annotate) if rest else annotate
    return None
