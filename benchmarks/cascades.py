"""`python -m benchmarks.run cascades`: how often cascades break their bounds, and what they cost.

Questions are answered over and over from the stored truth and the thumbnails of the standard
footage. Each replay is about another stretch of the video and draws other blocks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from multiprocessing import get_context

import numpy as np

from benchmarks.cascade_replays import (
    REFERENCE_SECONDS,
    replay,
    seconds_without,
    train_group,
)
from benchmarks.footage import Footage
from benchmarks.machine import describe
from benchmarks.moments import MODEL
from benchmarks.noscope import FULL
from benchmarks.replays import MOST_BREAKING, STRETCH, rate_text
from benchmarks.stored_frames import stored
from benchmarks.tables import ABSENT, Results, Rows, made_with
from benchmarks.thumbnails import thumbnails_of
from benchmarks.truth import COMMITTED, Truth, truth_path
from vqe.plan.accuracy import Accuracy

BOUNDS = 0.01, 0.05
REPLAYS = 60
GROUPS, QUICK_GROUPS = 5, 1
"""Samples that are trained on, each about another stretch of the video: the replays share them."""
PROCESSES = 2


@dataclass(frozen=True)
class Asked:
    """A question: a label with at least a score, FNR and FDR within each of BOUNDS, per second."""

    footage: Footage
    label: str
    score: float | None


def questions(footages: Sequence[Footage]) -> list[Asked]:
    """Both questions about each footage."""
    return [
        Asked(footage, label, score)
        for footage in footages
        for label, score in ((footage.of.label, None), (footage.of.other, footage.of.other_score))
    ]


def run(*, quick: bool = False, seed: int = 0) -> Results:
    """All questions of the standard footage."""
    asked, groups = questions(FULL), QUICK_GROUPS if quick else GROUPS
    replays = REPLAYS * groups // GROUPS
    for footage in FULL:
        thumbnails_of(footage)  # made once, before the processes need them
    seeds = np.random.SeedSequence(seed).spawn(len(asked))
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        return {
            "benchmark": "cascades",
            "machine": describe(seed),
            "questions": [
                found
                for both in pool.map(question, asked, repeat(replays), repeat(groups), seeds)
                for found in both
            ],
        }


def question(
    asked: Asked, replays: int, groups: int, seed: np.random.SeedSequence
) -> list[Results]:
    """Replays of one question, with each of the bounds: the same samples, the same draws."""
    footage = asked.footage
    truth = Truth.read(truth_path(footage, MODEL, COMMITTED), "committed")
    present = truth.present(asked.label, asked.score)
    thumbnails = thumbnails_of(footage)
    rng, stretch = np.random.default_rng(seed), round(STRETCH * len(present))
    runs: dict[float, list[Results]] = {bound: [] for bound in BOUNDS}
    for _ in range(groups):
        start = int(rng.integers(len(present) - stretch + 1))
        part = slice(start, start + stretch)
        frames = stored(thumbnails[part], present[part], footage.fps)
        group = train_group(frames, Accuracy(fnr=BOUNDS[0]), int(rng.integers(2**31)))
        for draw in rng.integers(2**31, size=replays // groups).tolist():
            for bound in BOUNDS:
                runs[bound].append(replay(group, Accuracy(fnr=bound, fdr=bound), draw))
    about = {
        "footage": footage.key,
        "label": asked.label,
        "min_score": asked.score,
        "frames": stretch,
        "presence": float(present.mean()),
        "replays": replays,
    }
    return [about | {"bound": bound} | summary(runs[bound], bound) for bound in BOUNDS]


def summary(runs: Sequence[Results], bound: float) -> Results:
    """What the replays of a question have in common; errors are those of the cascades."""
    cascades = [run for run in runs if run["errors"] is not None]
    errors = [run["errors"] for run in cascades]
    rates = {"fnr": [e.fnr or 0.0 for e in errors], "fdr": [e.fdr or 0.0 for e in errors]}
    worst = np.maximum(rates["fnr"], rates["fdr"])
    link = np.array([run["link"] for run in cascades], np.bool_)
    linked = [run["linked"] for run in cascades if run["link"]]
    means = ("portions", "labels", "asked", "seconds")
    return (
        {
            "plans": dict(Counter(run["plan"] for run in runs).most_common()),
            "cascades": len(errors),
            "breaking": int((worst > bound).sum()),
            "excess": float(worst[worst > bound].mean()) if (worst > bound).any() else 0.0,
            "with_link": len(linked),
            "breaking_with_link": int((worst[link] > bound).sum()),
            "linked": float(np.mean(linked)) if linked else 0.0,
        }
        | {
            name: {"mean": float(np.mean(found)) if found else 0.0, "most": max(found, default=0.0)}
            for name, found in rates.items()
        }
        | {name: float(np.mean([run[name] for run in runs])) for name in means}
    )


def rows(results: Results) -> Rows:
    """A row for each question."""
    return [
        {
            "footage": found["footage"].rpartition("-")[0],
            "object": found["label"]
            + ("" if found["min_score"] is None else f" ≥ {found['min_score']}"),
            "present": f"{found['presence']:.1%}",
            "bound": f"{found['bound']:.0%}",
            "cascades": f"{found['cascades']} of {found['replays']}",
            "portions": f"{found['portions']:.1f}",
            "labelled": f"{found['labels']:.1%}",
            "asked in the scan": f"{found['asked']:.1%}",
            "in all": f"{found['seconds']:,.0f} s",
            "without": f"{seconds_without(found['frames']):,.0f} s",
            "broken": f"{found['breaking']} of {found['cascades']}",
            "the broken, mean": f"{found['excess']:.2%}" if found["breaking"] else ABSENT,
            **_link_columns(found),
            "FNR, mean and most": rate_text(found, "fnr", found["cascades"]),
            "FDR, mean and most": rate_text(found, "fdr", found["cascades"]),
        }
        for found in results["questions"]
    ]


def _link_columns(found: Results) -> dict[str, str]:
    """How many of the cascades have a link, what it answers, and how many of these broke bounds."""
    names = "with a link", "linked by it", "of these broken"
    n, share = found["with_link"], found["linked"]
    told = f"{n} of {found['cascades']}", f"{share:.1%}", f"{found['breaking_with_link']} of {n}"
    return dict(zip(names, told if n else (told[0], ABSENT, ABSENT), strict=True))


def lines(results: Results) -> list[str]:
    """Which questions break their bounds too often."""
    return [
        f"{found['label']} in {found['footage'].rpartition('-')[0]} breaks bounds of "
        f"{found['bound']:.0%} in more than {MOST_BREAKING:.0%} of the {which}"
        for found in results["questions"]
        for breaking, of, which in (
            (found["breaking"], found["cascades"], "cascades"),
            (found["breaking_with_link"], found["with_link"], "cascades with a link"),
        )
        if breaking > MOST_BREAKING * of
    ] or [f"no question breaks bounds in more than {MOST_BREAKING:.0%} of the cascades"]


def notes(results: Results) -> list[str]:
    """What the figures mean."""
    return [
        "Each replay draws other blocks for thresholds, portion after portion, by the planner's "
        "own code, for bounds on the FNR and the FDR per second. Training would take too long: "
        f"{GROUPS} samples, each of another stretch of five sixths of an hour, are trained on for "
        "all replays of a question, on 12·√N labels. Pictures are thumbnails of 32 × 32 pixels, "
        "for the difference detectors as well, and of the specialized models those that need no "
        "more. Labelled, asked and linked are shares of all frames, the last of them in plans with "
        "a link; the others are answered by the stages before it. "
        "Where none came out, the reference network answers every frame, and nothing goes wrong.",
        f"In all, and without a cascade, are seconds by the cost model, at {REFERENCE_SECONDS} s "
        "for a frame by the reference network, with as much training for every portion as was "
        "measured for the sample. The mean of the broken is that of the larger of both rates.",
        f"{made_with(results['machine'])}. Made by `python -m benchmarks.run cascades`.",
    ]
