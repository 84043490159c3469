"""Conditions on moments that nobody knows, because the video has no STARTING AT: they hold for no
row, and an empty result would not say why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vqe.errors import BindError
from vqe.plan.catalog import VideoInfo
from vqe.plan.expressions import Call, Column, Constant, Expression
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
    SpacedLimit,
)
from vqe.plan.scope import Scope
from vqe.sql import ast
from vqe.sql.unparse import unparse_literal, unparse_name

Unknown = Mapping[str, VideoInfo]
"""Columns that are null in all rows, and the video that has no moments for them."""

MOMENT: Final = "2024-05-17 08:30"


def refuse_unknown_moments(
    condition: Expression, node: ast.Expression, rows: Node, scope: Scope
) -> None:
    """Raises BindError where `condition` on `rows`, written as `node`, is true for none of them for
    want of a moment. What asks whether there is one, or goes on without, is let through."""
    unknown = unknown_moments(rows)
    if not unknown or not _never_true(condition, unknown) or _never_true(condition, {}):
        return
    names = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
    place = next((name for name in names if scope.column(name.name) in unknown), node)
    video = next(iter(unknown.values()))
    raise BindError(
        f"'{video.name}' has no moment at which it starts, so that this holds for no row",
        hint=_how_to_start(video),
        offset=place.offset,
    )


def unknown_moments(rows: Node) -> Unknown:
    """The columns of `rows` that are null for want of a moment."""
    match rows:
        case Scan(video):
            return {"time": video} if video.start_us is None else {}
        case Project(columns, child):
            return _null_among(dict(columns), unknown_moments(child))
        case Aggregate(keys, aggregates, child):
            arguments = {
                name: call.argument
                for name, call in aggregates
                if call.argument is not None and call.function != "count"
            }
            return _null_among({**dict(keys), **arguments}, unknown_moments(child))
        case Events(child=child):
            inner = unknown_moments(child)
            return {name: inner[name] for name in ("time",) if name in inner}
        case Filter() | Sort() | Limit() | SpacedLimit() | Annotate():
            return unknown_moments(rows.child)
    return {}


def _null_among(columns: Mapping[str, Expression], unknown: Unknown) -> Unknown:
    if not unknown:
        return {}
    video = next(iter(unknown.values()))
    return {name: video for name, value in columns.items() if _null(value, unknown)}


def _never_true(condition: Expression, unknown: Unknown) -> bool:
    match condition:
        case Call("and_kleene", args):
            return any(_never_true(arg, unknown) for arg in args)
        case Call("or_kleene", args):
            return all(_never_true(arg, unknown) for arg in args)
    return _null(condition, unknown)


def _null(expression: Expression, unknown: Unknown) -> bool:  # noqa: PLR0911 - one per kind
    """Whether it is null wherever the unknown columns are."""
    match expression:
        case Column(name):
            return name in unknown
        case Constant(None):
            return True
        case Call("is_null"):
            return False
        case Call("and_kleene" | "or_kleene" | "coalesce", args):
            return all(_null(arg, unknown) for arg in args)
        case Call("if_else", (_, value, otherwise)):
            return _null(value, unknown) and _null(otherwise, unknown)
        case Call(_, args):  # all other kernels give null where one argument is null
            return any(_null(arg, unknown) for arg in args)
    return False


def _how_to_start(video: VideoInfo) -> str:
    if video.members:
        return "give each file a name of its own, and the moment at which it starts"
    registered = video.name != video.path
    create = (
        f"CREATE OR REPLACE VIDEO {unparse_name(video.name)}" if registered else "CREATE VIDEO …"
    )
    return f"{create} AS {unparse_literal(video.path)} STARTING AT '{MOMENT}'"
