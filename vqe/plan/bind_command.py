"""Statements that are no queries, bound."""

from __future__ import annotations

from vqe.errors import BindError, VideoNotFoundError
from vqe.plan.bind_query import bind_query
from vqe.plan.bind_text import bind_start, bind_text
from vqe.plan.catalog import CatalogView
from vqe.plan.commands import (
    AddVideo,
    AnalyzeVideo,
    Command,
    Copy,
    DescribeColumns,
    DescribeModel,
    DropVideo,
    Show,
)
from vqe.plan.expressions import is_visual
from vqe.plan.nodes import Filter
from vqe.plan.parameters import Parameters
from vqe.plan.scope import pointing_at
from vqe.schema import VIDEO_SCHEMA
from vqe.sql import ast, statements


def bind_command(  # noqa: PLR0911 - one per kind
    node: statements.Command,
    catalog: CatalogView,
    parameters: Parameters,
    default_model: str | None,
) -> Command:
    """What the statement asks for, with names, paths and types checked. SET is bound elsewhere."""
    match node:
        case statements.CreateVideo():
            return _create(node, catalog, parameters)
        case statements.DropVideo(name, if_exists):
            return DropVideo(name.name, if_exists, offset=name.offset)
        case statements.Show(what):
            return Show(what)
        case statements.Describe(ast.Subquery(query)):
            return DescribeColumns(bind_query(query, catalog, parameters, default_model).schema)
        case statements.Describe(ast.Name() | ast.Literal() | ast.Parameter() as subject):
            with pointing_at(subject):
                return _describe(bind_text(subject, parameters, "the name"), catalog)
        case statements.AnalyzeVideo():
            return _analyze(node, catalog, parameters, default_model)
        case statements.Copy(query, path):
            plan = bind_query(query, catalog, parameters, default_model)
            with pointing_at(path):
                return Copy(plan, bind_text(path, parameters, "the path"), offset=path.offset)
    raise AssertionError(f"not a command: {node!r}")


def _create(node: statements.CreateVideo, catalog: CatalogView, parameters: Parameters) -> AddVideo:
    start_us = None
    if node.starting_at is not None:
        start_us = bind_start(node.starting_at, parameters)
    with pointing_at(node.path):
        path = bind_text(node.path, parameters, "the path")
        catalog.file(path, start_us)
    return AddVideo(node.name.name, path, start_us, node.replace, offset=node.name.offset)


def _describe(name: str, catalog: CatalogView) -> DescribeColumns | DescribeModel:
    """A video goes before a model of the same name."""
    try:
        catalog.video(name)
        return DescribeColumns(VIDEO_SCHEMA)
    except VideoNotFoundError as no_video:
        try:
            return DescribeModel(catalog.model(name))
        except BindError as no_model:
            hint = no_video.hint or no_model.hint
            raise BindError(f"'{name}' is neither a video nor a model", hint=hint) from None


def _analyze(
    node: statements.AnalyzeVideo,
    catalog: CatalogView,
    parameters: Parameters,
    default_model: str | None,
) -> AnalyzeVideo:
    """The plan of `SELECT FRAMES FROM source WHERE condition`, whose cascade is to be chosen."""
    if isinstance(node.source, ast.Subquery):
        raise BindError(
            "ANALYZE VIDEO takes a video, not a query",
            hint="conditions of the query can stand behind FOR",
            offset=node.source.offset,
        )
    query = ast.Query(
        ast.Frames(), node.source, node.condition, clauses=node.clauses, offset=node.offset
    )
    plan = bind_query(query, catalog, parameters, default_model)
    conditions = [part.condition for part in plan.walk() if isinstance(part, Filter)]
    if not any(map(is_visual, conditions)):
        raise BindError(
            "there is nothing to choose: the condition asks for nothing to be seen",
            hint="ANALYZE VIDEO is about conditions such as contains('bus')",
            offset=node.condition.offset,
        )
    if any(isinstance(clause, ast.Exact) for clause in node.clauses):
        raise BindError(
            "there is nothing to choose: EXACT asks the reference network about every frame",
            offset=next(c.offset for c in node.clauses if isinstance(c, ast.Exact)),
        )
    return AnalyzeVideo(plan, offset=node.offset)
