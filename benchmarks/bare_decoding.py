"""Decoding and nothing else: what every system pays at least for the frames that it looks at."""

from __future__ import annotations

import time
from dataclasses import dataclass

from vqe.video.decode_plan import DecodePlan
from vqe.video.frames import FrameBatch
from vqe.video.reader import Reader


@dataclass(frozen=True)
class _Counted:
    """How many frames a batch had: the pictures themselves need not wait for anyone."""

    frames: int
    nbytes = 0


def decode(plan: DecodePlan, threads: int) -> tuple[float, int]:
    """Wall seconds to decode what a plan asks for and forget it, and the frames that were decoded.

    Raises ValueError where a frame cannot be had.
    """
    reader = Reader(threads=threads)
    clock = time.perf_counter()
    delivered = sum(done.frames for done in reader.process(plan, lambda: _count))
    seconds = time.perf_counter() - clock
    if delivered < len(plan.ordinals):
        raise ValueError(f"'{plan.index.path}' has frames that cannot be decoded")
    return seconds, reader.report.decoded


def _count(frames: FrameBatch) -> _Counted:
    return _Counted(len(frames))
