"""First answers: a question asked cold, against the reference network on every frame.

Both ways run on connections of their own that know nothing, within one run on one machine. A
detector is loaded and called once on another clip before the clock starts; all that follows is
counted, from the text of the question to the last row: index, labelling, training, search, scan.
Of several rounds the fastest run of each way stands, for other work on the machine only adds time.
"""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import vqe
from benchmarks.data import clip_path, full_spec, short_spec
from benchmarks.machine import describe, load
from vqe.executor.profile import Profile
from vqe.statistics.units import count_errors, unit_of

SQL = "SELECT frames FROM $clip WHERE contains($label)"
FRAMES = "SELECT frame, timestamp FROM $clip"
WARM_UP = "SELECT frames FROM $clip WHERE contains($label) AND frame < 8 EXACT"
WARM_UP_CLIP = "tfl_tooley_truck.mp4"
WINDOW_US = 1_000_000


@dataclass(frozen=True)
class Question:
    """Where is `label` in `clip`?"""

    clip: str
    label: str


MODEL = "torchscript:yolov8s_fp16.torchscript"
QUESTIONS = (
    Question("intel_one-by-one-person.mp4", "person"),
    Question("ahmetozlu_road.mp4", "truck"),
    Question("tfl_piccadilly_night_bus.mp4", "bus"),
    Question("bgslibrary_video02.avi", "bus"),
)
ROUNDS = 2
QUICK_MODEL = "onnx:FastestDet.onnx"
QUICK_QUESTIONS = (Question("bgslibrary_video02.avi", "bus"),)
QUICK_THREADS = 1  # a network this small gains nothing from a second one


@dataclass(frozen=True)
class Answer:
    """The rows of one way to answer, and what they cost."""

    table: pa.Table
    profile: Profile
    seconds: float
    cpu_seconds: float  # of all threads of this process: other work on the machine adds little

    def present(self, n_frames: int) -> NDArray[np.bool_]:
        """Whether each frame of the clip is among the rows, bool (n_frames,)."""
        present = np.zeros(n_frames, np.bool_)
        present[self.table["frame"].to_numpy()] = True
        return present

    @property
    def summary(self) -> dict[str, Any]:
        """The plan and its costs as plain data."""
        return {
            "plan": self.profile.plan,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "one_off_seconds": self.profile.one_off_seconds,
        }

    def to_dict(self) -> dict[str, Any]:
        """Costs and profile as plain data, without the paths of this machine."""
        profile = self.profile.to_dict()
        del profile["videos"]
        return self.summary | profile


@dataclass(frozen=True)
class Ways:
    """What both ways to answer have in common."""

    spec: str
    seed: int
    threads: int | None

    def ask(self, question: Question, *, exact: bool) -> Answer:
        """Answers on a new connection, EXACT or within the default bounds."""
        parameters = {"clip": str(clip_path(question.clip)), "label": question.label}
        with vqe.connect(":memory:", seed=self.seed, threads=self.threads, progress=False) as con:
            con.register_model("reference", self.spec)
            # Labels belong to a clip: those of another one tell this question nothing.
            warm_up = parameters | {"clip": str(clip_path(WARM_UP_CLIP))}
            con.sql(WARM_UP, warm_up).to_arrow_table()
            start, cpu_start = time.perf_counter(), time.process_time()
            result = con.sql(f"{SQL} EXACT" if exact else SQL, parameters)
            table = result.to_arrow_table()
            seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
            return Answer(table, result.profile, seconds, cpu_seconds)


def run(*, model: str | None, quick: bool, rounds: int | None, seed: int) -> dict[str, Any]:
    """Asks the questions, both ways each, `rounds` times; the results as plain data."""
    rounds = rounds or (1 if quick else ROUNDS)
    spec = full_spec(model or (QUICK_MODEL if quick else MODEL))
    ways = Ways(spec, seed, threads=QUICK_THREADS if quick else None)
    machine = describe(seed)  # before the work, so that the commit is the one that runs
    return {
        "benchmark": "first",
        "sql": SQL,
        "model": short_spec(spec),
        "threads": ways.threads,
        "rounds": rounds,
        "window_seconds": WINDOW_US / 1_000_000,
        "machine": machine,
        "questions": [
            _both_ways(question, ways, rounds)
            for question in (QUICK_QUESTIONS if quick else QUESTIONS)
        ],
    }


def compare(question: Question, exact: Answer, ours: Answer) -> dict[str, Any]:
    """Costs of both answers, and the errors of `ours` against `exact`."""
    timestamps_us = _timestamps_us(question.clip)
    truth, answer = (each.present(len(timestamps_us)) for each in (exact, ours))
    errors = {
        name: asdict(count_errors(truth, answer, unit_of(timestamps_us, unit_us)))
        for name, unit_us in (("windows", WINDOW_US), ("frames", None))
    }
    return {
        "clip": question.clip,
        "label": question.label,
        "frames": len(timestamps_us),
        "ratio": exact.seconds / ours.seconds,
        "cpu_ratio": exact.cpu_seconds / ours.cpu_seconds,
        "errors": errors,
        "exact": exact.to_dict(),
        "query": ours.to_dict(),
    }


def _both_ways(question: Question, ways: Ways, rounds: int) -> dict[str, Any]:
    before = load()
    runs: dict[bool, list[Answer]] = {True: [], False: []}
    for i in range(2 * rounds):
        # In the order ABBA, so that a drift of the machine favours neither way.
        exact = i % 4 in (0, 3)
        runs[exact].append(ways.ask(question, exact=exact))
        print(_line(question, runs[exact][-1], exact), file=sys.stderr, flush=True)
    exact_answer, ours = (min(runs[exact], key=lambda run: run.seconds) for exact in (True, False))
    return compare(question, exact_answer, ours) | {
        "load_before": before,
        "load_after": load(),
        "exact_runs": [run.summary for run in runs[True]],
        "query_runs": [run.summary for run in runs[False]],
    }


def _line(question: Question, answer: Answer, exact: bool) -> str:
    way = "EXACT" if exact else f"query, {answer.profile.plan}"
    return f"{question.label} in {question.clip}: {way}: {answer.seconds:.1f} s"


def _timestamps_us(clip: str) -> NDArray[np.int64]:
    """Timestamps of all frames of a clip, int64 (N,)."""
    with vqe.connect(":memory:", progress=False) as con:
        table = con.sql(FRAMES, {"clip": str(clip_path(clip))}).to_arrow_table()
    timestamps: NDArray[np.int64] = table["timestamp"].cast(pa.int64()).to_numpy()
    return timestamps
