"""vqe: an embedded, SQL-like video query engine.

Importing it loads nothing heavy: torch, av, numba, pyarrow, numpy and lark come with the first
query that needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vqe import errors
from vqe.errors import (
    AccuracyWarning,
    BindError,
    ConfigError,
    DamagedVideoError,
    DamagedVideoWarning,
    ExecutionError,
    ModelError,
    ParseError,
    PlanError,
    QueryCancelledError,
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

apilevel = "2.0"
"""Connections and cursors follow Python's DB-API (PEP 249); errors have names of their own."""
threadsafety = 2
"""Threads may share the module and connections, but not cursors."""
paramstyle = "qmark"
"""Parameters are `?`, and `$1` or `$name` as well."""

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
    "ExecutionError",
    "ModelError",
    "ParseError",
    "PlanError",
    "QueryCancelledError",
    "Result",
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
