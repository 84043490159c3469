"""Rule: frames out of range are never read."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from vqe.optimizer.conjunctions import join_conjunctions, split_conjunctions
from vqe.plan.expressions import Call, Column, Constant, Expression
from vqe.plan.nodes import EMPTY, Filter, Node, Range, Scan

MIRRORED: Final = {
    "less": "greater",
    "less_equal": "greater_equal",
    "equal": "equal",
    "greater_equal": "less_equal",
    "greater": "less",
}
"""What a comparison becomes when its sides change places."""


def push_range_into_scan(node: Node) -> Node | None:
    """Comparisons of `frame`, `timestamp` or `time` with constants narrow the range of the scan."""
    match node:
        case Filter(condition, Scan() as scan):
            parts = list(split_conjunctions(condition))
            ranges = [_range(part, scan.video.start_us) for part in parts]
            rest = [part for part, range_ in zip(parts, ranges, strict=True) if range_ is None]
            if len(rest) == len(parts):
                return None
            narrowed = scan.range
            for range_ in filter(None, ranges):
                narrowed = narrowed.intersect(range_)
            scan = replace(scan, range=narrowed)
            return Filter(join_conjunctions(rest), scan) if rest else scan
    return None


def _range(condition: Expression, start_us: int | None) -> Range | None:
    """The frames for which the condition holds; None when that is no range.

    `start_us`: the moment of the first frame; of None, column `time` is null.
    """
    match condition:
        case Constant(value):
            return Range() if value else EMPTY  # null is not true either
        case Call(function, (Column(name), Constant(value))) if function in MIRRORED:
            return _compared(name, function, value, start_us)
        case Call(function, (Constant(value), Column(name))) if function in MIRRORED:
            return _compared(name, MIRRORED[function], value, start_us)
    return None


def _compared(name: str, function: str, value: float | None, start_us: int | None) -> Range | None:
    if name not in ("frame", "timestamp", "time"):
        return None
    if value is None or (name == "time" and start_us is None):
        return EMPTY
    if not math.isfinite(value):
        return None
    if name == "time" and start_us is not None:
        value -= start_us  # now a timestamp
    # All these columns hold whole numbers, so that every bound has a half-open form.
    start, stop = 0, None
    if function in ("greater_equal", "equal"):
        start = math.ceil(value)
    if function == "greater":
        start = math.floor(value) + 1
    if function in ("less_equal", "equal"):
        stop = math.floor(value) + 1
    if function == "less":
        stop = math.ceil(value)
    start = max(start, 0)
    stop = stop if stop is None else max(start, stop)
    return Range(start, stop) if name == "frame" else Range(start_us=start, stop_us=stop)
