"""How explanations are laid out: prose and tables of at most WIDTH columns."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping, Sequence
from decimal import Decimal

from vqe.display.tables import MAX_ROWS, table_text
from vqe.planner.explanation import ExplainedPlan, Predicted

WIDTH = 80


def prose(*texts: str) -> str:
    """The lines of the texts, those that are too long on several, indented."""
    filled = []
    for line in "\n".join(texts).split("\n"):
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        filled += textwrap.wrap(
            *(line, WIDTH),
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(filled)


def table_of(rows: Sequence[Mapping[str, object]], max_rows: int = MAX_ROWS) -> str:
    """The rows as text, wrapped to the width."""
    return table_text(rows, width=WIDTH, max_rows=max_rows, footer=False, wrap=True)


def table_of_videos(rows: Sequence[Mapping[str, object]]) -> str:
    """The rows as text; column `video` is cut to what tells the videos from one another."""
    folder = os.path.commonpath([os.path.dirname(str(row["video"])) for row in rows])
    if not folder:
        return table_of(rows)
    rows = [{**row, "video": os.path.relpath(str(row["video"]), folder)} for row in rows]
    return f"in {folder}:\n\n{table_of(rows)}"


def calls(plan: ExplainedPlan) -> int | None:
    """Frames that the reference network is expected to be asked about: of the last step, save that
    filling in comes after it."""
    if not plan.steps:
        return None
    steps = [step for step in plan.steps[1:] if step.name != "fill"]
    last = steps[-1].predicted if steps else Predicted(0, 0, 0)
    return None if last is None else round(last.frames)


def hundredths(seconds: float | None) -> Decimal | None:
    """To two places, zeros among them."""
    return None if seconds is None else Decimal(f"{seconds:.2f}")
