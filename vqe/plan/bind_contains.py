"""`contains(label [, min_score => s] [, region => box(x0, y0, x1, y1)])`."""

from __future__ import annotations

from typing import Final

from vqe.errors import BindError, did_you_mean
from vqe.plan.bind_expressions import bind_constant, bind_number
from vqe.plan.catalog import ModelInfo, VideoInfo
from vqe.plan.constants import STRING
from vqe.plan.expressions import Contains
from vqe.plan.operators import describe
from vqe.plan.regions import Box, check_corners, region_in_pixels
from vqe.plan.scope import Scope, pointing_at
from vqe.sql import ast
from vqe.sql.unparse import unparse_literal

OPTIONS: Final = ("min_score", "region")
MOST_LABELS = 8
USAGE: Final = "contains('label', min_score => 0.5, region => box(x0, y0, x1, y1))"


def bind_contains(node: ast.Function, scope: Scope, model: ModelInfo, video: VideoInfo) -> Contains:
    """The predicate, its label known to the model, its region in pixels of a single video."""
    if len(node.args) != 1 or isinstance(node.args[0], ast.Star):
        raise BindError("contains() takes one label", hint=USAGE, offset=node.offset)
    options: dict[str, ast.Expression] = {}
    for argument in node.named:
        if argument.name not in OPTIONS:
            raise BindError(
                f"contains() takes no argument '{argument.name}'",
                hint=did_you_mean(argument.name, OPTIONS) or USAGE,
                offset=argument.offset,
            )
        if argument.name in options:
            raise BindError(f"{argument.name} is given twice", offset=argument.offset)
        options[argument.name] = argument.value
    label = _label(node.args[0], scope, model)
    min_score, region = model.min_score, None
    if "min_score" in options:
        min_score = _min_score(options["min_score"], scope, model)
    if "region" in options:
        region = _region(options["region"], scope, video)
    return Contains(label, min_score, region)


def _label(node: ast.Expression, scope: Scope, model: ModelInfo) -> str:
    if isinstance(node, ast.Name):
        raise BindError(
            f"the label must be a constant, got {node.name}",
            hint=f"write {unparse_literal(node.name)}",
            offset=node.offset,
        )
    label = bind_constant(node, scope, "the label")
    if label.type != STRING:
        raise BindError(f"the label must be a string, got {describe(label)}", offset=node.offset)
    if label.value not in model.labels:
        raise BindError(
            f"unknown label '{label.value}'",
            hint=did_you_mean(label.value, model.labels) or _some_labels(model),
            offset=node.offset,
        )
    return str(label.value)


def _some_labels(model: ModelInfo) -> str:
    n = len(model.labels)
    some = ", ".join(model.labels[:MOST_LABELS]) + (", …" if n > MOST_LABELS else "")
    return f"model {model.name} knows {n} label{'s' if n != 1 else ''}: {some}"


def _min_score(node: ast.Expression, scope: Scope, model: ModelInfo) -> float:
    min_score = bind_number(node, scope, "min_score")
    if not model.floor <= min_score <= 1:
        raise BindError(
            f"min_score {min_score:g} is out of range",
            hint=f"model {model.name} reports scores from {model.floor:g} to 1",
            offset=node.offset,
        )
    return min_score


def _region(node: ast.Expression, scope: Scope, video: VideoInfo) -> Box | None:
    if not isinstance(node, ast.Function) or node.name != "box" or node.named:
        raise BindError("region must be a box", hint="box(x0, y0, x1, y1)", offset=node.offset)
    corners = [arg for arg in node.args if not isinstance(arg, ast.Star)]
    if len(corners) != 4:
        raise BindError(
            f"box() takes four numbers, got {len(corners)}",
            hint="box(x0, y0, x1, y1)",
            offset=node.offset,
        )
    x0, y0, x1, y1 = (bind_number(corner, scope, "a corner of box()") for corner in corners)
    with pointing_at(node):
        if video.members:  # files of any size: each scan finds its own pixels
            check_corners((x0, y0, x1, y1))
            return x0, y0, x1, y1
        return region_in_pixels((x0, y0, x1, y1), video.width, video.height)
