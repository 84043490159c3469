"""Rule: what is done row by row is done for the rows that remain."""

from __future__ import annotations

from dataclasses import replace

from vqe.plan.nodes import Annotate, Limit, Node, Project


def push_limit_down(node: Node) -> Node | None:
    """LIMIT over a select list, or over columns that need pixels, takes its rows before they are
    worked out."""
    match node:
        case Limit(count, Project(child=child) | Annotate(child=child) as above):
            return replace(above, child=Limit(count, child))
    return None
