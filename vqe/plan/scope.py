"""What an expression may refer to, and how its errors find their place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa

from vqe.errors import VqeError
from vqe.plan.expressions import Expression
from vqe.plan.parameters import Parameters
from vqe.sql.ast import Function, Located


@dataclass(frozen=True)
class Scope:
    """The columns and parameters that an expression may use.

    `later` names columns that exist, but are known only after the expression was decided; `sight`
    binds functions that ask what is seen in a frame, None where there are no frames to ask about.
    """

    columns: pa.Schema
    parameters: Parameters
    later: tuple[str, ...] = ()
    sight: Callable[[Function, Scope], Expression] | None = None


@contextmanager
def pointing_at(node: Located) -> Iterator[None]:
    """Errors that do not know their place get that of `node`."""
    try:
        yield
    except VqeError as error:
        if error.offset is None:
            error.offset = node.offset
        raise
