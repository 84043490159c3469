"""The benchmark that leaves nothing out: what an answer costs, from the file to the last frame.

On resampled footage, six ways to answer are compared in one run on one machine: the reference
network on every frame, frame skipping, NoScope as released, and vqe with an empty store, with the
answer to the same question in it, and with the labels of another one. All use the same reference
network, which is loaded and called once on the clip before any clock starts.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import vqe
from benchmarks import noscope_released, skipping
from benchmarks.asked import STRETCH, ask, busy_seconds, exact_stretch, with_timer
from benchmarks.data import clip_path, full_spec, short_spec
from benchmarks.footage import Footage, make
from benchmarks.machine import describe, load
from benchmarks.moments import MODEL, SCENES
from benchmarks.systems import Run, Task, errors
from benchmarks.truth import Truth, truth_of
from vqe.models.load import load_reference
from vqe.models.reference import ReferenceNetwork
from vqe.runtime.context import Context
from vqe.statistics.units import count_errors, unit_of
from vqe.video.frames import FrameBatch
from vqe.video.index import VideoIndex
from vqe.video.indexing import build_index
from vqe.video.reader import Reader
from vqe.video.strategies import EveryFrame, FrameSet

ACCURACY = "FNR WITHIN 1% FDR WITHIN 1% PER INTERVAL '1 second'"
BOUND = 0.01

DEFAULT = (Footage("person", 1 / 3, SCENES["person"].presence, seed=11),)
"""With visits in the first quarter, which is what NoScope learns from."""
FULL = tuple(Footage(scene.name, 1.0, scene.presence) for scene in SCENES.values())
QUICK = (Footage("person", 0.05, 0.3, height=360, seed=8),)
QUICK_MODEL = "onnx:picodet_s_416.onnx"
QUICK_THREADS = 1  # a network this small gains nothing from a second one

STRETCH_FRAMES = 64
STRETCHES_BEFORE, STRETCHES_AFTER = (0.2, 0.6), (0.4, 0.8)
"""Where in the video the reference network is timed, before vqe answers and after."""
STEADY_FRAMES = 15
"""A label that differs from the majority of so many frames around it flickers."""
IN_MEMORY_CALLS = 32


def standard() -> tuple[Footage, ...]:
    """The footage whose truth is kept with the benchmark."""
    return *DEFAULT, *FULL


def run(
    *, model: str | None, quick: bool, rounds: int | None, seed: int, full: bool = False
) -> dict[str, Any]:
    """Compares all systems on each footage; the results as plain data.

    `rounds` is taken for the sake of other benchmarks: each system runs once.
    """
    spec = full_spec(model or (QUICK_MODEL if quick else MODEL))
    machine = describe(seed)  # before the work, so that the commit is the one that runs
    threads = Context().decode_threads  # as queries choose it
    bench = Bench(spec, seed, QUICK_THREADS if quick else None, threads, quick)
    footages = QUICK if quick else FULL if full else DEFAULT
    return {
        "benchmark": "noscope",
        "set": "quick" if quick else "full" if full else "default",
        "model": short_spec(spec),
        "threads": threads,
        "accuracy": ACCURACY,
        "seed": seed,
        "machine": machine,
        "footages": [bench.compare(footage) for footage in footages],
    }


@dataclass(frozen=True)
class Price:
    """What the reference network takes on this video: seconds per frame of EXACT, which decodes
    beside it, per call with conversion to RGB, and per call on frames that lie in memory."""

    stretch_frames: int
    seconds_per_frame: float
    call_seconds: float
    in_memory_seconds: float

    @staticmethod
    def mean(prices: list[Price]) -> Price:
        """Of several stretches of the same length."""
        columns = zip(*(list(asdict(price).values())[1:] for price in prices), strict=True)
        total = sum(price.stretch_frames for price in prices)
        return Price(total, *(float(np.mean(column)) for column in columns))


@dataclass(frozen=True)
class Bench:
    """What all footages have in common; `threads` as given to connections, `decoding` as used."""

    spec: str
    seed: int
    threads: int | None
    decoding: int
    quick: bool

    def compare(self, footage: Footage) -> dict[str, Any]:
        """All systems on one footage."""
        before = load()
        _say(f"{footage.key}: {footage.frames:,} frames")
        video = make(footage)
        index = build_index(str(video), lambda: None)
        network = load_reference(self.spec, threads=self.threads)
        truth, check = truth_of(footage, index, network, short_spec(self.spec), self.decoding)
        _say(f"truth: {truth.source}, {check}")
        clock = time.perf_counter()
        decoded = _decode(index, self.decoding)
        decoding = {"frames": decoded, "seconds": time.perf_counter() - clock}
        runs, price = self._all(footage, index, network, truth)
        return {
            "footage": footage.to_dict(),
            "realised": _realised(truth.present(footage.of.label), footage),
            "truth": {"source": truth.source, "device": truth.device} | asdict(check),
            "reference": asdict(price),
            "decoding": decoding,
            "load": {"before": before, "after": load()},
            "systems": [
                _plain(run, truth.present(label), label, index)
                for run, label in zip(runs, _labels(footage, runs), strict=True)
            ],
            "break_even": _break_even({run.system: run for run in runs}, footage),
        }

    def _all(
        self, footage: Footage, index: VideoIndex, network: ReferenceNetwork, truth: Truth
    ) -> tuple[list[Run], Price]:
        """Every system's run, in the order of the tables."""
        label, video = footage.of.label, index.path
        with self._connection(footage) as connection:
            prices = [
                _price(connection, network, index, label, place) for place in STRETCHES_BEFORE
            ]
        with self._connection(footage) as connection:
            asked = []
            for system, object_ in (("cold", label), ("again", label), ("other", footage.of.other)):
                run, result = ask(connection, video, object_, index, ACCURACY)
                run = replace(run, system=system)
                _say(f"{system}: {run.seconds:.1f} s, {run.plan}, {run.phases}")
                asked.append((run, result))
        with self._connection(footage) as connection:
            prices += [_price(connection, network, index, label, at) for at in STRETCHES_AFTER]
        price = Price.mean(prices)
        ours = [
            with_timer(run, result, index, price.in_memory_seconds, self.decoding)
            for run, result in asked
        ]
        task = Task(
            index=index,
            truth=truth.present(label),
            call_seconds=price.call_seconds,
            threads=self.decoding,
            seed=self.seed,
        )
        fnr, fdr = _bounds(task, ours[0].answer)
        skipped = skipping.run(task, fnr=fnr, fdr=fdr)
        skipped = replace(skipped, in_memory_seconds=skipped.calls * price.in_memory_seconds)
        _say(f"skipping: {skipped.seconds:.1f} s, {skipped.plan}")
        released = noscope_released.run(task, fnr=BOUND, fpr=BOUND, quick=self.quick)
        _say(f"NoScope: {released.seconds:.1f} s, {released.plan}, {released.phases}")
        return [_every_frame(task, price), skipped, released, *ours], price

    @contextmanager
    def _connection(self, footage: Footage) -> Iterator[vqe.Connection]:
        """A new connection, whose network was called once, on the clip."""
        with vqe.connect(seed=self.seed, threads=self.threads, progress=False) as connection:
            connection.register_model("reference", self.spec)
            clip = str(clip_path(footage.of.clip))
            parameters = {"video": clip, "label": footage.of.label, "start": 0, "stop": 8}
            connection.sql(f"{STRETCH} EXACT", parameters).to_arrow_table()
            yield connection


