"""Logical plan nodes: frozen values that are valid once they exist."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from vqe.errors import PlanError
from vqe.plan.accuracy import Accuracy
from vqe.plan.catalog import ModelInfo, VideoInfo
from vqe.plan.expressions import Contains, Expression
from vqe.schema import SCAN_SCHEMA
from vqe.tree import Tree


@dataclass(frozen=True)
class Range:
    """Half-open bounds on `frame` and on `timestamp` (microseconds); None is open."""

    start_frame: int = 0
    stop_frame: int | None = None
    start_us: int = 0
    stop_us: int | None = None


@dataclass(frozen=True, repr=False)
class Scan(Tree):
    """The frames of one video inside `range` for which `predicate` holds; None keeps them all.

    `accuracy` and `model` come with the query: they say how a visual predicate that is pushed
    down here may be answered, and whose answer is the truth.
    """

    video: VideoInfo
    accuracy: Accuracy
    model: ModelInfo | None = None
    range: Range = field(default_factory=Range)
    predicate: Contains | None = None

    def __post_init__(self) -> None:
        if self.predicate is not None and self.model is None:
            raise PlanError("a visual predicate needs a reference network")

    @property
    def schema(self) -> pa.Schema:
        return SCAN_SCHEMA


@dataclass(frozen=True, repr=False)
class Filter(Tree):
    """The rows of `child` for which `condition` is true; null counts as false."""

    condition: Expression
    child: Node

    def __post_init__(self) -> None:
        if not pa.types.is_boolean(self.condition.type):
            raise PlanError(f"a filter needs a boolean condition, got {self.condition.type}")

    @property
    def schema(self) -> pa.Schema:
        return self.child.schema


@dataclass(frozen=True, repr=False)
class Project(Tree):
    """One output column per (name, expression)."""

    columns: tuple[tuple[str, Expression], ...]
    child: Node

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([(name, expression.type) for name, expression in self.columns])


@dataclass(frozen=True, repr=False)
class Limit(Tree):
    """The first `count` rows of `child`, in frame order."""

    count: int
    child: Node

    def __post_init__(self) -> None:
        if self.count < 0:
            raise PlanError(f"LIMIT cannot be negative, got {self.count}")

    @property
    def schema(self) -> pa.Schema:
        return self.child.schema


Node = Scan | Filter | Project | Limit
