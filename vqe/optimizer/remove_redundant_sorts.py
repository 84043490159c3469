"""Rule: rows that come in the order that is asked for need not be sorted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vqe.optimizer.substitution import substituted
from vqe.plan.catalog import VideoInfo, printable
from vqe.plan.expressions import Column
from vqe.plan.nodes import (
    Annotate,
    Filter,
    Limit,
    Node,
    Project,
    Scan,
    Sort,
    SortKey,
    SpacedLimit,
)


def remove_redundant_sorts(node: Node) -> Node | None:
    """A Sort by frame over a scan goes: a LIMIT above it then stops at the frames it needs."""
    match node:
        case Sort(keys, child) if _in_order(child, keys):
            return child
    return None


def _in_order(node: Node, keys: Sequence[SortKey]) -> bool:
    """Whether the rows come in the order of the keys anyway."""
    match node:
        case Scan(video):
            return _frames_in_order(video, keys)
        case (
            Filter(child=child)
            | Annotate(child=child)
            | Limit(child=child)
            | SpacedLimit(child=child)
        ):
            return _in_order(child, keys)
        case Project(columns, child):
            values = dict(columns)
            below = [(key, substituted(key.expression, values)) for key in keys]
            known = [replace(key, expression=value) for key, value in below if value is not None]
            return len(known) == len(keys) and _in_order(child, known)
    return False


def _frames_in_order(video: VideoInfo, keys: Sequence[SortKey]) -> bool:
    """Frames come by their numbers, within files by their names; no two have the same of both."""
    names = [printable(member.name) for member in video.members]
    by_name = len(names) < 2
    for key in keys:
        if not isinstance(key.expression, Column):
            return False
        match key.expression.name:
            case "video" if by_name:
                pass  # it is the same in all rows that earlier keys leave equal
            case "video":
                by_name = not key.descending and names == sorted(set(names))
                if not by_name:
                    return False
            case "frame":
                return by_name and not key.descending
            case _:
                return False
    return True
