"""The benchmark that leaves nothing out: what an answer costs, from the file to the last frame.

On resampled footage, six ways to answer are compared in one run on one machine: the reference
network on every frame, frame skipping, NoScope as released, and vqe with an empty store, with the
answer to the same question in it, and with the labels of another one. All use the same reference
network, which is loaded and called on another video of the same size before any clock starts.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import vqe
from benchmarks import noscope_released, skipping
from benchmarks.asked import ask, with_ceiling, with_timer
from benchmarks.bare_decoding import decode
from benchmarks.data import full_spec, short_spec
from benchmarks.footage import Footage, make
from benchmarks.machine import describe, load
from benchmarks.moments import MODEL, SCENES, moments_of, runs_of
from benchmarks.prices import Price, Pricing, timed_index, warm_connection
from benchmarks.systems import Run, Task, errors
from benchmarks.truth import Truth, truth_of
from vqe.models.load import load_reference
from vqe.planner.sampling import label_budget
from vqe.result import Result
from vqe.runtime.context import Context
from vqe.statistics.units import count_errors, unit_of
from vqe.video.index import VideoIndex
from vqe.video.strategies import EveryFrame

ACCURACY = "FNR WITHIN 1% FDR WITHIN 1% PER INTERVAL '1 second'"
PER_FRAME = "FNR WITHIN 1% FDR WITHIN 1% PER FRAME"
BOUND = 0.01

DEFAULT = (Footage("person", 1 / 3, SCENES["person"].presence, seed=4),)
"""With visits in the first quarter, which is what NoScope learns from, and in all others."""
FULL = tuple(Footage(scene.name, 1.0, scene.presence) for scene in SCENES.values())
QUICK = (Footage("person", 0.05, 0.3, height=360, seed=3),)
QUICK_MODEL = "onnx:picodet_s_416.onnx"
QUICK_THREADS = 1  # a network this small gains nothing from a second one

STRETCHES_BEFORE, STRETCHES_AFTER = (0.2, 0.6), (0.4, 0.8)
"""Where in the video the reference network is timed, before vqe answers and after."""
STEADY_FRAMES = 15
"""A label that differs from the majority of so many frames around it flickers."""
LEAST_GAIN = 0.05
"""A gain below that is noise, and no length of video makes it one."""
LONGEST_HOURS = 1000


def standard() -> tuple[Footage, ...]:
    """The footage that is measured, the smaller set first."""
    return *DEFAULT, *FULL


def run(
    *,
    model: str | None,
    quick: bool,
    seed: int,
    full: bool = False,
    footage: str = "",
    without: Sequence[str] = (),
) -> dict[str, Any]:
    """Compares all systems on each footage, each of them once; the results as plain data.

    `footage`: the beginning of the names of those that are wanted; `without`: the names of systems
    that are left out, any of OPTIONAL.
    """
    spec = full_spec(model or (QUICK_MODEL if quick else MODEL))
    machine = describe(seed)  # before the work, so that the commit is the one that runs
    threads = Context().decode_threads  # as queries choose it
    bench = Bench(spec, seed, QUICK_THREADS if quick else None, threads, quick, tuple(without))
    footages = QUICK if quick else FULL if full else DEFAULT
    wanted = [one for one in footages if one.key.startswith(footage)]
    if not wanted:
        raise SystemExit(f"no footage is called {footage}: {', '.join(f.key for f in footages)}")
    return {
        "benchmark": "noscope",
        "set": "quick" if quick else "full" if full else "default",
        "model": short_spec(spec),
        "threads": threads,
        "accuracy": ACCURACY,
        "seed": seed,
        "machine": machine,
        "footages": [bench.compare(one) for one in wanted],
    }


@dataclass(frozen=True)
class Bench:
    """What all footages have in common; `threads` as given to connections, `decoding` as used."""

    spec: str
    seed: int
    threads: int | None
    decoding: int
    quick: bool
    without: tuple[str, ...] = ()

    def compare(self, footage: Footage) -> dict[str, Any]:
        """All systems on one footage."""
        _say(f"{footage.key}: {footage.frames:,} frames")
        index, index_seconds = timed_index(str(make(footage)))
        network = load_reference(self.spec, threads=self.threads)
        truth, check = truth_of(footage, index, network, short_spec(self.spec), self.decoding)
        _say(f"truth: {truth.source}, {check}")
        before = load()
        pricing = Pricing(network, index, footage.of.label)
        with self._connection(footage) as connection:
            for place in STRETCHES_BEFORE:
                pricing.measure(connection, place)
        decoding = [_decode(index, self.decoding)]
        asked = self._ask(footage, index)
        decoding.append(_decode(index, self.decoding))
        with self._connection(footage) as connection:
            for place in STRETCHES_AFTER:
                pricing.measure(connection, place)
        price = pricing.price
        task = Task(
            index=index,
            truth=truth.present(footage.of.label),
            call_seconds=price.call,
            threads=self.decoding,
            network_threads=self.threads,
            seed=self.seed,
            overlaps=network.device.startswith("cuda"),
            index_seconds=index_seconds,
        )
        ours = [
            with_ceiling(
                with_timer(*one, index, price.in_memory, self.decoding),
                price,
                min(decoding) / len(index),
            )
            for one in asked
        ]
        runs = [_every_frame(task, price), *self._baselines(task, price, ours[0]), *ours]
        return {
            "footage": footage.to_dict(),
            "realised": _realised(task.truth, footage),
            "truth": {"source": truth.source, "device": truth.device} | asdict(check),
            "reference": _reference(price),
            "decoding": {"frames": len(index), "seconds": min(decoding), "rounds": decoding},
            "index_seconds": index_seconds,
            "load": {"before": before, "after": load()},
            "systems": [_plain(one, footage, truth, index) for one in runs],
            "break_even": _break_even({one.system: one for one in runs}, footage),
        }

    def _ask(self, footage: Footage, index: VideoIndex) -> list[tuple[Run, Result]]:
        """vqe's answers, one after the other on one connection; those per frame on another."""
        scene = footage.of
        questions = (
            ("cold", scene.label, None, ACCURACY),
            ("again", scene.label, None, ACCURACY),
            ("other", scene.other, scene.other_score, ACCURACY),
        )
        asked = []
        for on_one in (questions, (("frames", scene.label, None, PER_FRAME),)):
            with self._connection(footage) as connection:
                for system, label, score, accuracy in on_one:
                    if system in self.without:
                        continue
                    one, result = ask(connection, index, label, score, accuracy)
                    _say(f"{system}: {one.seconds:.1f} s, {one.plan}, {one.phases}")
                    asked.append((replace(one, system=system), result))
        return asked

    def _baselines(self, task: Task, price: Price, ours: Run) -> list[Run]:
        """Frame skipping, and NoScope."""
        runs = []
        if "skipping" not in self.without:
            fnr, fdr = _bounds(task, ours.answer)
            runs.append(skipping.run(task, fnr=fnr, fdr=fdr))
        if "noscope" not in self.without:
            runs.append(noscope_released.run(task, fnr=BOUND, fpr=BOUND, quick=self.quick))
        for one in runs:
            _say(f"{one.system}: {one.seconds:.1f} s, {one.plan}, {one.phases}")
        return [one.timed(price.in_memory) for one in runs]

    def _connection(self, footage: Footage) -> AbstractContextManager[vqe.Connection]:
        return warm_connection(footage, self.spec, seed=self.seed, threads=self.threads)


