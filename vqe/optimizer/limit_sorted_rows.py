"""Rule: where few of the sorted rows are wanted, the others are not kept."""

from __future__ import annotations

from vqe.plan.nodes import Limit, Node, Sort, TopN


def limit_sorted_rows(node: Node) -> Node | None:
    """Limit over Sort becomes TopN, and Limit over TopN a smaller one."""
    match node:
        case Limit(count, Sort(keys, child)):
            return TopN(count, keys, child)
        case Limit(outer, TopN(inner, keys, child)):
            return TopN(min(outer, inner), keys, child)
    return None
