"""Rule: values are computed for the rows that a LIMIT leaves."""

from __future__ import annotations

from vqe.plan.nodes import Limit, Node, Project


def push_limit_through_project(node: Node) -> Node | None:
    """Limit over Project becomes Project over Limit."""
    match node:
        case Limit(count, Project(columns, child)):
            return Project(columns, Limit(count, child))
    return None
