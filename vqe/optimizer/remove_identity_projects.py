"""Rule: a select list that changes nothing goes."""

from __future__ import annotations

from vqe.plan.expressions import Column
from vqe.plan.nodes import Filter, Limit, Node, Project, Scan, Sort, TopN


def remove_identity_projects(node: Node) -> Node | None:
    """Project of the columns of its child, in their order, becomes the child.

    Above a scan it stays, where it costs nothing: it says which columns the query is about.
    """
    match node:
        case Project(columns, child) if not isinstance(_source(child), Scan):
            same = tuple((field.name, Column(field.name, field.type)) for field in child.schema)
            return child if columns == same else None
    return None


def _source(node: Node) -> Node:
    """The node that the columns of this one come from."""
    while isinstance(node, Filter | Sort | TopN | Limit):
        node = node.child
    return node
