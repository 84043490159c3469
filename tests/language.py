"""A catalog of one camera and two models, and statements bound against it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa

from vqe.errors import ModelError, VideoNotFoundError
from vqe.plan.binder import Bound, bind
from vqe.plan.catalog import ModelInfo, VideoInfo
from vqe.plan.expressions import Column, Constant, Expression
from vqe.plan.kernels import run_kernel
from vqe.plan.nodes import Node
from vqe.plan.parameters import Values
from vqe.sql.literals import parse_moment
from vqe.sql.parser import parse

VIDEO = VideoInfo("clip.mp4", "clip.mp4", 1280, 720, start_us=parse_moment("2024-05-01 08:00:00"))
YOLO = ModelInfo("yolo", ("person", "bus", "truck"), min_score=0.5, floor=0.05)
OTHER = ModelInfo("other", tuple(f"thing {i}" for i in range(20)), min_score=0.3, floor=0.1)


class FakeCatalog:
    """Knows clip.mp4, yolo and other, and remembers which models were asked for."""

    def __init__(self) -> None:
        self.models: list[str | None] = []

    def video(self, name: str) -> VideoInfo:
        if name not in ("clip.mp4", "video"):
            raise VideoNotFoundError(f"no such video '{name}'")
        return VIDEO

    def file(self, path: str, start_us: int | None = None) -> VideoInfo:
        return replace(self.video(path), start_us=start_us)

    def model(self, spec: str | None) -> ModelInfo:
        self.models.append(spec)
        for model in (YOLO, OTHER):
            if model.name == spec:
                return model
        raise ModelError("no model was chosen" if spec is None else f"unknown model '{spec}'")


def plan_of(sql: str, params: Values | None = None, default_model: str | None = "yolo") -> Node:
    """The logical plan of the one statement in `sql`."""
    (statement,) = parse(sql)
    bound = bind(statement, FakeCatalog(), params, default_model=default_model)
    assert isinstance(bound, Bound)
    return bound.plan


def evaluate(expression: Expression, table: pa.Table) -> Any:
    """The value of an expression that has no visual predicate, for each row of `table`."""
    match expression:
        case Column(name):
            return table[name]
        case Constant(value, type_):
            return pa.scalar(value, type_)
    return run_kernel(expression, [evaluate(arg, table) for arg in expression.args])
