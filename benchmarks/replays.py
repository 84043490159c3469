"""`python -m benchmarks.run replays`: how often refined answers break their bounds.

Questions are answered over and over from the stored truth of the standard footage: each replay
draws another stretch of the video, and where the grid begins. Key frames of the files decide
neither. The pictures are decoded once, and kept as thumbnails for the proxies.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import repeat
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.footage import Footage
from benchmarks.limits import SHORT_FRAMES, flicker, least_for_frames, least_for_units
from benchmarks.machine import describe
from benchmarks.moments import MODEL
from benchmarks.noscope import FULL
from benchmarks.tables import ABSENT, Results, Rows, made_with
from benchmarks.thumbnails import thumbnails_of
from benchmarks.truth import COMMITTED, Truth, truth_path
from vqe.plan.accuracy import Accuracy
from vqe.planner.frame_refinement import FrameRefinement
from vqe.planner.grid_proxy import GridProxy
from vqe.planner.refine import NotWorthwhileError, refine
from vqe.planner.refinement import WORTHWHILE, Positions, Refinement
from vqe.statistics.units import ErrorCounts, count_errors, unit_of

BOUNDS = (0.01, 0.05)
UNITS_US = (1_000_000, None)
"""Errors count in seconds, and in frames."""
REPLAYS, QUICK_REPLAYS = 100, 2
STRETCH = 5 / 6
"""Part of the footage that a replay is about."""
SPACING = 60
"""Frames between two of the first grid, as between the key frames of the standard footage."""
MOST_BREAKING = 0.2
"""Share of the replays that may break a bound that was only estimated."""


def run(*, quick: bool = False, seed: int = 0) -> Results:
    """All questions of the standard footage at every bound; quickly, without proxies."""
    replays = QUICK_REPLAYS if quick else REPLAYS
    for footage in () if quick else FULL:
        thumbnails_of(footage)  # made once, before the processes need them
    questions = [
        Asked(footage, label, score, bound, unit_us, guessing=not quick and unit_us is not None)
        for unit_us in UNITS_US
        for footage in FULL
        for label, score in ((footage.of.label, None), (footage.of.other, footage.of.other_score))
        for bound in BOUNDS
    ]
    seeds = np.random.SeedSequence(seed).spawn(len(questions))
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        found = pool.map(question, questions, repeat(replays), seeds)
        return {
            "benchmark": "replays",
            "machine": describe(seed),
            "replays": replays,
            "questions": list(found),
        }


@dataclass(frozen=True)
class Asked:
    """A question: a label with at least a score, FNR and FDR within `bound`, in units of video.

    With `guessing` a proxy sees the pictures.
    """

    footage: Footage
    label: str
    score: float | None
    bound: float
    unit_us: int | None
    guessing: bool = False


def question(asked: Asked, replays: int, seed: np.random.SeedSequence) -> Results:
    """Replays of one question."""
    footage, label, score = asked.footage, asked.label, asked.score
    bound, unit_us = asked.bound, asked.unit_us
    rng = np.random.default_rng(seed)
    truth = Truth.read(truth_path(footage, MODEL, COMMITTED), "committed")
    present = truth.present(label, score)
    times_us = np.arange(len(present)) * 1_000_000_000_000 // round(footage.fps * 1_000_000)
    unit = unit_of(times_us, unit_us)
    accuracy = Accuracy(fnr=bound, fdr=bound, unit_us=unit_us)
    stretch = round(STRETCH * len(present))
    thumbnails = thumbnails_of(footage) if asked.guessing else None
    runs = []
    for _ in range(replays):
        start = int(rng.integers(len(present) - stretch + 1))
        part = slice(start, start + stretch)
        phase, seen = int(rng.integers(SPACING)), None if thumbnails is None else thumbnails[part]
        runs.append(replay(present[part], unit[part], accuracy, phase, seen))
    refined = [run for run in runs if run["errors"] is not None]
    errors: list[ErrorCounts] = [run["errors"] for run in refined]
    fnr = np.array([found.fnr or 0.0 for found in errors])
    fdr = np.array([found.fdr or 0.0 for found in errors])
    return {
        "footage": footage.key,
        "label": label,
        "min_score": score,
        "bound": bound,
        "unit_us": unit_us,
        "frames": stretch,
        "presence": float(present.mean()),
        "flicker": flicker(present),
        "least": least_for_frames(present, bound)
        if unit_us is None
        else least_for_units(present, unit, bound),
        "replays": replays,
        "refined": len(refined),
        "asked": _mean([run["asked"] for run in runs]),
        "guessed": _mean([run["guessed"] for run in runs]),
        "breaking": int(((fnr > bound) | (fdr > bound)).sum()),
        "fnr": {"mean": _mean(fnr), "most": float(fnr.max(initial=0))},
        "fdr": {"mean": _mean(fdr), "most": float(fdr.max(initial=0))},
    }


def replay(
    present: NDArray[np.bool_],
    unit: NDArray[np.int64],
    accuracy: Accuracy,
    phase: int,
    thumbnails: NDArray[np.uint8] | None = None,
) -> dict[str, Any]:
    """Refines until the grid is fine enough, as a query does.

    The share of frames asked about, that of the first grid which was guessed, and the errors; None
    where it gives up, and the reference network or a cascade would answer.
    """
    n = len(present)
    grid = np.union1d(np.arange(phase, n, SPACING), [0, n - 1])
    unit = np.unique(unit, return_inverse=True)[1]
    refinement = (
        FrameRefinement(n, grid, seed=phase) if accuracy.unit_us is None else Refinement(unit, grid)
    )

    def label(positions: Positions) -> NDArray[np.bool_]:
        if refinement.asked.sum() + len(positions) > WORTHWHILE * n:
            raise NotWorthwhileError("half of the frames are asked about")
        return present[positions]

    proxy = None
    if thumbnails is not None:
        proxy = GridProxy(refinement, accuracy, label, lambda rows: thumbnails[rows], phase)
    errors: ErrorCounts | None = None
    with suppress(NotWorthwhileError):
        if proxy is not None:
            proxy.rule_out()
        refine(refinement, accuracy, label, proxy)
        errors = count_errors(present, refinement.answers(), unit)
    return {
        "asked": refinement.asked.sum() / n,
        "guessed": refinement.guessed.sum() / len(grid),
        "errors": errors,
    }


def rows(results: Results) -> Rows:
    """A row for each question."""
    return [
        {
            "footage": found["footage"].rpartition("-")[0],
            "object": found["label"]
            + ("" if found["min_score"] is None else f" ≥ {found['min_score']}"),
            "present": f"{found['presence']:.1%}",
            "blips, holes": "{:.1%}, {:.1%}".format(*found["flicker"]),
            "per": _unit(found),
            "bound": f"{found['bound']:.0%}",
            "refined": f"{found['refined']} of {found['replays']}",
            "frames asked about": f"{found['asked']:.1%}",
            "of the grid guessed": f"{found['guessed']:.0%}",
            "limit": f"{found['least']:.1%}",
            "broken": _broken(found),
            "FNR, mean and most": rate_text(found, "fnr", found["refined"]),
            "FDR, mean and most": rate_text(found, "fdr", found["refined"]),
        }
        for found in results["questions"]
    ]


def lines(results: Results) -> list[str]:
    """Which questions break their bounds too often."""
    return [
        f"{found['label']} at {found['bound']:.0%} per {_unit(found)} breaks its bounds in more "
        f"than {MOST_BREAKING:.0%} of the replays"
        for found in results["questions"]
        if found["breaking"] > MOST_BREAKING * found["refined"]
    ] or [f"no question breaks its bounds in more than {MOST_BREAKING:.0%} of the replays"]


def notes(results: Results) -> list[str]:
    """What the figures mean."""
    return [
        "Each replay is about another stretch of five sixths of an hour, on a first grid that "
        "begins at another frame. Where a refinement gives up, the bounds are left to a cascade or "
        "to the reference network; frames asked about until then are counted. Errors are those of "
        "the refined replays, per second of video or per frame, against the stored answers of the "
        "network. Per second, part of the first grid is guessed where a proxy can tell usual "
        "frames from others.",
        f"Blips are frames with the object in runs of at most {SHORT_FRAMES} that stand alone, "
        "holes such without it, both as shares of the frames with it. The limit is what would have "
        "to be asked by one who knows everything else: per second, which seconds have both "
        "answers, and how many such seconds have how many of each, but not which; per frame, "
        "everything but where the blips and holes are.",
        f"{made_with(results['machine'])}. Made by `python -m benchmarks.run replays`.",
    ]


def _unit(found: Results) -> str:
    return "frame" if found["unit_us"] is None else "second"


def _broken(found: Results) -> str:
    return f"{found['breaking']} of {found['refined']}"


def rate_text(found: Results, name: str, replays: int) -> str:
    """The mean and the largest rate of so many replays."""
    if not replays:
        return ABSENT
    return f"{found[name]['mean']:.2%}, {found[name]['most']:.2%}"


def _mean(values: Any) -> float:
    return float(np.mean(values)) if len(values) else 0.0
