"""Files of plan snapshots: for each statement the plan as written, as optimised, and as it runs.

A file is a list of records under a line `=== title`. The title and the statement are written by
hand. What stands below is made by `pytest tests/snapshots --update-snapshots`, and reviewed when it
changes: `--- logical`, `--- optimized` with the rules that had something to do, in their order, and
`--- physical`, or `--- explain` where the statement asks for that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Snapshot:
    """A statement, and the plans that were kept of it."""

    title: str
    sql: str
    plans: str

    def __str__(self) -> str:
        return f"=== {self.title}\n{self.sql}\n\n{self.plans}\n"


def read(path: Path) -> list[Snapshot]:
    """The records of a file."""
    text = path.read_text(encoding="utf-8")
    records = re.split(r"^=== ", text, flags=re.MULTILINE)[1:]
    return [_record(record) for record in records]


def replace_plans(path: Path, title: str, plans: str) -> None:
    """Writes new plans into the record of that title."""
    records = [
        Snapshot(one.title, one.sql, plans if one.title == title else one.plans)
        for one in read(path)
    ]
    path.write_text("\n".join(map(str, records)), encoding="utf-8")


def _record(text: str) -> Snapshot:
    title, rest = text.split("\n", 1)
    sql, *plans = re.split(r"^(?=--- logical$)", rest, maxsplit=1, flags=re.MULTILINE)
    return Snapshot(title, sql.strip(), "".join(plans).strip())
