"""Queries to logical plans."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from vqe.errors import BindError, UnsupportedError
from vqe.plan.bind_accuracy import bind_accuracy
from vqe.plan.bind_effort import bind_effort
from vqe.plan.bind_expressions import bind_constant, bind_expression
from vqe.plan.bind_text import bind_text
from vqe.plan.bind_visual import VisualFunctions
from vqe.plan.catalog import CatalogView, ModelInfo, VideoInfo
from vqe.plan.constants import INTEGER
from vqe.plan.expressions import Column, Expression, rewritten, sights_of
from vqe.plan.nodes import Annotate, Filter, Limit, Node, Project, Scan
from vqe.plan.operators import condition, describe
from vqe.plan.parameters import Parameters
from vqe.plan.scope import Scope, pointing_at
from vqe.schema import FRAMES, SCAN_SCHEMA, VIDEO_SCHEMA
from vqe.sql import ast
from vqe.sql.unparse import unparse_expression

Columns: TypeAlias = tuple[tuple[str, Expression], ...]


def bind_query(
    query: ast.Query, catalog: CatalogView, parameters: Parameters, default_model: str | None
) -> Node:
    """The plan of a query. Raises as `vqe.plan.binder.bind` does."""
    _refuse_what_is_not_built(query)
    scope = Scope(SCAN_SCHEMA, parameters)
    accuracy = bind_accuracy(query.clauses, scope)
    video = _source(query, catalog, parameters)
    model = _model(query.clauses, catalog, parameters)
    visual = VisualFunctions(video, catalog, default_model, model)
    where = None if query.where is None else bind_where(query.where, visual, parameters)
    plan: Node = Scan(video, accuracy, bind_effort(query.clauses, scope), visual.model)
    if where is not None:
        plan = Filter(where, plan)
    columns = _columns(query.selection, replace(scope, sight=visual.bind))
    columns, plan = _annotated(columns, plan, visual)
    plan = Project(columns, plan)
    if query.limit is not None:
        plan = Limit(_count(query.limit, scope), plan)
    return plan


def _refuse_what_is_not_built(query: ast.Query) -> None:
    parts: dict[str, ast.Located | None] = {
        "SELECT EVENTS": query.selection if isinstance(query.selection, ast.Events) else None,
        "a query without FROM": query if query.source is None else None,
        "a query in FROM": query.source if isinstance(query.source, ast.Subquery) else None,
        "GROUP BY": query.group_by,
        "HAVING": query.having,
        "ORDER BY": query.order_by,
        "LIMIT … GAP": query.limit and query.limit.gap,
    }
    for name, node in parts.items():
        if node is not None:
            raise UnsupportedError(f"{name} is not supported yet", offset=node.offset)


def _annotated(columns: Columns, plan: Node, visual: VisualFunctions) -> tuple[Columns, Node]:
    """The columns without what is to be seen, which becomes columns of the plan."""
    sights = tuple(dict.fromkeys(sight for _, value in columns for sight in sights_of(value)))
    if not sights:
        return columns, plan
    column_of: dict[Expression, Expression] = {
        sight: Column(str(sight), sight.type) for sight in sights
    }
    plain = tuple((name, rewritten(value, column_of.get)) for name, value in columns)
    return plain, Annotate(tuple((str(sight), sight) for sight in sights), visual.model, plan)


def _source(query: ast.Query, catalog: CatalogView, parameters: Parameters) -> VideoInfo:
    assert query.source is not None
    assert not isinstance(query.source, ast.Subquery)
    with pointing_at(query.source):
        return catalog.video(bind_text(query.source, parameters, "the video"))


def _model(
    clauses: tuple[ast.Clause, ...], catalog: CatalogView, parameters: Parameters
) -> ModelInfo | None:
    """The reference network that the statement names."""
    for clause in clauses:
        if isinstance(clause, ast.UsingModel):
            with pointing_at(clause.model):
                return catalog.model(bind_text(clause.model, parameters, "the model"))
    return None


def bind_where(node: ast.Expression, visual: VisualFunctions, parameters: Parameters) -> Expression:
    """A condition on frames, about what is seen in them as well."""
    scope = Scope(SCAN_SCHEMA, parameters, later=("score", "decided_by"), sight=visual.in_condition)
    bound = bind_expression(node, scope)
    with pointing_at(node):
        return condition(bound, "WHERE")


def _columns(selection: ast.Selection, scope: Scope) -> tuple[tuple[str, Expression], ...]:
    match selection:
        case ast.Frames():
            names = FRAMES
        case ast.Star():
            names = tuple(VIDEO_SCHEMA.names)
        case tuple():
            return _items(selection, scope)
    return tuple((name, Column(name, scope.columns.field(name).type)) for name in names)


def _items(items: tuple[ast.Item, ...], scope: Scope) -> tuple[tuple[str, Expression], ...]:
    columns: dict[str, Expression] = {}
    for item in items:
        bound = bind_expression(item.value, scope)
        name = item.name or (
            bound.name if isinstance(bound, Column) else unparse_expression(item.value)
        )
        if name in columns:
            raise BindError(
                f"two columns are called '{name}'",
                hint="name one of them with AS",
                offset=item.offset,
            )
        columns[name] = bound
    return tuple(columns.items())


def _count(limit: ast.Limit, scope: Scope) -> int:
    count = bind_constant(limit.count, scope, "LIMIT")
    if count.type != INTEGER or count.value < 0:
        raise BindError(
            f"LIMIT must be a whole number from 0, got {describe(count)}",
            offset=limit.count.offset,
        )
    return int(count.value)
