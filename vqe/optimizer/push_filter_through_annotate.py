"""Rule: rows that go are not looked at."""

from __future__ import annotations

from dataclasses import replace

from vqe.optimizer.conjunctions import join_conjunctions, split_conjunctions
from vqe.optimizer.failures import can_fail
from vqe.plan.expressions import Expression, columns_of
from vqe.plan.nodes import Annotate, Filter, Node


def push_filter_through_annotate(node: Node) -> Node | None:
    """Parts of a filter that ask for nothing that is seen come before the pixels.

    Those that can fail stay behind a part that asks: it may rule out the rows on which they do.
    """
    match node:
        case Filter(condition, Annotate(columns=columns, child=child) as annotate):
            seen = {name for name, _ in columns}
            below: list[Expression] = []
            rest: list[Expression] = []
            for part in split_conjunctions(condition):
                stays = columns_of(part) & seen or (rest and can_fail(part))
                (rest if stays else below).append(part)
            if not below:
                return None
            annotate = replace(annotate, child=Filter(join_conjunctions(below), child))
            return Filter(join_conjunctions(rest), annotate) if rest else annotate
    return None
