"""Statements that are no queries, carried out: each gives a table."""

from __future__ import annotations

from dataclasses import asdict

import pyarrow as pa

from vqe.catalog import Catalog
from vqe.commands.analysis import analyze
from vqe.commands.copying import copy
from vqe.commands.listing import describe_columns, describe_model, show_models, show_videos
from vqe.executor.query import Query
from vqe.plan.bind_setting import settings_table
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
from vqe.plan.scope import pointing_at
from vqe.planner.resources import Resources
from vqe.runtime.context import Context


def carry_out(  # noqa: PLR0911 - one per kind
    command: Command, catalog: Catalog, resources: Resources, context: Context, sql: str
) -> pa.Table:
    """The rows that the statement gives once it is done; its plan, if any, is optimised, and `sql`
    is the text that it came from."""
    context.running = True
    match command:
        case AddVideo(name, path, start_us, replace):
            with pointing_at(command):
                catalog.register_video(name, path, start_us, replace=replace)
            return pa.table({"video": [name], "path": [path]})
        case DropVideo(name, if_exists):
            with pointing_at(command):
                dropped = catalog.drop_video(name, if_exists=if_exists)
            return pa.table({"video": pa.array([name] if dropped else [], pa.string())})
        case Show("videos"):
            return show_videos(catalog, resources, context)
        case Show("models"):
            return show_models(catalog, context.settings)
        case Show("settings"):
            return settings_table(asdict(context.settings))
        case DescribeColumns(columns):
            return describe_columns(columns)
        case DescribeModel(model):
            return describe_model(model)
        case AnalyzeVideo(plan):
            return analyze(plan, resources, context)
        case Copy(plan, path):
            rows = copy(Query(plan, resources, context, sql=sql), path, command.format)
            return pa.table({"file": [path], "rows": [rows]})
    raise AssertionError(f"not a command: {command!r}")
