"""The truth about a clip as a DuckDB table, which answers the same SQL by an engine not ours.

`contains('bus')` becomes a look at the labels of the row. DuckDB knows neither EVENTS nor the
clauses on accuracy; everything else means the same to both.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
from clips import Clip, score_of

from vqe.schema import SCAN_SCHEMA


class TruthTable:
    """Answers queries about the frames of one clip, which they call `clip`."""

    def __init__(self, clip: Clip, video: str = "clip") -> None:
        n = clip.frames
        labels = sorted({visit.label for visit in clip.visits})
        present = {label: clip.present(label) for label in labels}
        first_ms, *_ = clip.milliseconds
        times_us = [(ms - first_ms) * 1000 for ms in clip.milliseconds]
        self.columns = {
            "video": [video] * n,
            "frame": list(range(n)),
            "timestamp": pa.array(times_us, pa.duration("us")),
            "time": pa.nulls(n, pa.timestamp("us")),
            "pts": pa.nulls(n, pa.int64()),
            "keyframe": pa.nulls(n, pa.bool_()),
            "score": pa.array([score_of(i) for i in range(n)], pa.float32()),
            "decided_by": ["reference"] * n,
        }
        self._con = duckdb.connect()
        self._con.execute(MACROS)
        self.labels = [[label for label in labels if present[label][i]] for i in range(n)]

    def knows(self, **columns: Any) -> TruthTable:
        """Sets columns that depend on how the clip was made, such as `pts` and `keyframe`."""
        self.columns.update(columns)
        return self

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query; durations as timedelta, whole numbers as int."""
        asked = pa.table({**self.columns, "labels": self.labels})
        nothing = {name: pa.nulls(len(asked), SCAN_SCHEMA.field(name).type) for name in ANSWERS}
        clip = pa.table({**self.columns, "decided_by": nothing["decided_by"].cast(pa.string())})
        clip = clip.set_column(clip.column_names.index("score"), "score", nothing["score"])
        self._con.register("asked", asked)
        self._con.register("clip", clip)
        if "contains(" in sql:
            sql = sql.replace("FROM clip", "FROM asked")
        for pattern, replacement in REWRITES.items():
            sql = re.sub(pattern, replacement, sql)
        return [tuple(map(_plain, row)) for row in self._con.execute(sql).fetchall()]


ANSWERS = ("score", "decided_by")

MACROS = """\
CREATE MACRO bucket_of(width, t) AS
    to_microseconds(epoch_us(t) // epoch_us(width::INTERVAL) * epoch_us(width::INTERVAL));
CREATE MACRO total(t) AS to_microseconds(sum(epoch_us(t))::BIGINT)"""
"""What DuckDB has for timestamps or numbers, but not for durations."""

REWRITES = {
    r"contains\(('\w+')\)": r"list_contains(labels, \1)",
    r"time_bucket\((INTERVAL )?('[^']*'), (timestamp|start)\)": r"bucket_of(\2, \3)",
    r"sum\((timestamp|duration)\)": r"total(\1)",
}


def plain_rows(table: pa.Table) -> list[tuple[Any, ...]]:
    """The rows of a result, to be compared with those of a TruthTable."""
    columns = [column.to_pylist() for column in table.columns]
    return [tuple(map(_plain, row)) for row in zip(*columns, strict=True)]


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case float():
            return round(value, 6)
        case timedelta():
            return value // timedelta(microseconds=1) * timedelta(microseconds=1)
    return value
