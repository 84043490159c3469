"""Bound expressions: every name resolved, every type known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class Column:
    """A column of the child's schema."""

    name: str
    type: pa.DataType


@dataclass(frozen=True)
class Constant:
    """A literal or a parameter; durations are in microseconds, null is None."""

    value: Any
    type: pa.DataType


@dataclass(frozen=True)
class Call:
    """An Arrow compute function, by its registered name, applied to its arguments."""

    function: str
    args: tuple[Expression, ...]
    type: pa.DataType


@dataclass(frozen=True)
class Contains:
    """Whether the reference network sees `label` in the frame with at least `min_score`.

    `region` is (x0, y0, x1, y1) in pixels and asks for the centre of the box; None is the whole
    frame.
    """

    label: str
    min_score: float
    region: tuple[float, float, float, float] | None = None
    type: pa.DataType = pa.bool_()


Expression = Column | Constant | Call | Contains
