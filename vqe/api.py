"""The two functions that start everything."""

from __future__ import annotations

import threading
from dataclasses import fields
from typing import Any

from vqe.catalog import Model
from vqe.config import Settings
from vqe.connection import Connection, Params
from vqe.errors import ConfigError, UnsupportedError, did_you_mean
from vqe.result import Result

_lock = threading.Lock()
_shared: Connection | None = None


def connect(path: str | None = None, **settings: Any) -> Connection:
    """A new connection. Its settings, by keyword, which docs/python.md explains one by one:

    device          "auto", "cpu", "cuda" or "cuda:1": where networks run
    threads         in which a network computes; None: one per core
    model           the reference network where a query names none
    on_damage       "raise" or "skip": what is done about frames that cannot be decoded
    decode_threads  threads that decode; None: one per core, eight at most
    fill            whether frames may be answered by those before and after them
    drift           whether a cascade is checked where the scene changes
    batch_size      rows of a record batch, at most
    seed            decides which frames are labelled first, and how models are initialised
    disabled_rules  rules of the optimizer to leave out, with commas between
    progress        True or False; None: a bar in terminals and notebooks

    What its queries learn lives in memory and goes with it. Only what work costs on this machine is
    kept for later processes, in the folder `VQE_HOME` or one for caches; not so where `path` is
    ":memory:". Raises ConfigError where a setting is unknown or has no such value.
    """
    if path not in (None, ":memory:"):
        raise UnsupportedError(f"a store on disk ('{path}') is not supported yet")
    known = [field.name for field in fields(Settings)]
    for name in settings:
        if name not in known:
            hint = did_you_mean(name, known) or f"settings: {', '.join(known)}"
            raise ConfigError(f"unknown setting '{name}'", hint=hint)
    return Connection(Settings(**settings), in_memory=path is not None)


def query(sql: str, params: Params | None = None, *, model: Model | None = None) -> Result:
    """`Connection.sql` on a connection that the whole process shares."""
    global _shared  # noqa: PLW0603 - the one place of shared state, asked for by the user
    with _lock:
        if _shared is None:
            _shared = connect()
    return _shared.sql(sql, params, model=model)
