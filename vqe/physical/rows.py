"""Rows of the scan schema from columns of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vqe.schema import DECIDED_BY, FRAME_SCHEMA, SCAN_SCHEMA, VIDEO_SCHEMA
from vqe.video.index import VideoIndex

CODE = {name: code for code, name in enumerate(DECIDED_BY)}
"""Position of each origin in the dictionary of column `decided_by`."""

UNDECIDED = -1
"""Code of a row that no stage was asked about: null."""

REACHED = b"vqe.reached_us"


def scan_rows(
    video: str,
    index: VideoIndex,
    ordinals: NDArray[np.int64],
    score: NDArray[np.float32],
    decided_by: NDArray[np.int8],
    *,
    columns: Sequence[str] = SCAN_SCHEMA.names,
) -> pa.RecordBatch:
    """A batch of N frames, with those `columns` of FRAME_SCHEMA that are asked for; `score` is NaN
    and `decided_by` UNDECIDED where they are null."""
    values = []
    for column in columns:
        match column:
            case "score":
                values.append(pa.array(score, mask=np.isnan(score)))
            case "decided_by":
                codes = pa.array(decided_by, mask=decided_by == UNDECIDED)
                values.append(pa.DictionaryArray.from_arrays(codes, list(DECIDED_BY)))
            case _:
                values.append(_indexed(column, video, index, ordinals))
    return pa.RecordBatch.from_arrays(values, schema=schema_of(columns))


def with_reached(rows: pa.RecordBatch, us: int) -> pa.RecordBatch:
    """The rows, maybe none, with word that all rows to come are shown `us` microseconds after the
    first frame of their video, or later."""
    return rows.replace_schema_metadata({REACHED: str(us).encode()})


def reached_us(rows: pa.RecordBatch) -> int | None:
    """What `with_reached` told; None where nobody knows."""
    told = (rows.schema.metadata or {}).get(REACHED)
    return None if told is None else int(told)


def schema_of(columns: Sequence[str]) -> pa.Schema:
    """Of a scan that yields these columns."""
    return pa.schema([FRAME_SCHEMA.field(column) for column in columns])


def index_rows(video: str, index: VideoIndex, ordinals: NDArray[np.int64]) -> pa.RecordBatch:
    """What the packet index knows of N frames."""
    values = [_indexed(column, video, index, ordinals) for column in VIDEO_SCHEMA.names]
    return pa.RecordBatch.from_arrays(values, schema=VIDEO_SCHEMA)


def _indexed(  # noqa: PLR0911 - one per column
    column: str, video: str, index: VideoIndex, ordinals: NDArray[np.int64]
) -> pa.Array:
    match column:
        case "video":
            return pa.repeat(pa.scalar(video), len(ordinals))
        case "frame":
            return pa.array(ordinals)
        case "timestamp":
            return pa.array(index.timestamps_us[ordinals].view("timedelta64[us]"))
        case "stop":
            return pa.array(index.stops_us(ordinals).view("timedelta64[us]"))
        case "time":
            return _times(index, ordinals)
        case "pts":
            return pa.array(index.pts[ordinals])
        case "keyframe":
            return pa.array(index.keyframe[ordinals])
    raise AssertionError(f"no column of a frame: {column}")


def _times(index: VideoIndex, ordinals: NDArray[np.int64]) -> pa.Array:
    """When the frames were taken, where the start of the video is known."""
    if index.start_us is None:
        return pa.nulls(len(ordinals), pa.timestamp("us"))
    return pa.array((index.timestamps_us[ordinals] + index.start_us).view("datetime64[us]"))


def frames_text(ordinals: NDArray[np.int64]) -> str:
    """The frames in a few words: one span as such, several by their number."""
    if not len(ordinals):
        return "no frames"
    start, stop = int(ordinals[0]), int(ordinals[-1]) + 1
    if stop - start > len(ordinals):
        return f"{len(ordinals):,} frames of {start}..{stop}"
    return f"frames {start}..{stop}"
