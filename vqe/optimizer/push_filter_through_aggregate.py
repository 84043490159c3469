"""Rule: groups that go need not be made."""

from __future__ import annotations

from dataclasses import replace

from vqe.optimizer.conjunctions import join_conjunctions, split_conjunctions
from vqe.optimizer.substitution import substituted
from vqe.plan.expressions import Expression, columns_of
from vqe.plan.nodes import Aggregate, Filter, Node


def push_filter_through_aggregate(node: Node) -> Node | None:
    """Parts of a filter that are about the keys alone are asked of rows before they are grouped.

    Those behind a part that is about aggregates stay: it may rule out groups on which they fail.
    """
    match node:
        case Filter(condition, Aggregate(keys=keys, child=child) as groups):
            values = dict(keys)
            rest = list(split_conjunctions(condition))
            below: list[Expression] = []
            while rest and (used := columns_of(rest[0])) and used <= values.keys():
                part = substituted(rest[0], values)
                if part is None:
                    break
                below.append(part)
                rest.pop(0)
            if not below:
                return None
            groups = replace(groups, child=Filter(join_conjunctions(below), child))
            return Filter(join_conjunctions(rest), groups) if rest else groups
    return None
