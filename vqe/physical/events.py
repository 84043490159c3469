"""SELECT EVENTS."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from vqe.physical.operator import Operator
from vqe.physical.rows import reached_us
from vqe.plan.nodes import events_text
from vqe.runtime.context import Context
from vqe.schema import EVENTS_SCHEMA

STRETCHES: Final = pa.schema(
    [EVENTS_SCHEMA.field(name) for name in EVENTS_SCHEMA.names if name not in ("event", "duration")]
)
"""Stretches of frames on their way to events."""


@dataclass(frozen=True, repr=False)
class EventsExec(Operator):
    """The events of the frames that `child` yields, in frame order, a video after the other.

    Stretches at most `gap_us` apart merge; what is then shorter than `min_duration_us` is left
    out. An event leaves as soon as the next one begins, or no frame to come can belong to it.
    """

    gap_us: int
    min_duration_us: int
    child: Operator

    @property
    def schema(self) -> pa.Schema:
        return EVENTS_SCHEMA

    def headline(self) -> str:
        return events_text(self.gap_us, self.min_duration_us)

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        growing = pa.RecordBatch.from_pylist([], STRETCHES)  # the last stretch, which may go on
        numbered = _Numbered()
        with closing(self.child.execute(context)) as batches:
            for batch in batches:
                context.check()
                if batch.num_rows:
                    stretches = _merged(
                        pa.concat_batches([growing, _stretches(batch)]), self.gap_us
                    )
                    last = stretches.num_rows - 1
                    growing = stretches.slice(last)
                    yield numbered.events(self._long_enough(stretches.slice(0, last)))
                if growing.num_rows and self._is_over(growing, reached_us(batch)):
                    yield numbered.events(self._long_enough(growing))
                    growing = growing.slice(1)
        yield numbered.events(self._long_enough(growing))

    def _is_over(self, stretch: pa.RecordBatch, reached_us: int | None) -> bool:
        """Whether frames from that time on are too late to belong to the stretch."""
        return reached_us is not None and reached_us - int(_us(stretch["stop"])[0]) > self.gap_us

    def _long_enough(self, stretches: pa.RecordBatch) -> pa.RecordBatch:
        duration = _us(stretches["stop"]) - _us(stretches["start"])
        return stretches.filter(pa.array(duration >= self.min_duration_us))


class _Numbered:
    """Counts the events of each video, from one batch to the next."""

    def __init__(self) -> None:
        self.video: str | None = None
        self.next = 0

    def events(self, stretches: pa.RecordBatch) -> pa.RecordBatch:
        """The stretches as events, which follow those seen so far."""
        n = stretches.num_rows
        position = np.arange(n)
        first = np.maximum.accumulate(np.where(_begins(stretches["video"]), position, 0))
        number = position - first
        if n:
            if stretches["video"][0].as_py() == self.video:
                number[first == 0] += self.next
            self.video, self.next = stretches["video"][-1].as_py(), int(number[-1]) + 1
        columns = {
            "event": pa.array(number, pa.int64()),
            "duration": pc.subtract_checked(stretches["stop"], stretches["start"]),
        }
        values = [
            columns[name] if name in columns else stretches[name] for name in EVENTS_SCHEMA.names
        ]
        return pa.RecordBatch.from_arrays(values, schema=EVENTS_SCHEMA)


def _stretches(frames: pa.RecordBatch) -> pa.RecordBatch:
    """Each frame as a stretch of its own."""
    frame = frames["frame"]
    values = {
        "video": frames["video"],
        "start_frame": frame,
        "stop_frame": pc.add(frame, 1),
        "start": frames["timestamp"],
        "stop": frames["stop"],
        "frames": pa.repeat(pa.scalar(1), frames.num_rows),
        "max_score": frames["score"],
        "time": frames["time"],
    }
    return pa.RecordBatch.from_arrays([values[name] for name in STRETCHES.names], schema=STRETCHES)


def _merged(stretches: pa.RecordBatch, gap_us: int) -> pa.RecordBatch:
    """The stretches, one at least, with those merged that lie near each other in one video."""
    apart = _us(stretches["start"])[1:] - _us(stretches["stop"])[:-1] > gap_us
    begins = _begins(stretches["video"])
    begins[1:] |= apart
    first = np.flatnonzero(begins)
    last = np.append(first[1:], stretches.num_rows) - 1
    score = stretches["max_score"].to_numpy(
        zero_copy_only=False
    )  # null is NaN, which fmax passes over
    best = np.fmax.reduceat(score, first)
    starts, stops = stretches.take(pa.array(first)), stretches.take(pa.array(last))
    values = {
        "stop_frame": stops["stop_frame"],
        "stop": stops["stop"],
        "frames": pa.array(np.add.reduceat(stretches["frames"].to_numpy(), first)),
        "max_score": pa.array(best, mask=np.isnan(best)),
    }
    columns = [values[name] if name in values else starts[name] for name in STRETCHES.names]
    return pa.RecordBatch.from_arrays(columns, schema=STRETCHES)


def _begins(video: pa.Array) -> NDArray[np.bool_]:
    """Whether a row is the first of its video, bool (N,)."""
    n = len(video)
    begins = np.ones(n, np.bool_)
    if n > 1:
        changes = pc.not_equal(video.slice(1), video.slice(0, n - 1))
        begins[1:] = changes.to_numpy(zero_copy_only=False)
    return begins


def _us(durations: pa.Array) -> NDArray[np.int64]:
    microseconds: NDArray[np.int64] = durations.cast(pa.int64()).to_numpy()
    return microseconds
