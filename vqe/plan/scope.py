"""What an expression may refer to, and how its errors find their place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa

from vqe.errors import VqeError
from vqe.plan.parameters import Parameters
from vqe.sql.ast import Located


@dataclass(frozen=True)
class Scope:
    """The columns and parameters that an expression may use.

    `later` names columns that exist, but are known only after the expression was decided.
    """

    columns: pa.Schema
    parameters: Parameters
    later: tuple[str, ...] = ()


@contextmanager
def pointing_at(node: Located) -> Iterator[None]:
    """Errors that do not know their place get that of `node`."""
    try:
        yield
    except VqeError as error:
        if error.offset is None:
            error.offset = node.offset
        raise
