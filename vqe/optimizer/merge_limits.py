"""Rule: of two limits the smaller one counts."""

from __future__ import annotations

from vqe.plan.nodes import Limit, Node


def merge_limits(node: Node) -> Node | None:
    """LIMIT a over LIMIT b becomes LIMIT min(a, b)."""
    match node:
        case Limit(outer, Limit(inner, child)):
            return Limit(min(outer, inner), child)
    return None
