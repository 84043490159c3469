"""Queries to logical plans."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from vqe.errors import BindError
from vqe.plan.bind_accuracy import bind_accuracy, clause_name
from vqe.plan.bind_effort import bind_effort
from vqe.plan.bind_error import refuse_error
from vqe.plan.bind_events import bind_events
from vqe.plan.bind_expressions import bind_expression
from vqe.plan.bind_limit import bind_count, bind_spaced_limit
from vqe.plan.bind_select import SELECT_ROWS, bind_order, bind_select, refuse_groups
from vqe.plan.bind_text import bind_text
from vqe.plan.bind_visual import VisualFunctions
from vqe.plan.catalog import CatalogView, ModelInfo, VideoInfo
from vqe.plan.expressions import Expression
from vqe.plan.nodes import Filter, Limit, Node, Scan, Values
from vqe.plan.operators import condition
from vqe.plan.parameters import Parameters
from vqe.plan.scope import Scope, pointing_at
from vqe.plan.unknown_moments import refuse_unknown_moments
from vqe.schema import SCAN_SCHEMA, STOP
from vqe.sql import ast

MOST_NESTED: Final = 50
"""Queries in FROM, one inside the other: whoever walks a plan may recurse."""


def bind_query(
    query: ast.Query, catalog: CatalogView, parameters: Parameters, default_model: str | None
) -> Node:
    """The plan of a query. Raises as `vqe.plan.binder.bind` does."""
    visual = None
    if query.source is None or isinstance(query.source, ast.Subquery):
        plan, scope = _derived_rows(query, catalog, parameters, default_model)
    else:
        plan, visual = _frames(query, catalog, parameters, default_model)
        scope = Scope(SCAN_SCHEMA, parameters, sight=visual.annotation)
    limit, spaced = query.limit, query.limit is not None and query.limit.gap is not None
    if spaced:
        plan = bind_spaced_limit(query, plan, scope)
    if isinstance(query.selection, ast.Events):
        refuse_groups(query)
        refuse_error(query.clauses)
        plan = bind_order(query, bind_events(query.selection, plan, scope), scope)
    else:
        plan = bind_select(query, lambda: plan if visual is None else visual.annotated(plan), scope)
    return plan if limit is None or spaced else Limit(bind_count(limit, scope), plan)


def _frames(
    query: ast.Query, catalog: CatalogView, parameters: Parameters, default_model: str | None
) -> tuple[Node, VisualFunctions]:
    """The frames of a video for which WHERE holds, and what may be asked about them."""
    scope = Scope(SCAN_SCHEMA, parameters)
    accuracy = bind_accuracy(query.clauses, scope)
    video = _source(query, catalog, parameters)
    model = _model(query.clauses, catalog, parameters)
    visual = VisualFunctions(video, catalog, default_model, model)
    where = None if query.where is None else bind_where(query.where, visual, parameters)
    effort = bind_effort(query.clauses, scope)
    ends = (STOP.name,) if isinstance(query.selection, ast.Events) else ()
    plan: Node = Scan(video, accuracy, effort, visual.model, columns=(*SCAN_SCHEMA.names, *ends))
    if query.where is not None and where is not None:
        refuse_unknown_moments(where, query.where, plan, scope)
        plan = Filter(where, plan)
    return plan, visual


def _derived_rows(
    query: ast.Query, catalog: CatalogView, parameters: Parameters, default_model: str | None
) -> tuple[Node, Scope]:
    """The rows of a query in FROM, or the one without FROM, for which WHERE holds."""
    _refuse_what_needs_a_video(query)
    plan: Node = Values()
    if isinstance(query.source, ast.Subquery):
        _check_depth(query.source)
        plan = bind_query(query.source.query, catalog, parameters, default_model)
    scope = Scope(plan.schema, parameters, pixels=False)
    if query.where is not None:
        bound = bind_expression(query.where, replace(scope, clause="WHERE"))
        with pointing_at(query.where):
            bound = condition(bound, "WHERE")
        refuse_unknown_moments(bound, query.where, plan, scope)
        plan = Filter(bound, plan)
    return plan, scope


def _refuse_what_needs_a_video(query: ast.Query) -> None:
    """Raises BindError for what is said about frames where there are none."""
    nested = query.source is not None
    here = "a query in FROM" if nested else "a query without FROM"
    if query.clauses:
        raise BindError(
            f"{clause_name(query.clauses[0])} is about a video, and {here} reads none"
            if not nested
            else f"{clause_name(query.clauses[0])} belongs to the query that reads the video",
            hint="write it inside the parentheses of FROM" if nested else "",
            offset=query.clauses[0].offset,
        )
    if isinstance(query.selection, ast.Frames | ast.Events):
        raise BindError(
            f"{SELECT_ROWS[type(query.selection)]} is about the frames of a video, not {here}",
            hint="SELECT * has the columns of the inner query" if nested else "",
            offset=query.selection.offset,
        )
    if isinstance(query.selection, ast.Star) and not nested:
        raise BindError(
            "SELECT * has no columns without FROM",
            hint="SELECT * FROM 'video.mp4'",
            offset=query.selection.offset,
        )


def _check_depth(source: ast.Source | None) -> None:
    depth, outermost = 0, source
    while isinstance(source, ast.Subquery):
        depth, source = depth + 1, source.query.source
    if depth > MOST_NESTED:
        assert isinstance(outermost, ast.Subquery)
        raise BindError(
            f"{depth} queries in FROM, one inside the other, are too many",
            hint=f"at most {MOST_NESTED}",
            offset=outermost.offset,
        )


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
    scope = Scope(
        SCAN_SCHEMA,
        parameters,
        later=("score", "decided_by"),
        sight=visual.in_condition,
        clause="WHERE",
    )
    bound = bind_expression(node, scope)
    with pointing_at(node):
        return condition(bound, "WHERE")
