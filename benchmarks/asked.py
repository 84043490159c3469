"""vqe's part of the benchmark `noscope`: questions asked of a connection, and what they took."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import vqe
from benchmarks.prices import Price
from benchmarks.systems import Run
from vqe.detectors.difference import block_differences
from vqe.detectors.difference import compile_kernels as compile_detectors
from vqe.physical.cascade_scan import CascadeScanExec
from vqe.physical.stages import DifferenceStage, SpecializedStage, Stage
from vqe.planner.decision import NO_CASCADE, REFINEMENT
from vqe.result import Result
from vqe.video.frames import FrameBatch
from vqe.video.index import VideoIndex
from vqe.video.reader import Reader
from vqe.video.strategies import FrameSet

SQL = "SELECT frames FROM $video WHERE contains($label)"
SQL_WITH_SCORE = "SELECT frames FROM $video WHERE contains($label, min_score => $score)"

IN_MEMORY_FRAMES = 256
"""Frames that lie in memory while NoScope's timer runs: enough to measure seconds per frame."""
TIMED_ROUNDS = 3


def ask(
    connection: vqe.Connection,
    index: VideoIndex,
    label: str,
    min_score: float | None,
    accuracy: str,
) -> tuple[Run, Result]:
    """One question, from its text to its last row; `Run.in_memory_seconds` is left open."""
    parameters: dict[str, object] = {"video": index.path, "label": label}
    sql = SQL if min_score is None else SQL_WITH_SCORE
    if min_score is not None:
        parameters["score"] = min_score
    start = time.perf_counter()
    result = connection.sql(f"{sql} {accuracy}", parameters)
    table = result.to_arrow_table()
    seconds = time.perf_counter() - start
    profile = result.profile
    answer = np.zeros(len(index), np.bool_)
    answer[table["frame"].to_numpy()] = True
    refined = profile.plan == REFINEMENT
    learned = 0 if refined else profile.labels_to_plan
    run = Run(
        system="cold",
        plan=f"{profile.plan} ({profile.reason})",
        answer=answer,
        phases=profile.phases | {"scan": seconds - profile.one_off_seconds},
        # Of a refinement the labels are the answer, and grow with the video.
        one_off=tuple(name for name in profile.phases if not (refined and name == "labelling")),
        charged=0.0,
        decoded=profile.frames_decoded,
        calls=profile.reference_calls,
        details={
            "cascade": bool(profile.plan != NO_CASCADE),
            "refined": bool(refined),
            "stages": [asdict(stage) for stage in profile.stages],
            "predictions": [asdict(step) for step in profile.predictions],
            "alternatives": [asdict(other) for other in profile.alternatives],
            "measured": asdict(profile.measured) if profile.measured else None,
            "labels_to_plan": profile.labels_to_plan,
            "labels_from_store": profile.labels_from_store,
            "scanned_frames": len(index) - learned - profile.labels_from_store,
            "cpu": _cpu_seconds(result),
        },
    )
    return run, result


def _cpu_seconds(result: Result) -> dict[str, float | None]:
    """Of the whole query, and what the plan foretold of it when it was made."""
    totals = json.loads(result.explain("json"))["totals"]
    return {"measured": totals["cpu_seconds"], "foretold": totals["predicted_cpu_seconds"]}


def with_timer(
    run: Run, result: Result, index: VideoIndex, call_seconds: float, threads: int
) -> Run:
    """A run with what NoScope's timer would show: its stages on frames that lie in memory.

    The seconds per frame of each stage are measured on a stretch, in `threads` threads, and taken
    times the frames that it saw; resizing is left out, and so are labels and training. Of a
    refinement every call of the reference network counts: it learns nothing beforehand.
    """
    if run.details["refined"]:
        return replace(run, in_memory_seconds=run.calls * call_seconds)
    scan = _scan_of(result)
    stages: list[dict[str, Any]] = run.details["stages"]
    seen = {stage["name"]: stage["frames_in"] for stage in stages}
    total = seen.get(scan.reference.name, 0) * call_seconds if scan else 0.0
    if scan is not None and scan.stages:
        frames = _some_frames(index)
        for stage in scan.stages:
            total += seen[stage.name] * _seconds_per_frame(stage, frames, threads)
    return replace(run, in_memory_seconds=total)


def with_ceiling(run: Run, price: Price, decoding: float) -> Run:
    """A run with what would be left of it if nothing were lost between its stages.

    Each frame at the price of the stages that it saw: a call, `decoding` seconds per frame that
    left a decoder, and cheap stages in memory. Of a refinement that is all but the index, of a
    cascade the scan. It needs what `with_timer` adds.
    """
    assert run.in_memory_seconds is not None
    stages: list[dict[str, Any]] = run.details["stages"]
    if run.details["refined"]:
        calls, decoded, cheap = run.calls, run.decoded, 0.0
    else:
        decoded = stages[0]["frames_in"] if stages else 0
        calls = stages[-1]["frames_in"] if stages else 0
        cheap = run.in_memory_seconds - calls * price.in_memory
    ceiling = {
        "seconds": run.seconds - run.one_off_seconds,
        "by_stages": calls * price.call + decoded * decoding + cheap,
    }
    return replace(run, details=run.details | {"ceiling": ceiling})


def _scan_of(result: Result) -> CascadeScanExec | None:
    physical = result._query.physical
    assert physical is not None
    return next((node for node in physical.root.walk() if isinstance(node, CascadeScanExec)), None)


def _some_frames(index: VideoIndex) -> list[FrameBatch]:
    """Decoded frames of the middle of a video, by the batch."""
    middle = len(index) // 2
    ordinals = np.arange(middle, min(middle + IN_MEMORY_FRAMES, len(index)))
    return list(Reader().read(FrameSet().plan(index, ordinals)))


def _seconds_per_frame(stage: Stage, batches: list[FrameBatch], threads: int) -> float:
    """Wall seconds of a stage on frames in memory, in the size that it wants."""
    work: list[Callable[[], object]]
    match stage:
        case DifferenceStage(detector, reference):
            compile_detectors()
            work = [
                lambda batch=batch: detector.distance(block_differences(batch, reference))  # type: ignore[misc]
                for batch in batches
            ]
        case SpecializedStage(model):
            thumbnails: list[NDArray[np.uint8]] = [
                batch.thumbnails(model.size) for batch in batches
            ]
            work = [lambda small=small: model.score(small) for small in thumbnails]  # type: ignore[misc]
        case _:
            raise AssertionError(f"no timer for {stage.name}")
    n = sum(map(len, batches))
    with ThreadPoolExecutor(threads) as pool:
        best = np.inf
        for _ in range(TIMED_ROUNDS):
            clock = time.perf_counter()
            list(pool.map(lambda one: one(), work))
            best = min(best, time.perf_counter() - clock)
    return best / n
