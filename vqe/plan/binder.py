"""Statements, bound: what they mean for the videos and models at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vqe.config import ExplainFormat, explain_format
from vqe.errors import BindError, VqeError
from vqe.plan.bind_query import bind_query
from vqe.plan.bind_setting import Setting, bind_setting
from vqe.plan.catalog import CatalogView
from vqe.plan.nodes import Node
from vqe.plan.parameters import Parameters, Values
from vqe.plan.scope import pointing_at
from vqe.sql import ast


@dataclass(frozen=True)
class Bound:
    """A logical plan, and whether to run it, to show it, or both; shown in the format `format`."""

    plan: Node
    explain: Literal["none", "explain", "analyze"] = "none"
    format: ExplainFormat = "text"


def bind(
    statement: ast.Statement,
    catalog: CatalogView,
    params: Values | None = None,
    *,
    default_model: str | None = None,
) -> Bound | Setting:
    """The plan of a query, or the setting that a SET changes.

    `params` are the values of `?` and `$1` (a sequence) or of `$name` (a mapping);
    `default_model` is the reference network unless the query has a USING MODEL clause. Raises
    BindError, UnsupportedError, or what the catalog raises, pointing into the statement.
    """
    explain: Literal["none", "explain", "analyze"] = "none"
    format_ = None
    query = statement
    if isinstance(query, ast.Explain):
        explain, format_ = "analyze" if query.analyze else "explain", query.format
        query = query.query
    try:
        parameters = Parameters(params)
        bound = (
            bind_setting(query, catalog, parameters)
            if isinstance(query, ast.Set)
            else Bound(
                bind_query(query, catalog, parameters, default_model), explain, _format(format_)
            )
        )
        parameters.check_all_used()
    except VqeError as error:
        if query.sql and error.offset is not None:
            error.locate(query.sql, error.offset)
        raise
    except RecursionError as error:
        raise BindError("the statement is nested too deeply") from error
    return bound


def _format(name: ast.Name | None) -> ExplainFormat:
    if name is None:
        return "text"
    with pointing_at(name):
        return explain_format(name.name, BindError)
