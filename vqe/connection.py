"""A connection: the way of a statement from text to rows."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary

import pyarrow as pa

from vqe.catalog import Catalog, Model
from vqe.commands.carry_out import carry_out
from vqe.config import Settings
from vqe.cursor import Cursor
from vqe.display.progress import ProgressBar
from vqe.errors import ConfigError, ExecutionError, VqeError
from vqe.executor.explain import ExplainQuery
from vqe.executor.query import Query
from vqe.optimizer import Rewrite, optimize, rules_to_leave_out
from vqe.plan.bind_setting import Setting
from vqe.plan.binder import Bound, bind
from vqe.plan.commands import AnalyzeVideo, Copy
from vqe.plan.constants import starting_moment
from vqe.plan.parameters import Parameters
from vqe.plan.scope import pointing_at
from vqe.planner.machine import this_machine
from vqe.planner.resources import Resources
from vqe.result import Result
from vqe.runtime.context import Context
from vqe.sql.parser import parse
from vqe.sql.statements import Statement
from vqe.storage.cost_file import CostFile
from vqe.storage.home import home_folder
from vqe.storage.store import Store

Params = Sequence[Any] | Mapping[str, Any]


class Connection:
    """Videos, models and what queries have learned; made by `vqe.connect`.

    Unless all is to stay in memory, what work costs on this machine is kept for later processes.
    """

    def __init__(self, settings: Settings, *, in_memory: bool = False) -> None:
        rules_to_leave_out(settings.disabled_rules)  # raises where there is no such rule
        self.settings = settings
        self._catalog = Catalog(settings)
        home = None if in_memory else home_folder()
        self._store = Store(costs=CostFile(home, this_machine) if home else None)
        self._lock = threading.Lock()
        self._closed = False
        self._contexts: WeakValueDictionary[int, Context] = WeakValueDictionary()

    def sql(self, sql: str, params: Params | None = None, *, model: Model | None = None) -> Result:
        """The result of a statement. Names and types are checked now; a query runs when consumed.

        Every other statement is carried out now. Of several statements, apart by `;`, those before
        the last are run to their end, in their order, and the result is that of the last.

        `params` fill `?`, `$1` or `$name` of all statements. `model` is the reference network where
        a query does not say USING MODEL: a registered name, a spec such as "onnx:detector.onnx", a
        torch.nn.Module, or a callable.
        """
        if self._closed:
            raise ExecutionError("this connection is closed")
        if not isinstance(sql, str):
            raise ConfigError(f"a statement is a string, got {sql!r}")
        adopted = None if model is None else self._catalog.adopt(model)
        *earlier, last = parse(sql)
        parameters = Parameters(params)
        for statement in earlier:
            with self._begin(statement, parameters, adopted, more=True) as result:
                for _ in result:
                    pass
        return self._begin(last, parameters, adopted, more=False)

    def execute(self, sql: str, params: Params | None = None) -> Cursor:
        """A cursor on the rows of one statement, as Python's DB-API has it."""
        return self.cursor().execute(sql, params)

    def cursor(self) -> Cursor:
        """A new cursor, whose `execute` runs statements as `sql` does."""
        return Cursor(self.sql)

    def _begin(
        self, statement: Statement, parameters: Parameters, model: str | None, *, more: bool
    ) -> Result:
        """The way of one statement from its syntax tree to a result."""
        settings = self.settings  # those of this statement, whatever another thread sets
        bound = bind(
            statement, self._catalog, parameters, default_model=model or settings.model, more=more
        )
        rewrites: list[Rewrite] = []
        if isinstance(bound, Bound | AnalyzeVideo | Copy):
            plan = optimize(
                bound.plan,
                disabled=rules_to_leave_out(settings.disabled_rules),
                observer=lambda *told: rewrites.append(Rewrite(*told)),
            )
            bound = replace(bound, plan=plan)
        resources = Resources(self._store, self._catalog.network)
        context = Context(settings, ProgressBar(enabled=settings.progress))
        with self._lock:
            self._contexts[id(context)] = context
        text = statement.sql
        try:
            match bound:
                case Bound(plan, "none"):
                    return Result(Query(plan, resources, context, tuple(rewrites), sql=text))
                case Bound(plan, explain, format_, rules):
                    return Result(
                        ExplainQuery(
                            *(plan, resources, context, tuple(rewrites)),
                            sql=text,
                            analyze=explain == "analyze",
                            format=format_,
                            rules=rules,
                        )
                    )
                case Setting():
                    return Result(None, self._set(bound))
            return Result(None, carry_out(bound, self._catalog, resources, context, text))
        except VqeError as error:
            if error.offset is not None:
                error.locate(statement.sql, error.offset)
            raise

    def register(
        self,
        name: str,
        path: str | os.PathLike[str],
        *,
        starting_at: str | datetime | None = None,
    ) -> None:
        """Makes `name` stand for the video file at `path`, in place of what it stood for.

        `starting_at`: the moment of its first frame, which gives its column `time`.
        """
        path = os.fspath(path) if isinstance(path, os.PathLike) else path
        if not (isinstance(name, str) and isinstance(path, str)):
            raise ConfigError(f"a name and a path are strings, got {name!r} and {path!r}")
        try:
            start_us = None if starting_at is None else starting_moment(starting_at)
        except ValueError as error:
            raise ConfigError(f"starting_at: {error}") from error
        self._catalog.register_video(name, path, start_us)

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
        does not tell them itself; `min_score`: the default of contains(). Raises ModelError where
        it can be told to be none; it is loaded by the first query that needs it.
        """
        self._catalog.register_model(name, model, labels=labels, min_score=min_score)

    def interrupt(self) -> None:
        """Cancels all that runs on this connection, from any thread: who waits for rows, or for a
        statement to be carried out, gets QueryCancelledError. Results not yet begun are left."""
        with self._lock:
            contexts = list(self._contexts.values())
        for context in contexts:
            if context.running:
                context.cancelled.set()

    def commit(self) -> None:
        """Does nothing: there are no transactions, each statement holds once it is carried out."""

    def rollback(self) -> None:
        """Does nothing: there are no transactions, and no statement can be taken back."""

    def close(self) -> None:
        """Ends the connection; results that it gave out can still be read."""
        self._closed = True

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _set(self, setting: Setting) -> pa.Table:
        with self._lock:
            settings = setting.applied_to(self.settings)
            with pointing_at(setting):
                rules_to_leave_out(settings.disabled_rules)
            self.settings = settings
        return setting.row()
