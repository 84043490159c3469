"""The truth about a clip as a DuckDB table, which answers the same SQL by an engine not ours.

`contains('bus')` becomes a look at the detections of the row, `SELECT EVENTS` a query with window
functions, and EXACT goes; everything else means the same to both.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
from clips import Clip, Oracle, score_of

from vqe.schema import SCAN_SCHEMA


class TruthTable:
    """Answers queries about the frames of one clip, which they call `clip`."""

    def __init__(self, clip: Clip, video: str = "clip") -> None:
        n = clip.frames
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
        oracle = Oracle(clip)
        self.size = clip.size
        self.frame_ms = 1000 // clip.fps
        self.detections = pa.array(
            [
                [dict(zip(DETECTION.names, d, strict=True)) for d in oracle.detections(i)]
                for i in range(n)
            ],
            pa.list_(DETECTION),
        )
        self._con = duckdb.connect()
        self._con.execute("SET threads = 1")  # rows stay in their order, as vqe has it
        self._con.execute(MACROS)

    def knows(self, **columns: Any) -> TruthTable:
        """Sets columns that depend on how the clip was made, such as `pts` and `keyframe`."""
        self.columns.update(columns)
        return self

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query; durations as timedelta, whole numbers as int."""
        asked = pa.table({**self.columns, "detections": self.detections})
        nothing = {name: pa.nulls(len(asked), SCAN_SCHEMA.field(name).type) for name in ANSWERS}
        clip = pa.table({**self.columns, "decided_by": nothing["decided_by"].cast(pa.string())})
        clip = clip.set_column(clip.column_names.index("score"), "score", nothing["score"])
        self._con.register("asked", asked)
        self._con.register("clip", clip)
        found = self._con.execute(self._for_duckdb(sql)).fetchall()
        return [tuple(map(_plain, row)) for row in found]

    def _for_duckdb(self, sql: str) -> str:
        """The query in the words of DuckDB."""
        if re.search(SIGHT, sql):
            sql = sql.replace("FROM clip", "FROM asked")
        sql = re.sub(EVENTS, self._events, sql).replace(" EXACT", "")
        sql = re.sub(SIGHT, self._sight, sql)
        for pattern, replacement in REWRITES.items():
            sql = re.sub(pattern, replacement, sql)
        return sql

    def _sight(self, found: re.Match[str]) -> str:
        name, label, min_score, region = found.groups()
        corners = [float(x) for x in region.split(",")] if region else [0.0, 0.0, 1.0, 1.0]
        if max(corners) <= 1:
            corners = [x * side for x, side in zip(corners, self.size * 2, strict=True)]
        number = f"counted(detections, '{label}', {min_score or MIN_SCORE}, {corners})"
        return number if name == "objects" else f"({number} > 0)"

    def _events(self, found: re.Match[str]) -> str:
        gap, least, frames = found.groups()
        return f"""\
SELECT 'clip' AS video, row_number() OVER (ORDER BY start_frame) - 1 AS event, start_frame,
    stop_frame, start, stop, stop - start AS duration, frames
FROM (SELECT min(frame) AS start_frame, max(frame) + 1 AS stop_frame, min(timestamp) AS start,
    max(stop) AS stop, count(*) AS frames
    FROM (SELECT *, count(*) FILTER (before IS NULL OR timestamp - before > {gap})
            OVER (ORDER BY frame) AS island
        FROM (SELECT *, lag(stop) OVER (ORDER BY frame) AS before
            FROM (SELECT *, timestamp + INTERVAL '{self.frame_ms} ms' AS stop {frames})))
    GROUP BY island)
WHERE stop - start >= {least}"""


ANSWERS = ("score", "decided_by")

MIN_SCORE = 0.4
"""What contains() asks for unless it says otherwise."""

DETECTION = pa.struct(
    [("label", pa.string()), *((name, pa.float64()) for name in ("score", "x0", "y0", "x1", "y1"))]
)

SIGHT = r"(contains|objects)\('(\w+)'(?:, min_score => ([\d.]+))?(?:, region => box\(([^)]*)\))?\)"

EVENTS = r"SELECT EVENTS \(gap => (.*?), min_duration => (.*?)\) (FROM .*?) EXACT"

MACROS = """\
CREATE MACRO bucket_of(width, t) AS
    to_microseconds(
        floor(epoch_us(t) / epoch_us(width::INTERVAL))::BIGINT * epoch_us(width::INTERVAL)
    );
CREATE MACRO total(t) AS to_microseconds(sum(epoch_us(t))::BIGINT);
CREATE MACRO counted(detections, label, least, box) AS len(list_filter(detections, lambda d:
    d.label = label AND d.score >= least
    AND (d.x0 + d.x1) / 2 BETWEEN box[1] AND box[3]
    AND (d.y0 + d.y1) / 2 BETWEEN box[2] AND box[4]))"""
"""What DuckDB has for timestamps or numbers, but not for durations; and how many detections of a
label have their centre in a box."""

REWRITES = {
    r"time_bucket\((INTERVAL )?('[^']*'), ": r"bucket_of(\2, ",
    r"sum\((timestamp|start|duration)\)": r"total(\1)",
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
            return float(f"{value:.9g}")
        case timedelta():
            return value // timedelta(microseconds=1) * timedelta(microseconds=1)
    return value
