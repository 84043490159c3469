"""Rule: of two filters, one."""

from __future__ import annotations

from vqe.errors import BindError
from vqe.optimizer.conjunctions import join_conjunctions, split_conjunctions
from vqe.plan.nodes import Filter, Node


def merge_filters(node: Node) -> Node | None:
    """Filter a over Filter b becomes Filter b AND a: parts are evaluated in this order, and only on
    the rows that the earlier ones let through."""
    match node:
        case Filter(outer, Filter(inner, child)):
            parts = [*split_conjunctions(inner), *split_conjunctions(outer)]
            try:
                return Filter(join_conjunctions(parts), child)
            except BindError:
                return None  # deeper than a plan may be
    return None
