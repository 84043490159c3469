"""The columns of a video as a relation, and those of its answers, as Arrow types."""

from __future__ import annotations

from typing import Final, Literal, get_args

import pyarrow as pa

DecidedBy = Literal["fill", "difference", "specialized", "cache", "reference"]
"""The costliest stage consulted for a row, from cheap to costly: a neighbour's answer, a difference
detector, a specialized model, a stored reference label, the reference network."""

DECIDED_BY: Final[tuple[DecidedBy, ...]] = get_args(DecidedBy)

DECIDED_BY_TYPE: Final = pa.dictionary(pa.int8(), pa.string())

DETECTIONS_TYPE: Final = pa.list_(
    pa.struct(
        [
            ("label", pa.string()),
            ("score", pa.float32()),
            *((corner, pa.float32()) for corner in ("x0", "y0", "x1", "y1")),  # in pixels
        ]
    )
)
"""What `detections()` gives for a frame."""

VIDEO_SCHEMA: Final = pa.schema(
    [
        ("video", pa.string()),
        ("frame", pa.int64()),  # 0-based rank in presentation order
        ("timestamp", pa.duration("us")),  # from the first frame
        ("time", pa.timestamp("us")),  # null unless the video says when it starts
        ("pts", pa.int64()),  # in the stream's time base
        ("keyframe", pa.bool_()),
    ]
)
"""One row per frame."""

SCAN_SCHEMA: Final = pa.schema(
    [
        *VIDEO_SCHEMA,
        pa.field("score", pa.float32()),  # null unless the reference network answered
        pa.field("decided_by", DECIDED_BY_TYPE),  # null when no pixels were asked
    ]
)
"""What a scan yields: the frame, and how its visual condition was answered."""

STOP: Final = pa.field("stop", pa.duration("us"))
"""When the next frame is shown; for operators above a scan, statements do not know it."""

FRAME_SCHEMA: Final = pa.schema([*SCAN_SCHEMA, STOP])
"""All that a scan can tell of a frame."""

EVENTS_SCHEMA: Final = pa.schema(
    [
        ("video", pa.string()),
        ("event", pa.int64()),  # 0-based, within the video
        ("start_frame", pa.int64()),
        ("stop_frame", pa.int64()),  # exclusive
        ("start", pa.duration("us")),
        ("stop", pa.duration("us")),  # exclusive
        ("duration", pa.duration("us")),
        ("frames", pa.int64()),  # those that qualify
        ("max_score", pa.float32()),  # null where no frame has a score
        ("time", pa.timestamp("us")),  # when it starts; null unless the video says when it does
    ]
)
"""The columns of `SELECT EVENTS`."""

EVENT_COLUMNS: Final = ("video", "frame", "timestamp", "time", "stop", "score")
"""The columns of frames that events are made of."""

FRAMES: Final = ("video", "frame", "timestamp", "pts", "score", "decided_by")
"""The columns of `SELECT FRAMES`."""
