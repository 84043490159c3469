"""Rule: the visual predicate is answered where the pixels are."""

from __future__ import annotations

from dataclasses import replace

from vqe.optimizer.conjunctions import join_conjunctions, split_conjunctions
from vqe.plan.expressions import Contains
from vqe.plan.nodes import Filter, Node, Scan


def push_predicate_into_scan(node: Node) -> Node | None:
    """The `contains` that a filter demands becomes the predicate of the scan below."""
    match node:
        case Filter(condition, Scan(predicate=None) as scan):
            rest = list(split_conjunctions(condition))
            visual = next((part for part in rest if isinstance(part, Contains)), None)
            if visual is None:
                return None
            rest.remove(visual)
            scan = replace(scan, predicate=visual)
            return Filter(join_conjunctions(rest), scan) if rest else scan
    return None