def _reference(price: Price) -> dict[str, Any]:
    return {
        "stretch_frames": price.frames,
        "seconds_per_frame": price.exact,
        "call_seconds": price.call,
        "in_memory_seconds": price.in_memory,
        "rounds": list(price.rounds),
    }


def _every_frame(task: Task, price: Price) -> Run:
    """The reference network on every frame, from its price."""
    n = len(task.index)
    return Run(
        system="reference",
        plan="no cascade",
        answer=task.truth,
        phases={"index": task.index_seconds, "scan": n * price.exact},
        one_off=("index",),
        charged=0.0,
        decoded=n,
        calls=n,
        in_memory_seconds=n * price.in_memory,
    )


def _bounds(task: Task, answer: NDArray[np.bool_]) -> tuple[float, float]:
    """FNR and FDR that frame skipping may have: those asked for, or vqe's where they are higher."""
    counts = count_errors(task.truth, answer, unit_of(task.index.timestamps_us, 1_000_000))
    return max(BOUND, counts.fnr or 0.0), max(BOUND, counts.fdr or 0.0)


def _decode(index: VideoIndex, threads: int) -> float:
    """Seconds to decode every frame."""
    seconds, _ = decode(EveryFrame().plan(index, np.arange(len(index))), threads)
    return seconds


