"""What the reference network takes on a video, measured on stretches of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

import vqe
from benchmarks.footage import Footage, make
from vqe.models.reference import ReferenceNetwork
from vqe.video.index import VideoIndex
from vqe.video.indexing import build_index
from vqe.video.reader import Reader
from vqe.video.strategies import FrameSet

SQL = "SELECT frames FROM $video WHERE contains($label) AND frame >= $start AND frame < $stop EXACT"

WARM_UP_FRAMES = 128
"""Frames of another video of the same size on which a network runs before any clock starts: several
of its largest batches."""
PROBE_FRAMES = 32
LEAST_SECONDS = 3.0
MOST_FRAMES = 4096
"""A stretch is so long that the network works for `LEAST_SECONDS` on it, up to so many frames."""
CALLED_FRAMES = 32


@dataclass(frozen=True)
class Price:
    """What the reference network takes on this video, in seconds per frame.

    `exact`: wall time of EXACT, which decodes beside the network, once the index is there; `call`:
    a call alone, with conversion to RGB; `in_memory`: a call on frames in RGB. `rounds`: `exact` on
    each stretch; `frames`: of all stretches.
    """

    frames: int
    exact: float
    call: float
    in_memory: float
    rounds: tuple[float, ...]


class Pricing:
    """Measures stretches of a video, one after the other."""

    def __init__(self, network: ReferenceNetwork, index: VideoIndex, label: str) -> None:
        self.network, self.index, self.label = network, index, label
        self._stretches: list[tuple[int, float]] = []
        self._calls: list[tuple[float, float]] = []

    def measure(self, connection: vqe.Connection, place: float) -> None:
        """Prices around some place, from 0 to 1, of the video; `connection` knows no labels."""
        start = int(place * len(self.index))
        # The first question about a file fingerprints and indexes it, whatever it asks for.
        self._ask(connection, start, start + 1)
        probed = self._ask(connection, start + 1, start + PROBE_FRAMES) / (PROBE_FRAMES - 1)
        start += PROBE_FRAMES
        frames = int(np.clip(LEAST_SECONDS / probed, PROBE_FRAMES, MOST_FRAMES))
        frames = min(frames, len(self.index) - start)
        self._stretches.append((frames, self._ask(connection, start, start + frames) / frames))
        self._calls.append(self._call(start))

    @property
    def price(self) -> Price:
        """Means over all stretches, each counted alike."""
        rounds = tuple(seconds for _, seconds in self._stretches)
        call, in_memory = (float(np.mean(column)) for column in zip(*self._calls, strict=True))
        frames = sum(frames for frames, _ in self._stretches)
        return Price(frames, float(np.mean(rounds)), call, in_memory, rounds)

    def _ask(self, connection: vqe.Connection, start: int, stop: int) -> float:
        parameters = {
            "video": self.index.path,
            "label": self.label,
            "start": start,
            "stop": stop,
        }
        clock = time.perf_counter()
        connection.sql(SQL, parameters).to_arrow_table()
        return time.perf_counter() - clock

    def _call(self, start: int) -> tuple[float, float]:
        """Seconds per frame of a call with and without conversion to RGB; nothing else runs."""
        plan = FrameSet().plan(self.index, np.arange(start, start + CALLED_FRAMES))
        batches = list(Reader().read(plan))
        n = sum(map(len, batches))
        clock = time.perf_counter()
        frames = [batch.rgb(row) for batch in batches for row in range(len(batch))]
        converting = time.perf_counter() - clock
        self.network.detect(frames)
        clock = time.perf_counter()
        self.network.detect(frames)
        called = time.perf_counter() - clock
        return (converting + called) / n, called / n


@contextmanager
def warm_connection(
    footage: Footage, spec: str, *, seed: int, threads: int | None
) -> Iterator[vqe.Connection]:
    """A connection that knows nothing, but whose network has run on frames of that size."""
    with vqe.connect(":memory:", seed=seed, threads=threads, progress=False) as connection:
        connection.register_model("reference", spec)
        parameters = {
            "video": str(make(footage.beginning(WARM_UP_FRAMES))),
            "label": footage.of.label,
            "start": 0,
            "stop": WARM_UP_FRAMES,
        }
        connection.sql(SQL, parameters).to_arrow_table()
        yield connection


def timed_index(path: str) -> tuple[VideoIndex, float]:
    """The packet index of a file, and what building it takes."""
    clock = time.perf_counter()
    index = build_index(path, lambda: None)
    return index, time.perf_counter() - clock
