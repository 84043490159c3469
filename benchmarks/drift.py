"""`python -m benchmarks.run drift`: does a query keep its bounds where the scene changes?

The camera is jolted, its exposure changes, or the lights go out, for some seconds each time and
only where no frame was labelled: nothing that a cascade was chosen by has seen it. A car on a road
is asked for with loose bounds, which makes a cheap cascade that such changes mislead. Each cascade
answers twice, without watching for drift and with it; beside them what is planned by default, a
refinement where one pays, which asks about frames in all parts of a video.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import vqe
from benchmarks.data import full_spec, short_spec
from benchmarks.drift_footage import KINDS, DisturbedFootage
from benchmarks.footage import make
from benchmarks.machine import describe
from benchmarks.noscope import QUICK_MODEL
from benchmarks.recalled import SECONDS_PER_FRAME, Recalled, recalled
from benchmarks.tables import Results
from benchmarks.truth import truth_of
from vqe.executor.profile import Profile
from vqe.models.load import load_reference
from vqe.models.reference import ReferenceNetwork
from vqe.runtime.context import Context
from vqe.statistics.units import count_errors, unit_of
from vqe.video.index import VideoIndex
from vqe.video.indexing import build_index

BOUND = 0.2
DEFAULT_BOUND = 0.01
LABEL, MIN_SCORE = "car", 0.7
LOOSE = f"FNR WITHIN {BOUND:.0%} FDR WITHIN {BOUND:.0%} PER FRAME"
DEFAULT = f"FNR WITHIN {DEFAULT_BOUND:.0%} FDR WITHIN {DEFAULT_BOUND:.0%} PER INTERVAL '1 second'"
FOOTAGE = DisturbedFootage("truck", 1 / 60, 0.25, height=360)
QUICK = replace(FOOTAGE, height=180)
SEEDS = range(20, 25)
"""Of footage and queries; with others the watch and this benchmark were made."""


def run(*, model: str | None = None, quick: bool = False, seed: int = 0) -> Results:
    """Every kind of disturbance, and none, in several footages."""
    spec = full_spec(model or QUICK_MODEL)
    network = load_reference(spec)
    seeds = [seed + one for one in (SEEDS[:1] if quick else SEEDS)]
    footages = [
        replace(QUICK if quick else FOOTAGE, seed=one, kind=kind, hidden_from=one)
        for one in seeds
        for kind in KINDS
    ]
    return {
        "benchmark": "drift",
        "quick": quick,
        "model": short_spec(spec),
        "label": LABEL,
        "min_score": MIN_SCORE,
        "bound": BOUND,
        "default_bound": DEFAULT_BOUND,
        "seconds_per_frame": SECONDS_PER_FRAME,
        "machine": describe(seed),
        "footages": [ask(footage, network, short_spec(spec)) for footage in footages],
    }


def ask(footage: DisturbedFootage, network: ReferenceNetwork, model: str) -> dict[str, Any]:
    """One footage, asked about in all ways."""
    index = build_index(str(make(footage)), lambda: None)
    truth, _ = truth_of(footage, index, network, model, Context().decode_threads)
    present = truth.present(LABEL, MIN_SCORE)
    memory = recalled(truth, index, network.labels)
    found = {
        "footage": footage.key,
        "kind": footage.kind,
        "seed": footage.seed,
        "frames": len(index),
        "disturbed": sum(stop - start for start, stop in footage.spells),
        "presence": float(present.mean()),
        "answers": {
            **_cascades(footage, index, memory, present),
            "loose": _by_default(footage, index, memory, present, LOOSE),
            "default": _by_default(footage, index, memory, present, DEFAULT),
        },
    }
    print(found, file=sys.stderr, flush=True)
    return found


def _cascades(
    footage: DisturbedFootage, index: VideoIndex, memory: Recalled, present: NDArray[np.bool_]
) -> dict[str, Any]:
    with vqe.connect(device="cpu", fill=False, seed=footage.hidden_from) as connection:
        connection.register_model("network", memory)
        found, profiles = [], []
        for watch in (False, True):  # the second query uses the plan of the first
            connection.sql(f"SET drift = {watch}").to_arrow_table()
            result = connection.sql(_sql(LOOSE), {"video": index.path})
            found.append(_answered(result, present, index.timestamps_us, None))
            profiles.append(result.profile)
    first, second = profiles
    return {"unwatched": found[0], "watched": found[1] | _watch(first, second)}


def _by_default(
    footage: DisturbedFootage,
    index: VideoIndex,
    memory: Recalled,
    present: NDArray[np.bool_],
    bounds: str,
) -> dict[str, Any]:
    with vqe.connect(device="cpu", seed=footage.hidden_from) as connection:
        connection.register_model("network", memory)
        result = connection.sql(_sql(bounds), {"video": index.path})
        unit_us = None if bounds == LOOSE else 1_000_000
        return _answered(result, present, index.timestamps_us, unit_us)


def _sql(bounds: str) -> str:
    seen = f"contains('{LABEL}', min_score => {MIN_SCORE})"
    return f"SELECT frames FROM $video WHERE {seen} {bounds}"


def _answered(
    result: vqe.Result,
    present: NDArray[np.bool_],
    timestamps_us: NDArray[np.int64],
    unit_us: int | None,
) -> dict[str, Any]:
    answer = np.zeros(len(present), np.bool_)
    answer[result.to_arrow_table()["frame"].to_numpy()] = True
    errors = count_errors(present, answer, unit_of(timestamps_us, unit_us))
    return {
        "plan": result.profile.plan,
        "labels": result.profile.reference_calls,
        "errors": {name: getattr(errors, name) for name in errors.__dataclass_fields__},
    }


def _watch(first: Profile, second: Profile) -> dict[str, Any]:
    """What watching took, and found; `waste`: its labels at their price and its looks, as a share
    of all labels and the steps of the scan without it, but not of training and the search."""
    stage = first.stages[-1]
    price = stage.seconds / max(stage.frames_in, 1)
    labels = sum(video.watch_labels for video in second.videos)
    seconds = sum(video.watch_seconds for video in second.videos)
    run = first.labels_to_plan * price + sum(step.seconds for step in first.stages)
    spans = [span for video in second.videos for span in video.drift]
    return {
        "labels": first.reference_calls + second.reference_calls,
        "checked": labels,
        "corrected": sum(span.wrong for span in spans),
        "spans": [str(span) for span in spans],
        "plans": len(second.videos),
        "waste": (labels * price + seconds) / run,
    }
