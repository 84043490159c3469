"""Which frames a scan is about, as the packet index tells without decoding."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from vqe.optimizer.conjunctions import split_conjunctions
from vqe.physical.evaluate import evaluate_column
from vqe.physical.rows import index_rows
from vqe.plan.catalog import VideoInfo, printable
from vqe.plan.expressions import Expression, columns_of
from vqe.plan.nodes import Node, Range, Scan
from vqe.schema import VIDEO_SCHEMA
from vqe.video.index import VideoIndex

ROWS = 2**16
"""Rows of the index that a condition is evaluated on at a time."""


def frames_of_scan(scan: Scan, video: str, index: VideoIndex) -> NDArray[np.int64]:
    """Ordinals of the frames in the scan's range for which its condition is true, ascending."""
    start, stop = span_of(scan.range, index)
    if scan.condition is None:
        return np.arange(start, stop)
    parts = [np.empty(0, np.int64)]
    for first in range(start, stop, ROWS):
        ordinals = np.arange(first, min(first + ROWS, stop))
        holds = evaluate_column(scan.condition, index_rows(video, index, ordinals))
        parts.append(ordinals[pc.fill_null(holds, False).to_numpy(zero_copy_only=False)])
    return np.concatenate(parts)


def span_of(range_: Range, index: VideoIndex) -> tuple[int, int]:
    """The frames that a range on frame numbers and timestamps leaves, as ordinals [start, stop)."""
    start, stop = index.frames_between(range_.start_us, range_.stop_us)
    start = max(start, range_.start_frame)
    stop = min(stop, len(index) if range_.stop_frame is None else range_.stop_frame)
    return start, max(start, stop)


def may_hold(condition: Expression, video: str) -> bool:
    """Whether the condition can be true for a frame of the video with that name."""
    nulls = [pa.nulls(1, field.type) for field in VIDEO_SCHEMA]
    row = pa.RecordBatch.from_arrays(nulls, schema=VIDEO_SCHEMA)
    row = row.set_column(0, "video", pa.array([video]))
    return all(
        evaluate_column(part, row)[0].as_py() is True
        for part in split_conjunctions(condition)
        if columns_of(part) == {"video"}
    )


def scan_of(plan: Node) -> Scan:
    """The one scan of a plan."""
    return next(node for node in plan.walk() if isinstance(node, Scan))


def videos_of(scan: Scan) -> dict[str, VideoInfo]:
    """The video of the scan, or the files of its pattern, by the names that rows call them."""
    return {video.name: video for video in scan.video.members or (scan.video,)}


def members_of(scan: Scan) -> list[VideoInfo]:
    """The files of a pattern, without those that the condition rules out by their names."""
    return [
        member
        for member in scan.video.members
        if scan.condition is None or may_hold(scan.condition, printable(member.name))
    ]
