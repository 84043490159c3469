"""Scans of one video, merged in frame order."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqe.config import Settings
from vqe.errors import VideoError
from vqe.physical.merge import MergeExec
from vqe.physical.operator import Operator
from vqe.physical.rows import reached_us, with_reached
from vqe.runtime.context import Context
from vqe.schema import SCAN_SCHEMA


@dataclass(frozen=True, repr=False)
class Told(Operator):
    """Batches of the given frames."""

    batches: tuple[tuple[int, ...], ...]
    pulled: list[int] = field(default_factory=list, compare=False)

    def execute(self, context):
        for frames in self.batches:
            self.pulled.append(len(frames))
            columns = [
                pa.array(frames, field.type)
                if field.name == "frame"
                else pa.nulls(len(frames), field.type)
                for field in SCAN_SCHEMA
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=SCAN_SCHEMA)


class Telling(Told):
    """Batches that tell how far their scan has come."""

    def execute(self, context):
        for batch in super().execute(context):
            yield with_reached(batch, 10**6)


def frames_of(merged: MergeExec) -> list[int]:
    batches = merged.execute(Context(Settings()))
    return [frame for batch in batches for frame in batch["frame"].to_pylist()]


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(0, 999))
def test_rows_come_in_frame_order(scan_of_frame, seed):
    random = Random(seed)
    parts: list[list[tuple[int, ...]]] = [[], [], [], []]
    for scan in range(4):
        frames = [frame for frame, number in enumerate(scan_of_frame) if number == scan]
        while frames or random.random() < 0.2:
            cut = random.randint(0, len(frames))
            parts[scan].append(tuple(frames[:cut]))
            frames = frames[cut:]
    firsts = [min((min(batch) for batch in part if batch), default=0) for part in parts]
    earlier = tuple(random.randint(0, first) for first in firsts)
    merged = MergeExec(tuple(Told(tuple(part)) for part in parts), earlier)
    assert frames_of(merged) == list(range(len(scan_of_frame)))


def test_it_pulls_no_further_than_it_must():
    near, far = Told(((1, 2), (7,), (8,))), Told(((3,), (20,)))
    batches = MergeExec((near, far), (0, 3)).execute(Context(Settings()))
    assert next(batches)["frame"].to_pylist() == [1, 2]
    assert (near.pulled, far.pulled) == ([2], [])
    assert next(batches)["frame"].to_pylist() == [3]
    assert (near.pulled, far.pulled) == ([2, 1], [1])
    assert next(batches)["frame"].to_pylist() == [7]
    assert (near.pulled, far.pulled) == ([2, 1], [1, 1])
    batches.close()


def test_how_far_one_scan_has_come_is_not_how_far_all_have():
    merged = MergeExec((Telling(((1, 3), (8,))), Told(((2, 4), (9,)))), (0, 0))
    batches = list(merged.execute(Context(Settings())))
    assert [reached_us(batch) for batch in batches] == [None] * len(batches)
    assert frames_of(merged) == [1, 2, 3, 4, 8, 9]


def test_rows_that_are_there_come_before_the_error_of_another_scan():
    @dataclass(frozen=True, repr=False)
    class Failing(Operator):
        def execute(self, context):
            raise VideoError("the disk is gone")
            yield

    batches = MergeExec((Told(((1, 2),)), Failing()), (0, 3)).execute(Context(Settings()))
    assert next(batches)["frame"].to_pylist() == [1, 2]
    with pytest.raises(VideoError, match="the disk is gone"):
        next(batches)


def test_what_is_handed_out_is_in_order_within_a_batch():
    merged = MergeExec((Told(((0, 4),)), Told(((1, 2), (3, 5)))), (0, 1))
    assert np.all(np.diff(frames_of(merged)) == 1)
