"""Logical plan nodes: frozen values that are valid once they exist."""

# ruff: noqa: D102 - `schema` and `headline` mean the same for every node

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from vqe.errors import PlanError
from vqe.plan.accuracy import Accuracy
from vqe.plan.aggregates import AggregateCall
from vqe.plan.catalog import ModelInfo, VideoInfo
from vqe.plan.effort import UNLIMITED, Effort
from vqe.plan.expressions import Call, Expression, Picture, Sight
from vqe.plan.gap import Gap
from vqe.schema import EVENTS_SCHEMA, FRAME_SCHEMA, SCAN_SCHEMA
from vqe.sql.literals import format_interval, format_seconds
from vqe.sql.unparse import unparse_literal, unparse_name
from vqe.tree import Tree


@dataclass(frozen=True)
class Range:
    """Half-open bounds on `frame` and on `timestamp` (microseconds); None is open."""

    start_frame: int = 0
    stop_frame: int | None = None
    start_us: int = 0
    stop_us: int | None = None

    def __post_init__(self) -> None:
        for start, stop in ((self.start_frame, self.stop_frame), (self.start_us, self.stop_us)):
            if start < 0 or (stop is not None and stop < start):
                raise PlanError(f"{start}..{stop} is not a range")

    @property
    def empty(self) -> bool:
        """Whether no frame can be inside."""
        return self.start_frame == self.stop_frame or self.start_us == self.stop_us

    def intersect(self, other: Range) -> Range:
        """What is inside both; empty where nothing is."""
        return Range(
            *_intersect(self.start_frame, self.stop_frame, other.start_frame, other.stop_frame),
            *_intersect(self.start_us, self.stop_us, other.start_us, other.stop_us),
        )

    def __str__(self) -> str:
        parts = []
        if (self.start_frame, self.stop_frame) != (0, None):
            stop = "" if self.stop_frame is None else self.stop_frame
            parts.append(f"frames {self.start_frame}..{stop}")
        if (self.start_us, self.stop_us) != (0, None):
            stop = "" if self.stop_us is None else format_seconds(self.stop_us)
            parts.append(f"timestamp {format_seconds(self.start_us)}..{stop}")
        return " ".join(parts)


EMPTY = Range(0, 0)

SCAN_COLUMNS: Final = tuple(SCAN_SCHEMA.names)
"""The columns of a scan that statements know."""


def _intersect(
    start: int, stop: int | None, other_start: int, other_stop: int | None
) -> tuple[int, int | None]:
    start = max(start, other_start)
    stops = [s for s in (stop, other_stop) if s is not None]
    return start, max(start, min(stops)) if stops else None


@dataclass(frozen=True, repr=False)
class Scan(Tree):
    """The frames inside `range` for which `condition` and `predicate` hold; None holds for all.

    `condition` is about the columns of a video, which its packet index knows without decoding;
    `predicate` asks what is seen in the frame as well.
    `accuracy`, `effort` and `model` come with the query: they say how a visual predicate that is
    pushed down here may be answered, what that may take, and whose answer is the truth. `columns`,
    one at least, are those of FRAME_SCHEMA that are asked for.
    """

    video: VideoInfo
    accuracy: Accuracy
    effort: Effort = UNLIMITED
    model: ModelInfo | None = None
    range: Range = field(default_factory=Range)
    condition: Expression | None = None
    predicate: Expression | None = None
    columns: tuple[str, ...] = SCAN_COLUMNS

    def __post_init__(self) -> None:
        if self.predicate is not None and self.model is None:
            raise PlanError("a visual predicate needs a reference network")

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([FRAME_SCHEMA.field(name) for name in self.columns])

    def headline(self) -> str:
        parts = [f"Scan {unparse_literal(self.video.name)}", str(self.range)]
        if self.video.members:
            n = len(self.video.members)
            parts.insert(1, f"({n} file{'s' if n > 1 else ''})")
        if self.columns != SCAN_COLUMNS:
            parts.insert(-1, f"[{', '.join(self.columns)}]")
        if self.condition is not None and self.predicate is not None:
            both = Call("and_kleene", (self.condition, self.predicate), pa.bool_())
            parts.append(f"where {both}")
        elif self.condition is not None:
            parts.append(f"where {self.condition}")
        elif self.predicate is not None:
            parts.append(str(self.predicate))
        if self.model is not None:
            parts += [
                str(self.accuracy),
                str(self.effort),
                f"USING MODEL {_model(self.model.name)}",
            ]
        return " ".join(filter(None, parts))


class _KeepsColumns(Tree):
    """A node whose rows have the columns of its child's."""

    child: Node

    @property
    def schema(self) -> pa.Schema:
        return self.child.schema


@dataclass(frozen=True, repr=False)
class Filter(_KeepsColumns):
    """The rows of `child` for which `condition` is true; null counts as false."""

    condition: Expression
    child: Node

    def __post_init__(self) -> None:
        if not pa.types.is_boolean(self.condition.type):
            raise PlanError(f"a filter needs a boolean condition, got {self.condition.type}")

    def headline(self) -> str:
        return f"Filter {self.condition}"


@dataclass(frozen=True, repr=False)
class Project(Tree):
    """One output column per (name, expression)."""

    columns: tuple[tuple[str, Expression], ...]
    child: Node

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([(name, expression.type) for name, expression in self.columns])

    def headline(self) -> str:
        return f"Project {', '.join(_column(*column) for column in self.columns)}"


