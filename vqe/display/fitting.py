"""How a table is made to fit into the columns of a terminal, with as little lost as possible."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from rich.cells import cell_len

from vqe.display.values import is_number, text_value

GAP = "…"
SEPARATOR = 3  # blanks between columns
TEXT_WIDTH = 12
"""Columns of text are never squeezed below this."""

GIVE_WAY: Final = {
    "stop_frame": ("event", "max_score", "frames", "stop_frame", "start_frame", "video", "time"),
    "pts": ("pts", "keyframe", "decided_by", "score"),
    "starting_at": ("codec", "files", "height", "width", "fps", "problem"),
    "predicted_cpu_seconds": (
        *("fdr_high", "fdr_low", "fpr_high", "fpr_low", "fnr_high", "fnr_low"),
        *("predicted_cpu_seconds", "fpr", "at_least", "fdr", "fnr", "decided"),
        *("predicted_seconds", "video", "predicted_frames", "reason", "verdict"),
    ),
}
"""Columns that give way first, the least important first: of SELECT EVENTS, of SELECT FRAMES, of
SHOW VIDEOS and of EXPLAIN (FORMAT table), which are known by one of their columns. Of any other
table those in the middle go."""

MOST_NAMED = 4
"""So many columns that are left out are named; of more only the number is told."""


@dataclass(frozen=True)
class Column:
    """A column of the rows that are shown; `head` is its name, perhaps on several lines."""

    name: str
    values: list[object]
    head: str = ""
    whole_seconds: bool = False  # durations are written without milliseconds

    @property
    def cells(self) -> list[str]:
        """The values as text."""
        return [text_value(value, whole_seconds=self.whole_seconds) for value in self.values]

    @property
    def heading(self) -> str:
        """What stands above the values."""
        return self.head or self.name

    @property
    def right(self) -> bool:
        """Whether it holds numbers, which stand right."""
        known = [value for value in self.values if value is not None]
        return bool(known) and all(is_number(value) for value in known)

    @property
    def empty(self) -> bool:
        """Whether none of the rows has a value."""
        return all(value is None for value in self.values)

    @property
    def width(self) -> int:
        """Columns of the terminal that the heading and the values need."""
        return max(1, *map(cell_len, [*self.heading.split("\n"), *self.cells]))

    @property
    def least_width(self) -> int:
        """To which it may be squeezed."""
        return self.width if self.right else min(self.width, TEXT_WIDTH)


@dataclass(frozen=True)
class Fitted:
    """Columns that fit, and the names of those that are left out for lack of room, or because they
    have no values."""

    columns: list[Column]
    no_room: tuple[str, ...] = ()
    no_values: tuple[str, ...] = ()

    def left_out(self) -> str:
        """What a person is told of it; empty where all columns are there."""
        told = (("no room for", self.no_room), ("nothing in", self.no_values))
        return "; ".join(f"{why} {_named(names)}" for why, names in told if names)


def fitted(columns: list[Column], width: int) -> Fitted:
    """`columns` within `width`. What loses least comes first: milliseconds that are all 0, columns
    without values, headings on one line, then columns that matter least."""
    found = Fitted(columns)
    for narrower in (_in_whole_seconds, _without_empty, _with_broken_heads):
        if _width(found.columns) <= width:
            return found
        found = narrower(found)
    names = {column.name for column in columns}
    order = [name for key, known in GIVE_WAY.items() if key in names for name in known]
    for name in order:
        if _width(found.columns) <= width:
            return found
        left = [column for column in found.columns if column.name != name]
        if left and len(left) < len(found.columns):
            found = replace(found, columns=left, no_room=(*found.no_room, name))
    return replace(found, columns=_without_middle(found.columns, width))


def _named(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= MOST_NAMED else f"{len(names)} columns"


def _in_whole_seconds(found: Fitted) -> Fitted:
    """Durations without milliseconds, where none of the table has any."""
    values = (value for column in found.columns for value in column.values)
    if any(isinstance(value, timedelta) and value.microseconds for value in values):
        return found
    return replace(found, columns=[replace(c, whole_seconds=True) for c in found.columns])


def _without_empty(found: Fitted) -> Fitted:
    left = [column for column in found.columns if not column.empty]
    if not left:
        return found
    empty = tuple(column.name for column in found.columns if column.empty)
    return replace(found, columns=left, no_values=empty)


def _with_broken_heads(found: Fitted) -> Fitted:
    """Names on several lines, broken at blanks and behind underscores, where the values are
    narrower."""

    def broken(column: Column) -> Column:
        if cell_len(column.name) <= max(map(cell_len, column.cells), default=0):
            return column
        return replace(column, head=column.name.replace("_", "_\n").replace(" ", "\n"))

    return replace(found, columns=[broken(column) for column in found.columns])


def _without_middle(columns: list[Column], width: int) -> list[Column]:
    """`columns`; where they cannot fit into `width`, a gap in place of those in the middle."""
    if _width(columns) <= width:
        return columns
    half = (len(columns) + 1) // 2
    left, right = columns[:half], columns[half:]
    gap = Column(GAP, [GAP] * len(columns[0].values))
    while len(left) + len(right) > 1 and _width([*left, gap, *right]) > width:
        if len(left) > len(right):
            left.pop()
        else:
            right.pop(0)
    return [*left, gap, *right]


def _width(columns: list[Column]) -> int:
    return sum(column.least_width + SEPARATOR for column in columns) - SEPARATOR
