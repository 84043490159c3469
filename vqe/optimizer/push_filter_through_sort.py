"""Rule: rows that go need not be sorted."""

from __future__ import annotations

from vqe.plan.nodes import Filter, Node, Sort


def push_filter_through_sort(node: Node) -> Node | None:
    """Filter over Sort becomes Sort over Filter."""
    match node:
        case Filter(condition, Sort(keys, child)):
            return Sort(keys, Filter(condition, child))
    return None
