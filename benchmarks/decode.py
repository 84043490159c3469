"""Decoding: the reader against a bare PyAV loop, and how well its costs are predicted.

Every ratio comes from one run, of ways that take turns: in each round all of them, the next round
in the reverse order, so that a drift of the machine favours none. A ratio is the median of those
of the rounds. The index is built, the kernels are compiled and the files are in the page cache
before a clock starts.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import numpy as np

from benchmarks import decode_memory
from benchmarks.data import clip_path
from benchmarks.decode_ways import (
    Ordinals,
    Video,
    changes,
    drained,
    exact_blocks,
    pyav,
    pyav_checksums,
    pyav_halves,
    read_one_by_one,
    read_together,
    reader,
    reader_checksums,
)
from benchmarks.machine import describe, load
from benchmarks.streams import FPS, LONG, STREAMS, TINY, Stream, make, repeated
from vqe.video.costs import measure
from vqe.video.indexing import build_index
from vqe.video.packet_gate import calibrate
from vqe.video.reader import BATCH_FRAMES, Reader
from vqe.video.strategies import (
    DecodeStrategy,
    EveryFrame,
    FrameSet,
    Gated,
    KeyFrames,
    ReferenceFrames,
    Refinement,
    Stride,
)

T = TypeVar("T")

CLIP = "intel_one-by-one-person.mp4"

WAYS: dict[str, Callable[[Video], int]] = {
    "pyav": pyav,
    "reader": reader(1),
    "reader_large": reader(1, BATCH_FRAMES),
    "pyav_2": pyav_halves,
    "reader_2": reader(2),
}
RATIOS = {
    "one": ("pyav", "reader"),
    "one_large": ("pyav", "reader_large"),
    "two": ("pyav_2", "reader_2"),
    "threads": ("reader", "reader_2"),
}
"""By how many times the frame rate of the second way exceeds that of the first."""


SECONDS = ("packet", "key", "other", "offered", "seek")
"""The costs that are seconds."""


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    rounds: int
    streams: Sequence[Stream]
    at_random: int
    minutes: tuple[int, int]
    hours: float


FULL = Scale(5, STREAMS, 200, (5, 60), 10)
QUICK = Scale(1, [stream.shortened(150, 50) for stream in STREAMS], 20, (1, 5), 0.25)


def run(*, model: str | None, quick: bool, rounds: int | None, seed: int) -> dict[str, Any]:
    """Measures everything; the results as plain data."""
    if model is not None:
        raise SystemExit("the benchmark of decoding uses no model")
    scale = QUICK if quick else FULL
    rounds = rounds or scale.rounds
    machine = describe(seed)  # before the work, so that the commit is the one that runs
    before = load()
    videos, left_out = _videos(scale)
    rng = np.random.default_rng(seed)
    streams = [_about(video, rounds, scale.at_random, rng) for video in videos]
    short, long = (repeated(LONG, minutes * 60 * FPS) for minutes in scale.minutes)
    return {
        "benchmark": "decode",
        "quick": quick,
        "rounds": rounds,
        "left_out": left_out,
        "machine": machine,
        "load_before": before,
        "load_after": load(),
        "streams": streams,
        "memory": [
            {"way": way, "minutes": minutes} | decode_memory.in_new_process(path, way)
            for way in decode_memory.WAYS
            for minutes, path in zip(scale.minutes, (short, long), strict=True)
        ],
        "first_batch": [_first_batch(make(scale.streams[0])), _first_batch(long)],
        "index": [
            _index(repeated(TINY, round(scale.hours * 3600 * FPS), suffix), scale.hours)
            for suffix in (".mp4", ".mkv")
        ],
    }


def _videos(scale: Scale) -> tuple[list[Video], list[str]]:
    """The videos to read, and what could not be read."""
    videos, left_out = [], []
    try:
        videos.append(Video.open(CLIP, clip_path(CLIP)))
    except SystemExit as missing:
        left_out.append(str(missing))
    for stream in scale.streams:
        _say(f"making {stream.name}")
        videos.append(Video.open(stream.name, make(stream), stream.quiet))
    return videos, left_out


def _about(video: Video, rounds: int, at_random: int, rng: np.random.Generator) -> dict[str, Any]:
    """All that is measured on one video."""
    index = video.index
    ordinals = rng.permutation(len(index))[:at_random]
    _say(video.name)
    return {
        "name": video.name,
        "width": index.width,
        "height": index.height,
        "frames": len(index),
        "entries": len(index.entries),
        "b_frames": bool(index.out_of_turn.any()),
        "quiet": video.quiet,
        "same": _same(video),
        "speed": _speed(video, rounds),
        "strategies": _strategies(video, rounds, np.sort(ordinals)),
        "at_random": _at_random(video, min(rounds, 2), ordinals),
    }


def _same(video: Video) -> dict[str, Any]:
    """Whether all ways give the same pixels, and the kernel the same sums as NumPy."""
    truth = pyav_checksums(video)
    sample = np.linspace(0, len(video.index) - 1, 20).astype(np.int64)
    return {
        "frames": len(truth),
        "reader": _n_equal(truth, reader_checksums(video, 1)),
        "reader_2": _n_equal(truth, reader_checksums(video, 2)),
        "sampled": len(sample),
        "blocks": exact_blocks(video, sample),
    }


def _n_equal(one: Sequence[int], other: Sequence[int]) -> int:
    return sum(a == b for a, b in zip(one, other, strict=True))


def _speed(video: Video, rounds: int) -> dict[str, Any]:
    """Seconds of each way in each round, and the ratios between them."""
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for turn in range(rounds):
        for way in _in_turn(WAYS, turn):
            start, cpu_start = time.perf_counter(), time.process_time()
            frames = WAYS[way](video)
            seconds, cpu = time.perf_counter() - start, time.process_time() - cpu_start
            if frames != len(video.index):
                raise SystemExit(f"{way} found {frames} of {len(video.index)} frames")
            runs[way].append({"seconds": seconds, "cpu_seconds": cpu})
    return {
        "ways": {way: _best(video, done) | {"runs": done} for way, done in runs.items()},
        "ratios": {name: _ratio(runs[base], runs[ours]) for name, (base, ours) in RATIOS.items()},
    }


def _ratio(base: Sequence[dict[str, float]], ours: Sequence[dict[str, float]]) -> dict[str, Any]:
    """By how much less time ours takes, round by round; and less CPU time, which other work on the
    machine disturbs less."""
    seconds, cpu = (
        _spread(a[clock] / b[clock] for a, b in zip(base, ours, strict=True))
        for clock in ("seconds", "cpu_seconds")
    )
    return seconds | {"cpu": cpu["median"]}


def _best(video: Video, runs: Sequence[dict[str, float]]) -> dict[str, float]:
    fastest = min(runs, key=lambda run: run["seconds"])
    return {
        "frames_per_second": len(video.index) / fastest["seconds"],
        "cores": fastest["cpu_seconds"] / fastest["seconds"],
    }


def _strategies(video: Video, rounds: int, ordinals: Ordinals) -> dict[str, Any]:
    """What the costs predict for each strategy, beside what it took."""
    start = time.process_time()
    costs = measure(video.index)
    measuring = time.process_time() - start
    every = np.arange(len(video.index))
    asked: list[tuple[DecodeStrategy, Ordinals]] = [
        (EveryFrame(), every),
        (ReferenceFrames(), every),
        (KeyFrames(), every),
        (Stride(30), every),
        (FrameSet(), ordinals),
    ]
    gate = calibrate(video.index, *changes(video))
    if gate is not None:
        asked.append((Gated(gate), every))
    plans = [strategy.plan(video.index, frames) for strategy, frames in asked]
    # Key frames were read; every third interval between two of them is refined.
    intervals = np.arange(0, len(video.index.entries), 3)
    plans.append(Refinement().between(video.index, every, intervals))
    reports = []
    for turn in range(rounds):
        for i in _in_turn(range(len(plans)), turn):
            one = Reader()
            drained(one, plans[i])
            reports.append((i, one.report))
    rows = []
    for i, plan in enumerate(plans):
        done = [report for which, report in reports if which == i]
        rows.append(
            {
                "name": plan.name,
                "asked": len(plan.ordinals),
                "predicted_seconds": costs.seconds(plan.work),
                "seconds": _spread(report.seconds for report in done),
                "predicted_decoded": costs.frames_out(plan.work),
                "decoded": done[0].decoded,
                "predicted_seeks": plan.work.seeks,
                "seeks": done[0].work.seeks,
            }
        )
    in_us = asdict(replace(costs, **{name: 1e6 * getattr(costs, name) for name in SECONDS}))
    return {
        "costs_us": in_us,
        "measuring_seconds": measuring,
        "gate": None if gate is None else asdict(gate),
        "rows": rows,
    }


def _at_random(video: Video, rounds: int, ordinals: Ordinals) -> dict[str, Any]:
    """Frames asked for in random order, read together and one by one."""
    ways = (read_together, read_one_by_one)
    seconds: dict[str, list[float]] = {way.__name__: [] for way in ways}
    checksums = []
    for turn in range(rounds):
        for way in _in_turn(ways, turn):
            took, found = way(video, ordinals)
            seconds[way.__name__].append(took)
            checksums.append(found)
    together, one_by_one = seconds.values()
    return {
        "frames": len(ordinals),
        "same": sum(
            len({found.get(ordinal) for found in checksums}) == 1 for ordinal in ordinals.tolist()
        ),
        "together_seconds": _spread(together),
        "one_by_one_seconds": _spread(one_by_one),
        "ratio": _spread(b / a for a, b in zip(together, one_by_one, strict=True)),
    }


def _first_batch(path: Path) -> dict[str, Any]:
    """Seconds from the name of a file to its first frames, index included."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        video = Video.open("", path)
        batches = Reader(threads=2).read(video.every_frame)
        first = next(batches)
        seconds.append(time.perf_counter() - start)
        batches.close()
    return {"frames": len(video.index), "batch": len(first), "seconds": _spread(seconds)}


def _index(path: Path, hours: float) -> dict[str, Any]:
    """Seconds to build the index of a long file."""
    start = time.perf_counter()
    index = build_index(str(path))
    return {
        "container": path.suffix[1:],
        "hours": hours,
        "source": index.source,
        "frames": len(index),
        "file_mb": path.stat().st_size / 2**20,
        "index_mb": index.nbytes / 2**20,
        "seconds": time.perf_counter() - start,
    }


def _in_turn(ways: Iterable[T], turn: int) -> list[T]:
    ordered = list(ways)
    return ordered[::-1] if turn % 2 else ordered


def _spread(values: Iterable[float]) -> dict[str, float]:
    values = list(values)
    return {"median": median(values), "low": min(values), "high": max(values)}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
