"""Rule: what the packet index can answer is answered before any pixel is decoded."""

from __future__ import annotations

from dataclasses import replace

from vqe.optimizer.conjunctions import join_conjunctions, split_conjunctions
from vqe.optimizer.failures import can_fail
from vqe.plan.expressions import Expression, columns_of, is_visual
from vqe.plan.nodes import Filter, Node, Scan
from vqe.schema import VIDEO_SCHEMA


def push_condition_into_scan(node: Node) -> Node | None:
    """Parts of a filter that are about the columns of a video move into the scan below.

    Those that can fail stay behind: another part may rule out the very rows on which they do.
    """
    match node:
        case Filter(condition, Scan() as scan):
            parts = list(split_conjunctions(condition))
            of_index = [part for part in parts if _is_about_index(part) and not can_fail(part)]
            if not of_index:
                return None
            rest = [part for part in parts if part not in of_index]
            if scan.condition is not None:
                of_index.insert(0, scan.condition)
            scan = replace(scan, condition=join_conjunctions(of_index))
            return Filter(join_conjunctions(rest), scan) if rest else scan
    return None


def _is_about_index(part: Expression) -> bool:
    return not is_visual(part) and columns_of(part) <= set(VIDEO_SCHEMA.names)