@dataclass(frozen=True, repr=False)
class Annotate(Tree):
    """The rows of `child`, frames of videos, with a column for each thing that is to be seen there.

    `model`: the network that is asked, unless only pictures are wanted.
    """

    columns: tuple[tuple[str, Sight], ...]
    model: ModelInfo | None
    child: Node

    def __post_init__(self) -> None:
        if self.model is None and not all(isinstance(what, Picture) for _, what in self.columns):
            raise PlanError("what is seen in a frame needs a reference network")

    @property
    def schema(self) -> pa.Schema:
        fields = [pa.field(name, sight.type) for name, sight in self.columns]
        return pa.schema([*self.child.schema, *fields])

    def headline(self) -> str:
        sights = ", ".join(str(sight) for _, sight in self.columns)
        return f"Annotate {sights}" + (f" by {_model(self.model.name)}" if self.model else "")


@dataclass(frozen=True, repr=False)
class Limit(_KeepsColumns):
    """The first `count` rows of `child`."""

    count: int
    child: Node

    def __post_init__(self) -> None:
        _check_count(self.count)

    def headline(self) -> str:
        return f"Limit {self.count}"


@dataclass(frozen=True, repr=False)
class SpacedLimit(_KeepsColumns):
    """Any `count` rows of `child`, frames of videos, pairwise `gap` apart within a video, in frame
    order; what is asked of their pictures is confirmed by the reference network."""

    count: int
    gap: Gap
    child: Node

    def __post_init__(self) -> None:
        _check_count(self.count)

    def headline(self) -> str:
        return f"SpacedLimit {self.count} GAP {self.gap}"


@dataclass(frozen=True, repr=False)
class Values(Tree):
    """One row without columns: what a query without FROM is about."""

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([])

    def headline(self) -> str:
        return "Values 1 row"


@dataclass(frozen=True, repr=False)
class Aggregate(Tree):
    """A row for each group of rows with equal `keys`, in the order in which the groups begin.

    Columns are the keys, then the aggregates, each as (name, expression). Without keys all rows are
    one group, which has a row even where it is empty. Averages and sums of what is seen, if there
    are any, may be off by `error`, with a confidence of 95 %; None is exact.
    """

    keys: tuple[tuple[str, Expression], ...]
    aggregates: tuple[tuple[str, AggregateCall], ...]
    child: Node
    error: float | None = None

    def __post_init__(self) -> None:
        names = [name for name, _ in (*self.keys, *self.aggregates)]
        if len(set(names)) < len(names):
            raise PlanError(f"columns of groups share a name: {', '.join(names)}")

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([(name, value.type) for name, value in (*self.keys, *self.aggregates)])

    def headline(self) -> str:
        text = aggregate_text(self.keys, self.aggregates)
        return text if self.error is None else f"{text} ERROR WITHIN {self.error:g}"


@dataclass(frozen=True)
class SortKey:
    """What rows are ordered by; nulls come last unless `nulls_first`."""

    expression: Expression
    descending: bool = False
    nulls_first: bool = False

    def __str__(self) -> str:
        direction = " DESC" if self.descending else ""
        return f"{self.expression}{direction}{' NULLS FIRST' if self.nulls_first else ''}"


@dataclass(frozen=True, repr=False)
class Sort(_KeepsColumns):
    """The rows of `child` in the order of `keys`; those that are equal stay in their order."""

    keys: tuple[SortKey, ...]
    child: Node

    def headline(self) -> str:
        return f"Sort {', '.join(map(str, self.keys))}"


@dataclass(frozen=True, repr=False)
class TopN(_KeepsColumns):
    """The first `count` rows of `child` in the order of `keys`, as of a Limit above a Sort."""

    count: int
    keys: tuple[SortKey, ...]
    child: Node

    def __post_init__(self) -> None:
        _check_count(self.count)

    def headline(self) -> str:
        return f"TopN {self.count} by {', '.join(map(str, self.keys))}"


@dataclass(frozen=True, repr=False)
class Events(Tree):
    """The frames of `child` as events: stretches of frames, merged where at most `gap_us` lie
    between them, without those that are then shorter than `min_duration_us` (microseconds)."""

    gap_us: int
    min_duration_us: int
    child: Node

    def __post_init__(self) -> None:
        if self.gap_us < 0 or self.min_duration_us < 0:
            raise PlanError("a gap and a least duration of events cannot be negative")

    @property
    def schema(self) -> pa.Schema:
        return EVENTS_SCHEMA

    def headline(self) -> str:
        return events_text(self.gap_us, self.min_duration_us)


Relation = Filter | Project | Annotate | Limit | SpacedLimit | Aggregate | Sort | TopN | Events

Node = Scan | Values | Relation


def _check_count(count: int) -> None:
    """Raises PlanError where a LIMIT cannot let so many rows through."""
    if count < 0:
        raise PlanError(f"LIMIT cannot be negative, got {count}")


def aggregate_text(
    keys: tuple[tuple[str, Expression], ...], aggregates: tuple[tuple[str, AggregateCall], ...]
) -> str:
    """`Aggregate count(*) by video`."""
    parts = [", ".join(str(call) for _, call in aggregates)]
    if keys:
        parts.append(f"by {', '.join(str(key) for _, key in keys)}")
    return " ".join(["Aggregate", *filter(None, parts)])


def events_text(gap_us: int, min_duration_us: int) -> str:
    """`Events gap => INTERVAL '2 seconds'`."""
    options = {"gap": gap_us, "min_duration": min_duration_us}
    given = [f"{name} => INTERVAL '{format_interval(us)}'" for name, us in options.items() if us]
    return " ".join(["Events", ", ".join(given)]).rstrip()


def _model(name: str) -> str:
    return name if unparse_name(name) == name else unparse_literal(name)


def _column(name: str, expression: Expression) -> str:
    text = str(expression)
    return text if text in (name, unparse_name(name)) else f"{text} AS {unparse_name(name)}"
