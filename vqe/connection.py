"""A connection: the way of a statement from text to rows."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from vqe.catalog import Catalog, Model
from vqe.config import Settings
from vqe.cursor import Cursor
from vqe.display.progress import ProgressBar
from vqe.errors import ConfigError, ExecutionError, UnsupportedError
from vqe.executor.explain import ExplainQuery
from vqe.executor.query import Query
from vqe.optimizer import optimize
from vqe.plan.bind_setting import Setting
from vqe.plan.binder import bind
from vqe.planner.resources import Resources
from vqe.result import Result
from vqe.runtime.context import Context
from vqe.sql.parser import parse
from vqe.storage.store import Store

Params = Sequence[Any] | Mapping[str, Any]


class Connection:
    """Videos, models and what queries have learned; made by `vqe.connect`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._catalog = Catalog(settings)
        self._store = Store()
        self._lock = threading.Lock()
        self._closed = False

    def sql(self, sql: str, params: Params | None = None, *, model: Model | None = None) -> Result:
        """The result of one statement. Names and types are checked now; it runs when consumed.

        SET is carried out now, and holds for the statements that follow.

        `params` fill `?`, `$1` or `$name`. `model` is the reference network where the statement
        does not say USING MODEL: a registered name, a spec such as "onnx:detector.onnx", a
        torch.nn.Module, or a callable.
        """
        if self._closed:
            raise ExecutionError("this connection is closed")
        if not isinstance(sql, str):
            raise ConfigError(f"a statement is a string, got {sql!r}")
        settings = self.settings  # those of this statement, whatever another thread sets
        default_model = settings.model if model is None else self._catalog.adopt(model)
        (statement, *more) = parse(sql)
        if more:
            raise UnsupportedError("several statements in one call").locate(sql, more[0].offset)
        bound = bind(statement, self._catalog, params, default_model=default_model)
        if isinstance(bound, Setting):
            return self._set(bound)
        plan = optimize(bound.plan)
        context = Context(settings, ProgressBar(enabled=settings.progress))
        run = (plan, Resources(self._store, self._catalog.network), context)
        if bound.explain == "none":
            return Result(Query(*run, sql=sql))
        analyze = bound.explain == "analyze"
        return Result(ExplainQuery(*run, sql=sql, analyze=analyze, format=bound.format))

    def execute(self, sql: str, params: Params | None = None) -> Cursor:
        """A cursor on the rows of one statement, as Python's DB-API has it."""
        return self.cursor().execute(sql, params)

    def cursor(self) -> Cursor:
        """A new cursor, whose `execute` runs statements as `sql` does."""
        return Cursor(self.sql)

    def register(self, name: str, path: str | os.PathLike[str]) -> None:
        """Makes `name` stand for the video file at `path`."""
        self._catalog.register_video(name, path)

    def register_model(
        self,
        name: str,
        model: Model,
        *,
        labels: Sequence[str] | None = None,
        min_score: float | None = None,
    ) -> None:
        """Makes `name` stand for a reference network.

        `model`: a spec, a torch.nn.Module or a callable; `labels`: its classes in order, where it
        does not tell them itself; `min_score`: the default of contains().
        """
        self._catalog.register_model(name, model, labels=labels, min_score=min_score)

    def close(self) -> None:
        """Ends the connection; results that it gave out can still be read."""
        self._closed = True

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _set(self, setting: Setting) -> Result:
        with self._lock:
            self.settings = setting.applied_to(self.settings)
        return Result(None, setting.row())
