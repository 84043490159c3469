"""Tables of rows as plain text and as HTML."""

from __future__ import annotations

import html
import io
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vqe.display.counted import counted
from vqe.display.fitting import GAP, Column, fitted
from vqe.display.values import html_value

Rows: TypeAlias = pa.Table | Sequence[Mapping[str, object]]
"""An Arrow table, or dictionaries that share their keys."""

MAX_ROWS = 20


@dataclass(frozen=True)
class _Excerpt:
    """The first and last rows of a table."""

    columns: list[Column]
    n_rows: int
    n_shown: int
    n_head: int  # rows before the gap, or all of them

    def footer(self) -> str:
        shown = f" ({self.n_shown} shown)" if self.n_shown < self.n_rows else ""
        return f"{counted(self.n_rows, 'row')}{shown}"


def table_text(
    rows: Rows,
    *,
    max_rows: int = MAX_ROWS,
    width: int | None = None,
    footer: bool = True,
    notes: Sequence[str] = (),
    wrap: bool = False,
) -> str:
    """`rows` as plain text of at most `width` columns, by default those of the terminal.

    Of more than `max_rows` rows the first and the last are shown. Numbers stand right; null is –.
    Where not all columns fit, the footer names those that are left out; `notes` stand below it.
    Text that is longer than its column is cut, or with `wrap` goes on below.
    """
    width = width or shutil.get_terminal_size().columns
    excerpt = _excerpt(rows, max_rows)
    fit = fitted(excerpt.columns, width)
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in fit.columns:
        table.add_column(
            Text(column.heading),
            justify="right" if column.right else "left",
            vertical="top" if wrap else "bottom",
            no_wrap=column.right,
            min_width=column.least_width,
        )
    for number, cells in enumerate(zip(*(column.cells for column in fit.columns), strict=True)):
        if number == excerpt.n_head:
            table.add_row(*(GAP for _ in cells))
        table.add_row(*(Text(cell, no_wrap=not wrap, overflow="ellipsis") for cell in cells))
    out = io.StringIO()
    Console(file=out, width=width, color_system=None, force_jupyter=False).print(table)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    if footer:
        told = "; ".join(filter(None, [excerpt.footer(), fit.left_out()]))
        lines += textwrap.wrap(told, width)
    for note in notes:
        lines += textwrap.wrap(note, width)
    return "\n".join(lines)


def table_html(rows: Rows, *, max_rows: int = MAX_ROWS, notes: Sequence[str] = ()) -> str:
    """`rows` as an HTML table, for notebooks, and `notes` below it; JPEG bytes become pictures."""
    excerpt = _excerpt(rows, max_rows)

    # The alignment is on every cell, since notebooks style `td` themselves.
    def line(tag: str, cells: list[str]) -> str:
        sides = ("right" if column.right else "left" for column in excerpt.columns)
        tds = (
            f'<{tag} style="text-align:{side}">{cell}</{tag}>'
            for side, cell in zip(sides, cells, strict=True)
        )
        return f"<tr>{''.join(tds)}</tr>"

    body = [
        line("td", [html_value(column.values[row]) for column in excerpt.columns])
        for row in range(excerpt.n_shown)
    ]
    if excerpt.n_shown < excerpt.n_rows:
        body.insert(excerpt.n_head, line("td", [GAP] * len(excerpt.columns)))
    head = line("th", [html.escape(column.name) for column in excerpt.columns])
    return (
        f"<table><thead>{head}</thead><tbody>{''.join(body)}</tbody></table>"
        f"<p>{excerpt.footer()}</p>"
    ) + "".join(f"<p>{html.escape(note)}</p>" for note in notes)


def _values(column: pa.ChunkedArray) -> list[Any]:
    """As Python values; moments as text where one is beyond Python's years."""
    try:
        values: list[Any] = column.to_pylist()
    except (OverflowError, ValueError):
        values = column.cast(pa.string()).to_pylist()
    return values


def _excerpt(rows: Rows, max_rows: int) -> _Excerpt:
    """The rows to show; the others never leave Arrow."""
    n_rows = len(rows)
    n_shown = min(n_rows, max_rows)
    n_head = n_rows if n_shown == n_rows else (max_rows + 1) // 2
    tail = n_rows - (n_shown - n_head)
    if isinstance(rows, pa.Table):
        shown = pa.concat_tables([rows.slice(0, n_head), rows.slice(tail)])
        columns = [
            Column(name, _values(column))
            for name, column in zip(shown.column_names, shown.columns, strict=True)
        ]
    else:
        picked = [*rows[:n_head], *rows[tail:]]
        columns = [
            Column(name, [row[name] for row in picked]) for name in (rows[0] if rows else ())
        ]
    return _Excerpt(columns, n_rows, n_shown, n_head)