def _realised(present: NDArray[np.bool_], footage: Footage) -> dict[str, Any]:
    """What the reference network really sees; `flicker` is a share of the positive frames."""
    around = np.convolve(present, np.ones(STEADY_FRAMES), mode="same") > STEADY_FRAMES / 2
    moments = moments_of(footage.scene)
    return {
        "presence": float(present.mean()),
        "first_quarter": float(present[: len(present) // 4].mean()),
        "visits": len(footage.timeline.visits),
        "distinct_visits": len(moments.visits),
        "background_seconds": sum(span.frames for span in moments.empties) / footage.fps,
        "runs": len(runs_of(present)),
        "flicker": float((around != present).sum() / max(present.sum(), 1)),
    }


def _plain(run: Run, footage: Footage, truth: Truth, index: VideoIndex) -> dict[str, Any]:
    """A run as plain data, with its errors."""
    label, score = footage.of.label, None
    if run.system == "other":
        label, score = footage.of.other, footage.of.other_score
    measured = {"reference": "scaled", "skipping": "charged", "noscope": "charged"}
    details = dict(run.details)
    present = truth.present(label, score)
    return {
        "system": run.system,
        "label": label,
        "min_score": score,
        "plan": run.plan,
        "measured": measured.get(run.system, "measured"),
        "phases": run.phases,
        "one_off": list(run.one_off),
        "seconds": run.seconds,
        "charged": run.charged,
        "decoded": run.decoded,
        "calls": run.calls,
        "errors": errors(present, run.answer, index.timestamps_us, run.windows),
        "in_memory_seconds": run.in_memory_seconds,
        "stages": details.pop("stages", []),
        "details": details,
    }


def _break_even(runs: dict[str, Run], footage: Footage) -> dict[str, float | None]:
    """Hours of such video from which on vqe with an empty store is faster than each baseline that
    ran; None: never.

    The labels of a cascade grow with the length as its rule has it, at the price of those that were
    bought, and the other frames cost what those scanned did; all else is one-off. A refinement
    costs the same for each frame. Without either it is the reference network on every frame, and
    beats nothing.
    """
    ours = runs["cold"]
    refined = ours.details["refined"]
    labels = 0 if refined else ours.details["labels_to_plan"]
    scanned = ours.details["scanned_frames"]
    per_label = ours.phases.get("labelling", 0.0) / max(labels, 1)
    learning = 0.0 if refined else ours.phases.get("labelling", 0.0)
    fixed = ours.one_off_seconds - learning
    per_frame = (ours.seconds - ours.one_off_seconds) / max(scanned, 1)
    lengths = np.unique(np.geomspace(1, LONGEST_HOURS * 3600 * footage.fps, 4000).astype(np.int64))
    bought = np.array([label_budget(n) for n in lengths.tolist()])
    bought = bought * labels / max(label_budget(footage.frames), 1)
    seconds = fixed + bought * per_label + (lengths - bought) * per_frame
    found: dict[str, float | None] = {}
    for name, system in (
        ("over_reference_hours", "reference"),
        ("over_skipping_hours", "skipping"),
    ):
        if system not in runs:
            continue
        theirs = runs[system].seconds / footage.frames
        slower = np.flatnonzero(seconds >= lengths * theirs)
        never = not ours.details["cascade"] or per_frame > (1 - LEAST_GAIN) * theirs
        never |= len(slower) > 0 and slower[-1] == len(lengths) - 1
        first = 0 if not len(slower) else min(int(slower[-1]) + 1, len(lengths) - 1)
        found[name] = None if never else float(lengths[first] / footage.fps / 3600)
    return found


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
