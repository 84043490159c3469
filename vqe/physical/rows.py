"""Rows of the scan schema from columns of numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vqe.schema import DECIDED_BY, SCAN_SCHEMA, VIDEO_SCHEMA
from vqe.video.index import VideoIndex

CODE = {name: code for code, name in enumerate(DECIDED_BY)}
"""Position of each origin in the dictionary of column `decided_by`."""

UNDECIDED = -1
"""Code of a row that no stage was asked about: null."""


def scan_rows(
    video: str,
    index: VideoIndex,
    ordinals: NDArray[np.int64],
    score: NDArray[np.float32],
    decided_by: NDArray[np.int8],
) -> pa.RecordBatch:
    """A batch of N frames; `score` is NaN and `decided_by` UNDECIDED where they are null."""
    codes = pa.array(decided_by, mask=decided_by == UNDECIDED)
    answers = [
        pa.array(score, mask=np.isnan(score)),
        pa.DictionaryArray.from_arrays(codes, list(DECIDED_BY)),
    ]
    columns = index_rows(video, index, ordinals).columns
    return pa.RecordBatch.from_arrays([*columns, *answers], schema=SCAN_SCHEMA)


def index_rows(video: str, index: VideoIndex, ordinals: NDArray[np.int64]) -> pa.RecordBatch:
    """What the packet index knows of N frames."""
    n = len(ordinals)
    return pa.RecordBatch.from_arrays(
        [
            pa.repeat(pa.scalar(video), n),
            pa.array(ordinals),
            pa.array(index.timestamps_us[ordinals].view("timedelta64[us]")),
            _times(index, ordinals),
            pa.array(index.pts[ordinals]),
            pa.array(index.keyframe[ordinals]),
        ],
        schema=VIDEO_SCHEMA,
    )


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
