"""`python -m benchmarks.run drift`: does a cascade keep its bounds where the scene changes?

The camera is jolted, its exposure changes, or the lights go out, for some seconds each time and
only where no frame was labelled: nothing that a plan was chosen by has seen it. A car on a road is
asked for with loose bounds, which makes a cheap cascade that such changes mislead. Each plan
answers twice, without watching for drift and with it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

import vqe
from benchmarks.data import full_spec, short_spec
from benchmarks.footage import Footage, make
from benchmarks.machine import describe
from benchmarks.noscope import QUICK_MODEL
from benchmarks.tables import Results, Rows, made_with, rate
from benchmarks.timeline import EXPOSURE_STEP, JOLT_ROWS, LIGHTS_OFF, Timeline
from benchmarks.truth import truth_of
from vqe.executor.profile import Profile
from vqe.models.load import load_reference
from vqe.planner.sampling import draw_blocks
from vqe.runtime.context import Context
from vqe.statistics.units import ErrorCounts, count_errors
from vqe.video.decode_plan import spans_of
from vqe.video.indexing import build_index

KINDS = {
    "none": "undisturbed",
    "exposure": "exposure step",
    "lights": "lights off",
    "jolts": "camera jolted",
}
BOUND = 0.2
LABEL, MIN_SCORE = "car", 0.7
SQL = (
    "SELECT frames FROM $video WHERE contains($label, min_score => $score) "
    f"FNR WITHIN {BOUND:.0%} FDR WITHIN {BOUND:.0%} PER FRAME"
)
CALM = Footage("truck", 3 / 60, 0.25, height=360, seed=5)
QUICK = Footage("truck", 1 / 60, 0.25, height=180, seed=5)
LEAST_SPELL_SECONDS = 1.5
EVERY = {"jolts": 1, "exposure": 2, "lights": 2}
"""Of the spans without labels every so manieth is disturbed: a jolt misleads less than darkness."""
JOLT = 12, -12
"""Pixels of 720p to the right and down: as far as the generator's jolts go."""
MOST_WASTE = 0.02
"""Share of an undisturbed run that false alarms may take."""


@dataclass(frozen=True)
class DisturbedFootage(Footage):
    """Footage with spells of one kind of disturbance, only where queries with seed `hidden_from`
    and errors per frame label nothing."""

    kind: str = "none"
    hidden_from: int = 0

    @cached_property
    def timeline(self) -> Timeline:
        """What is to be seen when, the disturbances among it."""
        calm = self._calm
        if self.kind == "none":
            return calm.timeline
        spells = unlabelled(calm, self.hidden_from)[:: EVERY[self.kind]]
        return disturbed(calm.timeline, spells, self.kind, self.height)

    @property
    def _calm(self) -> Footage:
        return replace(CALM, hours=self.hours, height=self.height, seed=self.seed)


def unlabelled(footage: Footage, seed: int) -> list[tuple[int, int]]:
    """Spans of frames between the blocks that a query labels, the long ones."""
    index = build_index(str(make(footage)), lambda: None)
    free = np.ones(len(index), np.bool_)
    for block in draw_blocks(index, np.arange(len(index)), None, seed):
        free[block.ordinals[0] : block.ordinals[-1] + 1] = False
    least = LEAST_SPELL_SECONDS * footage.fps
    return [span for span in spans_of(np.flatnonzero(free)) if span[1] - span[0] >= least]


def disturbed(timeline: Timeline, spells: list[tuple[int, int]], kind: str, rows: int) -> Timeline:
    """The time line with a disturbance in each span of frames, as strong as the generator's are."""
    light, shift = timeline.light.copy(), timeline.shift.copy()
    for start, stop in spells:
        match kind:
            case "lights":
                light[start:stop] *= LIGHTS_OFF
            case "exposure":
                light[start:stop] *= 1 - EXPOSURE_STEP
            case "jolts":
                away = np.array(JOLT) * rows / JOLT_ROWS
                shift[start:stop] += 2 * np.rint(away / 2).astype(np.int64)
            case _:
                raise ValueError(f"no disturbance {kind!r}: there are {', '.join(EVERY)}")
    return replace(timeline, light=light, shift=shift)


def run(*, model: str | None = None, quick: bool = False, seed: int = 0) -> Results:
    """Every kind of disturbance, and none."""
    spec = full_spec(model or QUICK_MODEL)
    calm = QUICK if quick else CALM
    return {
        "benchmark": "drift",
        "quick": quick,
        "model": short_spec(spec),
        "label": LABEL,
        "min_score": MIN_SCORE,
        "bound": BOUND,
        "machine": describe(seed),
        "footages": [ask(calm, kind, spec, seed) for kind in KINDS],
    }


