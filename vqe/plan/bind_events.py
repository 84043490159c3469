"""`SELECT EVENTS [(gap => duration, min_duration => duration)]`."""

from __future__ import annotations

from typing import Final

from vqe.errors import BindError, did_you_mean
from vqe.plan.bind_expressions import bind_duration
from vqe.plan.nodes import Events, Node
from vqe.plan.scope import Scope
from vqe.sql import ast

OPTIONS: Final = ("gap", "min_duration")
USAGE: Final = (
    "SELECT EVENTS (gap => INTERVAL '2 seconds', min_duration => INTERVAL '500 ms') FROM …"
)


def bind_events(selection: ast.Events, child: Node, scope: Scope) -> Events:
    """The events of the frames of `child`; neither a gap nor a least duration unless given."""
    given: dict[str, int] = {}
    for option in selection.options:
        if option.name not in OPTIONS:
            raise BindError(
                f"EVENTS takes no argument '{option.name}'",
                hint=did_you_mean(option.name, OPTIONS) or USAGE,
                offset=option.offset,
            )
        if option.name in given:
            raise BindError(f"{option.name} is given twice", offset=option.offset)
        us = bind_duration(option.value, scope, option.name, " =>")
        if us < 0:
            raise BindError(
                f"{option.name} must not be negative", hint=USAGE, offset=option.value.offset
            )
        given[option.name] = us
    return Events(given.get("gap", 0), given.get("min_duration", 0), child)
