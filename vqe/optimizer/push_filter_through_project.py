"""Rule: a filter over a query in FROM moves towards the frames."""

from __future__ import annotations

from vqe.optimizer.substitution import substituted
from vqe.plan.nodes import Filter, Node, Project


def push_filter_through_project(node: Node) -> Node | None:
    """Filter over Project becomes Project over Filter, which computes nothing for rows that go."""
    match node:
        case Filter(condition, Project(columns, child)):
            below = substituted(condition, dict(columns))
            return None if below is None else Project(columns, Filter(below, child))
    return None
