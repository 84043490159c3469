"""What an expression may refer to, and how its errors find their place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from vqe.errors import VqeError
from vqe.plan.expressions import Expression
from vqe.plan.parameters import Parameters
from vqe.sql import ast
from vqe.sql.ast import Function, Located


class Groups(Protocol):
    """What expressions mean once rows are grouped."""

    def resolve(self, node: ast.Expression | ast.Star) -> Expression | None:
        """The column that holds the value of the expression for each group; None where its parts
        have to be looked at."""


@dataclass(frozen=True)
class Scope:
    """The columns and parameters that an expression may use.

    `later` names columns that exist, but are known only after the expression was decided; `sight`
    binds functions that ask what is seen in a frame, None where it is not asked. `clause` is where
    the expression stands, if no aggregate may stand there; `pixels` says whether its rows are
    frames of a video. `aliases`, in lower case, are the names given by the select list, for those
    that are no columns. `groups`: the rows are grouped before they get here.
    """

    columns: pa.Schema
    parameters: Parameters
    later: tuple[str, ...] = ()
    sight: Callable[[Function, Scope], Expression] | None = None
    clause: str = ""
    pixels: bool = True
    aliases: Mapping[str, Expression] = field(default_factory=dict)
    groups: Groups | None = None

    def column(self, name: str) -> str | None:
        """The column of that name, as the schema spells it."""
        by_fold = {column.casefold(): column for column in self.columns.names}
        return by_fold.get(name.casefold())


@contextmanager
def pointing_at(node: Located) -> Iterator[None]:
    """Errors that do not know their place get that of `node`."""
    try:
        yield
    except VqeError as error:
        if error.offset is None:
            error.offset = node.offset
        raise
