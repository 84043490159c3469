"""Rule: the visual condition is answered where the pixels are."""

from __future__ import annotations

from dataclasses import replace

from vqe.optimizer.conjunctions import join_conjunctions, split_conjunctions
from vqe.plan.expressions import is_visual
from vqe.plan.nodes import Filter, Node, Scan


def push_predicate_into_scan(node: Node) -> Node | None:
    """All that a filter asks about the picture becomes the predicate of the scan below: its bounds
    are about the condition as a whole."""
    match node:
        case Filter(condition, Scan(predicate=None) as scan):
            parts = list(split_conjunctions(condition))
            visual = [part for part in parts if is_visual(part)]
            if not visual:
                return None
            rest = [part for part in parts if part not in visual]
            scan = replace(scan, predicate=join_conjunctions(visual))
            return Filter(join_conjunctions(rest), scan) if rest else scan
    return None