def ask(calm: Footage, kind: str, spec: str, seed: int) -> dict[str, Any]:
    """One footage with one kind of disturbance, asked about without the watch and with it."""
    parameters = {name: getattr(calm, name) for name in calm.__dataclass_fields__}
    footage = DisturbedFootage(**parameters, kind=kind, hidden_from=seed)
    video = str(make(footage))
    index = build_index(video, lambda: None)
    network = load_reference(spec)
    truth, _ = truth_of(footage, index, network, short_spec(spec), Context().decode_threads)
    present = truth.present(LABEL, MIN_SCORE)
    with vqe.connect(device="cpu", fill=False, seed=seed) as connection:
        connection.register_model("network", spec)
        asked = {"video": video, "label": LABEL, "score": MIN_SCORE}
        answers, profiles = [], []
        for watch in (False, True):  # the second query uses the plan of the first
            connection.sql(f"SET drift = {watch}").to_arrow_table()
            result = connection.sql(SQL, asked)
            answers.append(_answer(result, len(index)))
            profiles.append(result.profile)
    first, second = profiles
    spells = [] if kind == "none" else unlabelled(calm, seed)[:: EVERY[kind]]
    found = {
        "footage": footage.key,
        "kind": kind,
        "frames": len(index),
        "disturbed": sum(stop - start for start, stop in spells),
        "presence": float(present.mean()),
        "plan": first.plan,
        "errors": [_counts(present, answer) for answer in answers],
        "run": _plain(first) | {"labels_to_plan": first.labels_to_plan},
        "watch": _watch(second),
        "waste": _waste(first, second),
    }
    print(found, file=sys.stderr, flush=True)
    return found


def _answer(result: vqe.Result, frames: int) -> NDArray[np.bool_]:
    answer = np.zeros(frames, np.bool_)
    answer[result.to_arrow_table()["frame"].to_numpy()] = True
    return answer


def _counts(present: NDArray[np.bool_], answer: NDArray[np.bool_]) -> dict[str, int]:
    errors = count_errors(present, answer, np.arange(len(present)))
    return {name: getattr(errors, name) for name in errors.__dataclass_fields__}


def _plain(profile: Profile) -> dict[str, Any]:
    return {"seconds": profile.wall_seconds, "labels": profile.reference_calls}


def _watch(profile: Profile) -> dict[str, Any]:
    """What watching took, and found."""
    (video,) = profile.videos
    return {
        "labels": video.watch_labels,
        "seconds": video.watch_seconds,
        "strange": sum(span.frames for span in video.drift),
        "corrected": sum(span.wrong for span in video.drift),
        "spans": [str(span) for span in video.drift],
    }


def _waste(first: Profile, second: Profile) -> float:
    """What watching adds to a run, as a share of it: its labels at their price and its looks.

    Of the run count the labels and the steps of the scan, but not training and the search.
    """
    stage = first.stages[-1]
    price = stage.seconds / max(stage.frames_in, 1)
    (video,) = second.videos
    run = first.labels_to_plan * price + sum(step.seconds for step in first.stages)
    return (video.watch_labels * price + video.watch_seconds) / run


def rows(results: Results) -> Rows:
    """A row for each kind of disturbance."""
    return [
        {
            "disturbance": KINDS[found["kind"]],
            "frames": f"{found['frames']:,}",
            "disturbed": f"{found['disturbed'] / found['frames']:.0%}",
            "plan": found["plan"],
            "FNR without": _rate(found, 0, "fnr"),
            "FDR without": _rate(found, 0, "fdr"),
            "FNR with": _rate(found, 1, "fnr"),
            "FDR with": _rate(found, 1, "fdr"),
            "checked": f"{found['watch']['labels']:,}",
            "corrected": f"{found['watch']['corrected']:,}",
            "of the run": f"{found['waste']:.1%}",
        }
        for found in results["footages"]
    ]


def lines(results: Results) -> list[str]:
    """Whether the watch keeps what it promises."""
    found = []
    for footage in results["footages"]:
        broken = [_breaks(ErrorCounts(**errors), results["bound"]) for errors in footage["errors"]]
        said = {True: "broken", False: "kept"}
        line = f"{KINDS[footage['kind']]}: the bounds are {said[broken[0]]} without the watch"
        line += f" and {said[broken[1]]} with it"
        if footage["kind"] == "none":
            within = footage["waste"] <= MOST_WASTE
            line += f"; false alarms take {footage['waste']:.1%} of the run, "
            line += f"{'no more than' if within else 'MORE THAN'} {MOST_WASTE:.0%}"
        found.append(line)
    return found


def notes(results: Results) -> list[str]:
    """What the figures mean."""
    return [
        f"The question is {results['label']} with a score of {results['min_score']} at least, FNR "
        f"and FDR within {results['bound']:.0%} per frame, with `fill = false`; errors are counted "
        f"against all answers of `{results['model']}`, on the footage as it was disturbed. Without "
        "and with: the setting `drift`, for one plan. Checked are frames that looked like nothing "
        "labelled before and were shown to the reference network; of the run is what they and the "
        "looks at all frames take, beside all labels and the scan, without training and the "
        "search; a label counts what the network took for one in the scan.",
        f"{made_with(results['machine'])}. Made by `python -m benchmarks.run drift`.",
    ]


def _breaks(errors: ErrorCounts, bound: float) -> bool:
    return (errors.fnr or 0.0) > bound or (errors.fdr or 0.0) > bound


def _rate(found: dict[str, Any], which: int, name: str) -> str:
    errors = ErrorCounts(**found["errors"][which])
    if name == "fnr":
        return rate(errors.fnr, errors.false_negatives, errors.positives)
    returned = errors.true_positives + errors.false_positives
    return rate(errors.fdr, errors.false_positives, returned)
