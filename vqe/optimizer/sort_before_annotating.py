"""Rule: where few of the sorted rows are wanted, the others are not looked at."""

from __future__ import annotations

from dataclasses import replace

from vqe.plan.expressions import columns_of
from vqe.plan.nodes import Annotate, Node, Sort, TopN


def sort_before_annotating(node: Node) -> Node | None:
    """Sort or TopN over Annotate change places, unless rows are sorted by what is seen."""
    match node:
        case (
            Sort(keys=keys, child=Annotate() as annotate)
            | TopN(keys=keys, child=Annotate() as annotate)
        ):
            seen = {name for name, _ in annotate.columns}
            if any(columns_of(key.expression) & seen for key in keys):
                return None
            return replace(annotate, child=replace(node, child=annotate.child))
    return None