def _price(
    connection: vqe.Connection,
    network: ReferenceNetwork,
    index: VideoIndex,
    label: str,
    place: float,
) -> Price:
    """What the reference network takes at some place of the video."""
    start = int(place * len(index))
    stop = start + STRETCH_FRAMES
    seconds, profile = exact_stretch(connection, index.path, label, start, stop)
    call_seconds = busy_seconds(profile.stages, profile.stages[-1].name)
    plan = FrameSet().plan(index, np.arange(start, start + IN_MEMORY_CALLS))
    frames = [batch.rgb(row) for batch in Reader().read(plan) for row in range(len(batch))]
    network.detect(frames[: network.batch_size])
    clock = time.perf_counter()
    network.detect(frames)
    in_memory = (time.perf_counter() - clock) / len(frames)
    return Price(STRETCH_FRAMES, seconds / STRETCH_FRAMES, call_seconds, in_memory)


def _every_frame(task: Task, price: Price) -> Run:
    """The reference network on every frame, from its price."""
    n = len(task.index)
    return Run(
        system="reference",
        plan="no cascade",
        answer=task.truth,
        phases={"scan": n * price.seconds_per_frame},
        one_off=(),
        charged=0.0,
        decoded=n,
        calls=n,
        in_memory_seconds=n * price.in_memory_seconds,
    )


