"""Functions of what is to be seen in a frame.

`contains(label [, min_score => s] [, region => box(x0, y0, x1, y1)])`, `objects(…)` with the same
arguments, `detections([label] …)`, and `image([width => pixels])`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from vqe.errors import BindError, did_you_mean
from vqe.plan.bind_expressions import bind_constant, bind_number
from vqe.plan.catalog import CatalogView, ModelInfo, VideoInfo
from vqe.plan.constants import FLOAT, INTEGER, STRING
from vqe.plan.expressions import Column, Contains, Detected, Objects, Picture, Sight, to_sql
from vqe.plan.nodes import Annotate, Node
from vqe.plan.operators import describe
from vqe.plan.regions import Box, check_corners, region_in_pixels
from vqe.plan.scope import Scope, pointing_at
from vqe.sql import ast
from vqe.sql.unparse import unparse_expression, unparse_literal

OPTIONS: Final = ("min_score", "region")
MOST_LABELS = 8
USAGE: Final = "('label', min_score => 0.5, region => box(x0, y0, x1, y1))"

PICTURE_USAGE: Final = "image(width => 320)"
WIDEST: Final = 65_500
"""Pixels that a JPEG file may be wide."""

SIGHTS: Final[dict[str, type[Contains] | type[Objects]]] = {
    "contains": Contains,
    "objects": Objects,
}


class VisualFunctions:
    """The functions that ask the reference network about frames of `video`.

    `model`: the network of the statement; None until one of them, or the statement, asks for it.
    """

    def __init__(
        self, video: VideoInfo, catalog: CatalogView, default: str | None, model: ModelInfo | None
    ) -> None:
        self.video = video
        self.model = model
        self._catalog = catalog
        self._default = default
        self._annotations: dict[str, Sight] = {}

    def in_condition(self, node: ast.Function, scope: Scope) -> Sight:
        """A function that WHERE may ask for."""
        if node.name in ("detections", "image"):
            raise BindError(
                f"{node.name}() can stand in the select list only",
                hint="a condition asks contains('label') or objects('label') > 1",
                offset=node.offset,
            )
        return self.bind(node, scope)

    def annotation(self, node: ast.Function, scope: Scope) -> Column:
        """The column that will hold what the function gives for each row."""
        sight = self.bind(node, scope)
        name = str(sight)
        self._annotations[name] = sight
        return Column(name, sight.type, to_sql(sight))

    def annotated(self, rows: Node) -> Node:
        """The rows with all columns that were asked for."""
        if not self._annotations:
            return rows
        return Annotate(tuple(self._annotations.items()), self.model, rows)

    def bind(self, node: ast.Function, scope: Scope) -> Sight:
        """The function, its label known to the model, its region in pixels of a single video."""
        if node.name == "image":
            return _picture(node, scope)
        with pointing_at(node):
            model = self.model = self.model or self._catalog.model(self._default)
        usage = node.name + USAGE
        _refuse_comparisons(node)
        labels = [_label(arg, scope, model) for arg in _plain(node.args)]
        least = 0 if node.name == "detections" else 1
        if not least <= len(node.args) <= 1 or len(labels) < len(node.args):
            raise BindError(f"{node.name}() takes one label", hint=usage, offset=node.offset)
        options = _options(node, OPTIONS, usage)
        min_score, region = model.min_score, None
        if "min_score" in options:
            min_score = _min_score(options["min_score"], scope, model)
        if "region" in options:
            region = _region(options["region"], scope, self.video)
        if node.name == "detections":
            return Detected(labels[0] if labels else None, min_score, region)
        return SIGHTS[node.name](labels[0], min_score, region)


def _refuse_comparisons(node: ast.Function) -> None:
    """Raises BindError for `min_score = 0.6`, which was meant as a named argument."""
    for arg in node.args:
        match arg:
            case ast.Binary("=", ast.Name(name) as left, value) if name.lower() in OPTIONS:
                raise BindError(
                    f"{name} = … compares, and is no argument",
                    hint=f"write {name.lower()} => {unparse_expression(value)}",
                    offset=left.offset,
                )


def _plain(args: tuple[ast.Expression | ast.Star, ...]) -> list[ast.Expression]:
    return [arg for arg in args if not isinstance(arg, ast.Star)]


def _options(node: ast.Function, known: Sequence[str], usage: str) -> dict[str, ast.Expression]:
    """The named arguments, each known and given once."""
    options: dict[str, ast.Expression] = {}
    for argument in node.named:
        if argument.name not in known:
            raise BindError(
                f"{node.name}() takes no argument '{argument.name}'",
                hint=did_you_mean(argument.name, known) or usage,
                offset=argument.offset,
            )
        if argument.name in options:
            raise BindError(f"{argument.name} is given twice", offset=argument.offset)
        options[argument.name] = argument.value
    return options


def _picture(node: ast.Function, scope: Scope) -> Picture:
    if node.args:
        raise BindError("image() takes width alone", hint=PICTURE_USAGE, offset=node.offset)
    given = _options(node, ("width",), PICTURE_USAGE).get("width")
    if given is None:
        return Picture()
    width = bind_constant(given, scope, "width")
    if width.type != INTEGER or not 1 <= width.value <= WIDEST:
        raise BindError(
            f"width must be a whole number from 1 to {WIDEST}, got {describe(width)}",
            offset=given.offset,
        )
    return Picture(width.value)


def _label(node: ast.Expression, scope: Scope, model: ModelInfo) -> str:
    if isinstance(node, ast.Name):
        raise BindError(
            f"the label must be a constant, got {node.name}",
            hint=f"write {unparse_literal(node.name)}",
            offset=node.offset,
        )
    label = bind_constant(node, scope, "the label")
    if label.type != STRING:
        is_score = label.type == FLOAT
        raise BindError(
            f"the label must be a string, got {describe(label)}",
            hint=f"a score has a name: min_score => {label}" if is_score else "",
            offset=node.offset,
        )
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
