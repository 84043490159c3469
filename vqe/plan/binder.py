"""Statements, bound: what they mean for the videos and models at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vqe.config import ExplainFormat, explain_format
from vqe.errors import BindError, VqeError
from vqe.plan.bind_command import bind_command
from vqe.plan.bind_query import bind_query
from vqe.plan.bind_setting import Setting, bind_setting
from vqe.plan.catalog import CatalogView
from vqe.plan.commands import Command
from vqe.plan.nodes import Node
from vqe.plan.parameters import Parameters, Values
from vqe.plan.scope import pointing_at
from vqe.sql import ast
from vqe.sql.statements import Explain, Set, Statement


@dataclass(frozen=True)
class Bound:
    """The logical plan of a query, and whether to run it, to show it, or both; shown in the format
    `format`, with what each rule of the optimizer did where `rules` are asked for."""

    plan: Node
    explain: Literal["none", "explain", "analyze"] = "none"
    format: ExplainFormat = "text"
    rules: bool = False


def bind(
    statement: Statement,
    catalog: CatalogView,
    params: Values | Parameters | None = None,
    *,
    default_model: str | None = None,
    more: bool = False,
) -> Bound | Command | Setting:
    """The plan of a query, what another statement asks for, or the setting that a SET changes.

    `params` are the values of `?` and `$1` (a sequence) or of `$name` (a mapping). Where `more`
    statements of a script follow, which may use the others, all are bound with one `Parameters`.
    `default_model` is the reference network unless the query has a USING MODEL clause. Raises
    BindError, UnsupportedError, or what the catalog raises, pointing into the statement.
    """
    try:
        parameters = params if isinstance(params, Parameters) else Parameters(params)
        bound = _bind(statement, catalog, parameters, default_model)
        if not more:
            parameters.check_all_used()
    except VqeError as error:
        if statement.sql and error.offset is not None:
            error.locate(statement.sql, error.offset)
        raise
    except RecursionError as error:
        raise BindError("the statement is nested too deeply") from error
    return bound


def _bind(
    statement: Statement, catalog: CatalogView, parameters: Parameters, default_model: str | None
) -> Bound | Command | Setting:
    match statement:
        case ast.Query():
            return Bound(bind_query(statement, catalog, parameters, default_model))
        case Explain(query, analyze, format_, rules):
            plan = bind_query(query, catalog, parameters, default_model)
            return Bound(plan, "analyze" if analyze else "explain", _format(format_), rules)
        case Set():
            return bind_setting(statement, catalog, parameters)
    return bind_command(statement, catalog, parameters, default_model)


def _format(name: ast.Name | None) -> ExplainFormat:
    if name is None:
        return "text"
    with pointing_at(name):
        return explain_format(name.name, BindError)
