"""Rule: what nobody asks for is not computed."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from vqe.plan.expressions import columns_of
from vqe.plan.nodes import (
    Aggregate,
    Annotate,
    Events,
    Filter,
    Limit,
    Node,
    Project,
    Scan,
    Sort,
    TopN,
)
from vqe.schema import EVENT_COLUMNS

ANNOTATED_BY: Final = {"video", "frame"}
"""What is seen in a row is found by these."""


def prune_columns(node: Node) -> Node | None:
    """The node that chooses columns tells those below which of theirs it needs."""
    match node:
        case Project(columns, child):
            needed = set[str]().union(*(columns_of(value) for _, value in columns))
        case Aggregate(keys, aggregates, child):
            arguments = [call.argument for _, call in aggregates if call.argument is not None]
            values = [*(key for _, key in keys), *arguments]
            needed = set[str]().union(*map(columns_of, values))
        case Events(child=child):
            needed = set(EVENT_COLUMNS)
        case _:
            return None
    pruned = _pruned(child, needed)
    return None if pruned is child else replace(node, child=pruned)


def _pruned(node: Node, needed: set[str]) -> Node:  # noqa: PLR0911 - one per node
    """The node with the needed columns and perhaps others; itself where there is nothing to do."""
    match node:
        case Scan(columns=columns):
            # Rows without columns could not be counted: the cheapest one stays.
            kept = tuple(name for name in columns if name in needed) or ("frame",)
            return node if kept == columns else replace(node, columns=kept)
        case Project(columns=values):
            chosen = tuple(value for value in values if value[0] in needed) or values[:1]
            return node if chosen == values else replace(node, columns=chosen)
        case Aggregate(keys, aggregates):
            calls = tuple(call for call in aggregates if call[0] in needed)
            if not keys:
                calls = calls or aggregates[:1]
            return node if calls == aggregates else replace(node, aggregates=calls)
        case Annotate(columns=sights, child=child):
            shown = tuple(sight for sight in sights if sight[0] in needed)
            if not shown:
                return _pruned(child, needed)
            if shown != sights:
                return replace(node, columns=shown)
            needed = (needed - {name for name, _ in sights}) | ANNOTATED_BY
        case Filter(condition, child):
            needed = needed | columns_of(condition)
        case Sort(keys=sort_keys, child=child) | TopN(keys=sort_keys, child=child):
            needed = needed.union(*(columns_of(key.expression) for key in sort_keys))
        case Limit(child=child):
            pass
        case _:
            return node
    pruned = _pruned(child, needed)
    return node if pruned is child else replace(node, child=pruned)