def _bounds(task: Task, answer: NDArray[np.bool_]) -> tuple[float, float]:
    """FNR and FDR that frame skipping may have: those asked for, or vqe's where they are higher."""
    counts = count_errors(task.truth, answer, unit_of(task.index.timestamps_us, 1_000_000))
    return max(BOUND, counts.fnr or 0.0), max(BOUND, counts.fdr or 0.0)


@dataclass(frozen=True)
class _Counted:
    n: int

    @property
    def nbytes(self) -> int:
        return 0


def _decode(index: VideoIndex, threads: int) -> int:
    """Decodes every frame and forgets it; how many there were."""

    def count(frames: FrameBatch) -> _Counted:
        return _Counted(len(frames))

    plan = EveryFrame().plan(index, np.arange(len(index)))
    return sum(done.n for done in Reader(threads=threads).process(plan, lambda: count))


def _realised(present: NDArray[np.bool_], footage: Footage) -> dict[str, Any]:
    """What the reference network really sees; `flicker` is a share of the positive frames."""
    around = np.convolve(present, np.ones(STEADY_FRAMES), mode="same") > STEADY_FRAMES / 2
    return {
        "presence": float(present.mean()),
        "visits": len(footage.timeline.visits),
        "runs": int((np.diff(present.astype(np.int8), prepend=0) == 1).sum()),
        "flicker": float((around != present).sum() / max(present.sum(), 1)),
    }


def _labels(footage: Footage, runs: list[Run]) -> list[str]:
    return [footage.of.other if run.system == "other" else footage.of.label for run in runs]


def _plain(run: Run, truth: NDArray[np.bool_], label: str, index: VideoIndex) -> dict[str, Any]:
    """A run as plain data, with its errors."""
    measured = "charged" if run.charged else "scaled" if run.system == "reference" else "measured"
    details = dict(run.details)
    return {
        "system": run.system,
        "label": label,
        "plan": run.plan,
        "measured": measured,
        "phases": run.phases,
        "one_off": list(run.one_off),
        "seconds": run.seconds,
        "charged": run.charged,
        "decoded": run.decoded,
        "calls": run.calls,
        "errors": errors(truth, run.answer, index.timestamps_us),
        "in_memory_seconds": run.in_memory_seconds,
        "stages": details.pop("stages", []),
        "details": details,
    }


def _break_even(runs: dict[str, Run], footage: Footage) -> dict[str, float | None]:
    """Hours of such video from which on vqe with an empty store is faster; None: never.

    Its one-off seconds stay as they are, and all others grow with the length.
    """
    ours = runs["cold"]
    each_hour = (ours.seconds - ours.one_off_seconds) / footage.hours
    found: dict[str, float | None] = {}
    for name, system in (
        ("over_reference_hours", "reference"),
        ("over_skipping_hours", "skipping"),
    ):
        saved = runs[system].seconds / footage.hours - each_hour
        found[name] = ours.one_off_seconds / saved if saved > 0 else None
    return found


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
