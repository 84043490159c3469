"""`python -m benchmarks.run drift`: does a query keep its bounds where the scene changes?

The camera is jolted, its exposure changes, or the lights go out, for some seconds each time and
only where no frame was labelled: nothing that a cascade was chosen by has seen it. What is labelled
depends on what the labels say, so the same cascade is planned on the undisturbed footage first, and
disturbances keep off all that it took there. How many portions of labels it takes depends on
measured seconds as well: these plans get no more than PORTIONS, the disturbed footage's too, which
leaves enough of it unlabelled. What they see of the disturbances all the same is told.

The question has loose bounds, which makes a cheap cascade that such changes mislead. Each cascade
answers twice, without watching for drift and with it; beside them what is planned by default, a
refinement where one pays, which asks about frames in all parts of a video.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

import vqe
from benchmarks.data import full_spec, short_spec
from benchmarks.drift_footage import KINDS, DisturbedFootage, unlabelled
from benchmarks.footage import make
from benchmarks.machine import describe
from benchmarks.noscope import QUICK_MODEL
from benchmarks.recalled import SECONDS_PER_FRAME, Recalled, recalled
from benchmarks.tables import Results
from benchmarks.truth import truth_of
from vqe.executor.profile import Profile
from vqe.models.load import load_reference
from vqe.models.reference import ReferenceNetwork
from vqe.planner import cascade
from vqe.planner.sampling import draw_portions
from vqe.runtime.context import Context
from vqe.statistics.units import count_errors, unit_of
from vqe.video.index import VideoIndex
from vqe.video.indexing import build_index

BOUND = 0.2
DEFAULT_BOUND = 0.01
LABEL, MIN_SCORE = "car", 0.7
LOOSE = f"FNR WITHIN {BOUND:.0%} FDR WITHIN {BOUND:.0%} PER FRAME"
DEFAULT = f"FNR WITHIN {DEFAULT_BOUND:.0%} FDR WITHIN {DEFAULT_BOUND:.0%} PER INTERVAL '1 second'"
FOOTAGE = DisturbedFootage("truck", 1 / 20, 0.12, height=360)
QUICK = replace(FOOTAGE, hours=1 / 60, height=180)
SEEDS = range(20, 25)
"""Of footage and queries; with others the watch and this benchmark were made."""
PORTIONS = 2
"""Half of the usual sample: so many the undisturbed footage takes by itself."""


@dataclass(frozen=True)
class Known:
    """A footage of N frames, and what the network sees in it: `present`, bool (N,)."""

    footage: DisturbedFootage
    index: VideoIndex
    memory: Recalled
    present: NDArray[np.bool_]


def run(*, model: str | None = None, quick: bool = False, seed: int = 0) -> Results:
    """Every kind of disturbance, and none, in several footages."""
    spec = full_spec(model or QUICK_MODEL)
    network = load_reference(spec)
    found = []
    for one in SEEDS[:1] if quick else SEEDS:
        calm = known(replace(QUICK if quick else FOOTAGE, seed=seed + one), network, spec)
        spells = unlabelled(calm.index, labelled(calm))
        found.append(ask(calm))
        for kind in [kind for kind in KINDS if kind != calm.footage.kind]:
            disturbed = replace(calm.footage, kind=kind, spells=spells)
            found.append(ask(known(disturbed, network, spec)))
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
        "footages": found,
    }


def known(footage: DisturbedFootage, network: ReferenceNetwork, spec: str) -> Known:
    """A footage with all answers, made unless they are kept from before."""
    index = build_index(str(make(footage)), lambda: None)
    truth, _ = truth_of(footage, index, network, short_spec(spec), Context().decode_threads)
    memory = recalled(truth, index, network.labels)
    return Known(footage, index, memory, truth.present(LABEL, MIN_SCORE))


def labelled(calm: Known) -> NDArray[np.int64]:
    """The frames that a plan labels, int64 ascending."""
    with _connection(calm, fill=False) as connection:
        return _plan(calm, connection)


def ask(known: Known) -> dict[str, Any]:
    """One footage, asked about in all ways."""
    footage = known.footage
    found = {
        "footage": footage.key,
        "kind": footage.kind,
        "seed": footage.seed,
        "frames": len(known.index),
        "spells": len(footage.spells),
        "disturbed": sum(stop - start for start, stop in footage.spells),
        "presence": float(known.present.mean()),
        "answers": {
            **_cascades(known),
            "loose": _by_default(known, LOOSE),
            "default": _by_default(known, DEFAULT),
        },
    }
    print(found, file=sys.stderr, flush=True)
    return found


def _cascades(known: Known) -> dict[str, Any]:
    with _connection(known, fill=False) as connection:
        to_plan = _plan(known, connection)
        found, profiles = [], []
        for watch in (False, True):  # both by that plan
            connection.sql(f"SET drift = {watch}").to_arrow_table()
            result = connection.sql(_sql(LOOSE), {"video": known.index.path})
            found.append(_answered(result, known, None))
            profiles.append(result.profile)
    unwatched, watched = found
    unwatched["labels"] += len(to_plan)
    plan = {"labels_to_plan": len(to_plan), "disturbed": known.footage.inside(to_plan)}
    noticed = _watch(len(to_plan), *profiles)
    return {"unwatched": unwatched | plan, "watched": watched | noticed}


def _plan(known: Known, connection: vqe.Connection) -> NDArray[np.int64]:
    """Makes the plan of a cascade, and returns the frames that it labels, int64 ascending."""

    def few(*about: Any) -> Any:
        return islice(draw_portions(*about), PORTIONS)

    start = len(known.memory.asked)
    with patch.object(cascade, "draw_portions", few):
        sql = f"ANALYZE VIDEO $video FOR {_seen()} {LOOSE}"
        connection.sql(sql, {"video": known.index.path}).to_arrow_table()
    return known.memory.asked_about(slice(start, None))


def _by_default(known: Known, bounds: str) -> dict[str, Any]:
    with _connection(known) as connection:
        result = connection.sql(_sql(bounds), {"video": known.index.path})
        return _answered(result, known, None if bounds == LOOSE else 1_000_000)


def _connection(known: Known, *, fill: bool = True) -> vqe.Connection:
    connection = vqe.connect(":memory:", device="cpu", fill=fill, seed=known.footage.seed)
    connection.register_model("network", known.memory)
    return connection


def _seen() -> str:
    return f"contains('{LABEL}', min_score => {MIN_SCORE})"


def _sql(bounds: str) -> str:
    return f"SELECT frames FROM $video WHERE {_seen()} {bounds}"


def _answered(result: vqe.Result, known: Known, unit_us: int | None) -> dict[str, Any]:
    answer = np.zeros(len(known.present), np.bool_)
    answer[result.to_arrow_table()["frame"].to_numpy()] = True
    units = unit_of(known.index.timestamps_us, unit_us)
    errors = count_errors(known.present, answer, units)
    return {
        "plan": result.profile.plan,
        "labels": result.profile.reference_calls,
        "errors": {name: getattr(errors, name) for name in errors.__dataclass_fields__},
    }


def _watch(to_plan: int, first: Profile, second: Profile) -> dict[str, Any]:
    """What watching took, and found; `waste`: its labels at their price and its looks, as a share
    of all labels and the steps of the scan without it, but not of training and the search."""
    stage = first.stages[-1]
    price = stage.seconds / max(stage.frames_in, 1)
    labels = sum(video.watch_labels for video in second.videos)
    seconds = sum(video.watch_seconds for video in second.videos)
    run = to_plan * price + sum(step.seconds for step in first.stages)
    spans = [span for video in second.videos for span in video.drift]
    return {
        "labels": to_plan + first.reference_calls + second.reference_calls,
        "checked": labels,
        "corrected": sum(span.wrong for span in spans),
        "spans": [str(span) for span in spans],
        "plans": len(second.videos),
        "waste": (labels * price + seconds) / run,
    }
