"""Rule: rows that go have no pictures made of them."""

from __future__ import annotations

from dataclasses import replace

from vqe.optimizer.conjunctions import join_conjunctions, split_conjunctions
from vqe.optimizer.failures import can_fail
from vqe.plan.expressions import Column, Expression, Picture, Sight, columns_of, to_sql
from vqe.plan.nodes import Annotate, Filter, Node, Project, TopN


def make_pictures_last(node: Node) -> Node | None:
    """Pictures beside what a Filter or TopN asks the network come after these.

    A Sort lets all rows through: it would only have their frames decoded twice.
    """
    match node:
        case (
            Filter(child=Annotate(columns=columns) as annotate)
            | TopN(child=Annotate(columns=columns) as annotate)
        ):
            pictures = tuple(column for column in columns if isinstance(column[1], Picture))
            seen = tuple(column for column in columns if column not in pictures)
            if not pictures or not seen:
                return None
            names = {name for name, _ in pictures}
            above = _taken_apart(node, replace(annotate, columns=seen), names)
            if above is None:
                return None
            few, rest = above
            better: Node = Annotate(pictures, None, few)
            if rest is not None:
                better = Filter(rest, better)
            return better if seen + pictures == columns else _as_before(node, columns, better)
    return None


def _taken_apart(
    node: Filter | TopN, child: Annotate, pictures: set[str]
) -> tuple[Node, Expression | None] | None:
    """The node above `child`, as far as it needs no pictures, and the condition that does; None
    where nothing goes without, or without anything that is seen."""
    if isinstance(node, TopN):
        read = set[str]().union(*(columns_of(key.expression) for key in node.keys))
        if read & pictures or not read & {name for name, _ in child.columns}:
            return None
        return replace(node, child=child), None
    below: list[Expression] = []
    rest: list[Expression] = []
    for part in split_conjunctions(node.condition):
        stays = columns_of(part) & pictures or (rest and can_fail(part))
        (rest if stays else below).append(part)
    if not below:
        return None
    few = Filter(join_conjunctions(below), child)
    return few, join_conjunctions(rest) if rest else None


def _as_before(node: Node, columns: tuple[tuple[str, Sight], ...], better: Node) -> Node:
    """The better node with its columns in the order of those of `node`."""
    means = {name: to_sql(sight) for name, sight in columns}
    same = [(f.name, Column(f.name, f.type, means.get(f.name))) for f in node.schema]
    return Project(tuple(same), better)
