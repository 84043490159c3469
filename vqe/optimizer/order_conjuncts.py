"""Rule: cheap conditions that rule out much come first."""

from __future__ import annotations

from vqe.optimizer.conjunctions import join_conjunctions, split_conjunctions
from vqe.optimizer.estimates import rank_of
from vqe.optimizer.failures import can_fail
from vqe.plan.nodes import Filter, Node, Scan


def order_conjuncts(node: Node) -> Node | None:
    """The parts of a filter above a scan, by their cost for each row that they rule out.

    Those that can fail come last, in their order: any of the others may guard them. Elsewhere the
    order of the statement stays, for what a column may hold is known of videos only.
    """
    match node:
        case Filter(condition, Scan() as scan):
            parts = list(split_conjunctions(condition))
            safe = sorted((part for part in parts if not can_fail(part)), key=rank_of)
            ordered = [*safe, *(part for part in parts if can_fail(part))]
            if ordered == parts:
                return None
            return Filter(join_conjunctions(ordered), scan)
    return None
