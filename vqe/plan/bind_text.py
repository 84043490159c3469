"""Names, paths and moments that a statement writes, or that its parameters hold."""

from __future__ import annotations

import os

from vqe.errors import BindError
from vqe.plan.constants import starting_moment
from vqe.plan.parameters import Parameters
from vqe.plan.scope import pointing_at
from vqe.sql import ast


def bind_text(
    node: ast.Name | ast.Literal | ast.Parameter, parameters: Parameters, what: str
) -> str:
    """The text of a name, a string, or a parameter that holds a string or a path."""
    match node:
        case ast.Name(name):
            return name
        case ast.Literal(value):
            return str(value)
    given = parameters.value(node)
    if isinstance(given, os.PathLike):
        given = os.fspath(given)
    if not isinstance(given, str):
        raise BindError(f"{what} must be a string, got {given!r} for parameter ${node.key}")
    return given


def bind_start(node: ast.Literal | ast.Parameter, parameters: Parameters) -> int:
    """Microseconds since 1970 of the moment at which a video starts, or of the text of one."""
    with pointing_at(node):
        value = parameters.value(node) if isinstance(node, ast.Parameter) else node.value
        try:
            return starting_moment(value)
        except ValueError as error:
            raise BindError(str(error)) from error
