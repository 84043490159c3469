"""vqe: an embedded, SQL-like video query engine.

Importing it loads nothing heavy: torch, av, numba, pyarrow, numpy and lark come with the first
query that needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vqe import errors
from vqe.dbapi import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    apilevel,
    paramstyle,
    threadsafety,
)
from vqe.dbapi import Warning as Warning  # not among `__all__`: it would hide the builtin
from vqe.errors import (
    AccuracyWarning,
    BindError,
    ConfigError,
    DamagedVideoError,
    DamagedVideoWarning,
    ExecutionError,
    ModelError,
    OperationError,
    ParseError,
    PlanError,
    QueryCancelledError,
    StatementError,
    UnsupportedError,
    VideoError,
    VideoNotFoundError,
    VqeError,
)
from vqe.version import __version__

if TYPE_CHECKING:
    from vqe.api import connect, query
    from vqe.connection import Connection
    from vqe.cursor import Cursor
    from vqe.result import Result

_LAZY = {
    "connect": "vqe.api",
    "query": "vqe.api",
    "Connection": "vqe.connection",
    "Cursor": "vqe.cursor",
    "Result": "vqe.result",
}

__all__ = [
    "AccuracyWarning",
    "BindError",
    "ConfigError",
    "Connection",
    "Cursor",
    "DamagedVideoError",
    "DamagedVideoWarning",
    "DataError",
    "DatabaseError",
    "Error",
    "ExecutionError",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "ModelError",
    "NotSupportedError",
    "OperationError",
    "OperationalError",
    "ParseError",
    "PlanError",
    "ProgrammingError",
    "QueryCancelledError",
    "Result",
    "StatementError",
    "UnsupportedError",
    "VideoError",
    "VideoNotFoundError",
    "VqeError",
    "__version__",
    "apilevel",
    "connect",
    "errors",
    "paramstyle",
    "query",
    "threadsafety",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'vqe' has no attribute '{name}'")
    value = globals()[name] = getattr(import_module(_LAZY[name]), name)
    return value


def __dir__() -> list[str]:
    return __all__
