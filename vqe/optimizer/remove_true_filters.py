"""Rule: a filter that lets everything through goes."""

from __future__ import annotations

from vqe.plan.expressions import Constant
from vqe.plan.nodes import Filter, Node


def remove_true_filters(node: Node) -> Node | None:
    """WHERE TRUE over a child becomes the child."""
    match node:
        case Filter(Constant(True), child):
            return child
    return None
