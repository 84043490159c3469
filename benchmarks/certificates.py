"""`python -m benchmarks.run certificates`: how often they are given, are wrong, and what they cost.

Each replay tunes the thresholds of three plans on units of its own, freezes them, draws further
units by chance and certifies FNR and FDR at 95 %. In the adversarial cells plans are given that lie
just above a bound: there, a test that promises too much is found out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from benchmarks.certificate_replays import (
    CONFIDENCE,
    DELTA,
    Decide,
    Outcome,
    Replays,
    broken,
    decide_in_sequence,
)
from benchmarks.machine import describe
from benchmarks.score_populations import SEPARATION, Population, choose_plans, make_population
from benchmarks.tables import ABSENT, Results, Rows, made_with
from vqe.statistics.certificate import least_draws, proved

REPLAYS, QUICK_REPLAYS = 2_000, 20
"""Of each cell."""
SORTS = ("cells", "overreaching", "adversarial")
HOURS = (1, 24)
PRESENCES = (0.005, 0.01, 0.1, 0.5)
BOUNDS = (0.01, 0.05, 0.1)
MARGINS = (1 / 40, 1 / 10, 1 / 2)
"""The plans' shares of a bound, as the tuning sample has it: most conservative first."""
OVERREACHING, CLOSE = (1.1,), 2.0
"""Margin and separation of the scores in cells whose one plan breaks a bound by a little."""
TUNING_SHARE = 1 / 24
BUDGET_SHARE = 1 / 2
"""Where a certificate needs more of the units than this, EXACT is the better answer."""
MOST_FLOORS = 4
LOOKS_APART = 1.01
ADVERSARIES: dict[str, tuple[tuple[float, float], ...]] = {
    "FNR": ((1.0, 0.0),),
    "FDR": ((0.0, 1.0),),
    "both": ((1.0, 1.0),),
    "by half": ((1.5, 1.5),),
    "second plan": ((0.0, 0.0), (1.0, 0.0)),
    "each plan": ((1.0, 0.0), (1.1, 0.0), (1.3, 1.0)),
}
"""Plans by their misses and false units, as multiples of the least number that breaks the bound."""


def run(*, quick: bool = False, seed: int = 0, replays: int | None = None) -> Results:
    """All cells; with `quick`, two of each sort, and few replays."""
    replays = replays or (QUICK_REPLAYS if quick else REPLAYS)
    cells = list(product(HOURS, (False, True), PRESENCES, BOUNDS))
    reaching = list(product((24,), (False, True), PRESENCES[2:], BOUNDS))
    adversaries = list(product(ADVERSARIES, PRESENCES, BOUNDS))
    if quick:
        cells, reaching, adversaries = [cells[8], cells[-1]], reaching[-1:], adversaries[7:9]
    rng = np.random.default_rng(seed)
    return {
        "benchmark": "certificates",
        "machine": describe(seed),
        "confidence": CONFIDENCE,
        "cells": [score_cell(*cell, replays=replays, rng=rng) for cell in cells],
        "adversarial": [adversarial_cell(*cell, replays=replays, rng=rng) for cell in adversaries],
        "overreaching": [
            score_cell(*cell, replays=replays, rng=rng, overreaching=True) for cell in reaching
        ],
    }


def score_cell(
    hours: int,
    bursty: bool,
    presence: float,
    bound: float,
    *,
    replays: int,
    rng: np.random.Generator,
    overreaching: bool = False,
) -> Results:
    """Plans that each replay tunes for itself, on a population of units of a second."""
    units = 3_600 * hours
    margins, separation = (OVERREACHING, CLOSE) if overreaching else (MARGINS, SEPARATION)
    population = make_population(units, presence, bursty=bursty, separation=separation, rng=rng)
    positives = int(population.truth.sum())
    floor = _floor(bound, units, positives)
    looks = _looks(floor, min(int(BUDGET_SHARE * units), MOST_FLOORS * floor))
    drawn = Replays.empty(replays, len(margins), looks)
    for replay in range(replays):
        _tune_and_draw(drawn, replay, population, bound, margins=margins, rng=rng)
    outcome = decide_in_sequence(drawn, bound)
    told = _summary(drawn, outcome, bound, positives=positives, floor=floor, plan=0)
    return told | {
        "hours": hours,
        "pattern": "bursty" if bursty else "calm",
        "presence": presence,
        "bound": bound,
        "units": units,
        "clear": _clear_share(drawn, bound, positives),
    }


def adversarial_cell(
    name: str,
    presence: float,
    bound: float,
    *,
    replays: int,
    rng: np.random.Generator,
    decide: Decide = proved,
) -> Results:
    """Plans that are given, in an hour of units of a second, all of which may be drawn.

    `decide` may stand in for `proved`, to see that this cell can fail.
    """
    units, positives = 3_600, round(3_600 * presence)
    least = math.floor(bound * positives + 1e-9) + 1
    truth = np.arange(units) < positives
    answers = []
    for missed, false in ADVERSARIES[name]:
        absent = np.arange(units) >= positives
        absent[: min(positives, math.ceil(missed * least))] = True
        # Among returned units f are false: f > bound · (hits + f).
        hits = int((truth & ~absent).sum())
        wrong = math.ceil(false * (math.floor(bound * hits / (1 - bound) + 1e-9) + 1))
        absent[positives : positives + wrong] = False
        answers.append((absent, ~absent))
    floor = _floor(bound, units, positives)
    drawn = Replays.empty(replays, len(answers), _looks(floor, units))
    for replay in range(replays):
        order = rng.permutation(units)
        drawn.record(replay, truth[order], [(a[order], p[order]) for a, p in answers])
    outcome = decide_in_sequence(drawn, bound, decide=decide, only_while_broken=positives)
    last = len(answers) - 1
    told = _summary(drawn, outcome, bound, positives=positives, floor=floor, plan=last)
    return told | {
        "adversary": name,
        "presence": presence,
        "bound": bound,
        "units": units,
    }


def tables(results: Results) -> tuple[Rows, ...]:
    """One for each sort of cells."""
    return (
        [_scores_row(cell) for cell in results["cells"]],
        [_scores_row(cell) for cell in results["overreaching"]],
        [{"adversary": cell["adversary"], **_common(cell)} for cell in results["adversarial"]],
    )


def lines(results: Results) -> list[str]:
    """The cells that fail."""
    cells = [cell for sort in SORTS for cell in results[sort]]
    failing = sum(cell["broken"] > cell["may_break"] for cell in cells)
    most = max(cell["broken"] for cell in cells)
    return [
        f"{failing} of {len(cells)} cells fail; in the worst, {most} of {cells[0]['replays']:,} "
        f"certificates are wrong, where {cells[0]['may_break']} may be"
    ]


def notes(results: Results) -> list[str]:
    """What the figures mean."""
    return [
        "First table: each replay tunes three plans on a twenty-fourth of the units, freezes them, "
        "and draws others to certify them. Second table: plans tuned to break a bound by a little. "
        "Third table: given plans that break a bound by the least there is.",
        "Own rates are medians of a plan's answers before any correction: of the most conservative "
        "plan, in the third table of the last one. In that share of the replays they break a bound "
        "alone, or are clear of it: neither is above a tenth of it. Labels are those of the first "
        "certificate and of the one used, over the floor of the units left to draw from. A cell "
        "fails where so many certificates are wrong that p < 0.001 at a true 5 %.",
        f"{made_with(results['machine'])}. Made by `python -m benchmarks.run certificates`.",
    ]


def _scores_row(cell: Results) -> dict[str, str]:
    return {
        "hours": str(cell["hours"]),
        "pattern": cell["pattern"],
        **_common(cell),
        "breaks alone": ABSENT if cell["own_fnr"] is None else f"{cell['breaks_alone']:.0%}",
        "clear": f"{cell['clear']:.0%}",
        "certified": f"{cell['certified']:.1%}",
        "labels ÷ floor": _ratio(cell["labels_over_floor"]),
        "with cheaper plans": _ratio(cell["labels_over_floor_last"]),
        "plans used": " / ".join(f"{share:.0%}" for share in cell["plans_used"]),
    }


def _common(cell: Results) -> dict[str, str]:
    own = ABSENT
    if cell["own_fnr"] is not None:
        own = f"{cell['own_fnr']:.2%} / {cell['own_fdr']:.2%}"
    fails = " FAILS" if cell["broken"] > cell["may_break"] else ""
    return {
        "units": f"{cell['units']:,}",
        "presence": f"{cell['presence']:.1%}",
        "positives": f"{cell['positives']:,}",
        "bound": f"{cell['bound']:.0%}",
        "floor": f"{cell['floor']:,} ({cell['floor'] / cell['units']:.1%})",
        "own FNR / FDR": own,
        "broken": f"{cell['broken']} of {cell['replays']:,}{fails}",
    }


def most_broken(replays: int) -> int:
    """How many of `replays` may break a bound that holds with 95 %: more have p < 0.001.

    By the binomial distribution.
    """
    tail, broken = 1.0, -1
    while tail >= 0.001:
        broken += 1
        tail -= math.exp(
            math.lgamma(replays + 1)
            - math.lgamma(broken + 1)
            - math.lgamma(replays - broken + 1)
            + broken * math.log(DELTA)
            + (replays - broken) * math.log(CONFIDENCE)
        )
    return broken


def _tune_and_draw(
    drawn: Replays,
    replay: int,
    population: Population,
    bound: float,
    *,
    margins: Sequence[float],
    rng: np.random.Generator,
) -> None:
    """Tunes, freezes, and draws in an order of its own; nothing where EXACT is foreseen."""
    units = len(population.truth)
    order = rng.permutation(units)
    truth, score = population.truth[order], population.score[order]
    n = round(TUNING_SHARE * units)
    plans = choose_plans(truth[:n], score[:n], bound, margins)
    foreseen = _floor(bound, units - n, round(truth[:n].mean() * units))
    if not plans or foreseen > BUDGET_SHARE * units:
        return
    # What the cheapest plan asks about every plan does: it is known before the first draw.
    absent, present = plans[-1].answers(score)
    known = ~(absent | present)
    known[:n] = True
    drawn.known[replay] = (known & ~truth).sum(), (known & truth).sum()
    truth, score = truth[~known], score[~known]
    drawn.record(replay, truth, [plan.answers(score) for plan in plans])


def _summary(
    drawn: Replays, outcome: Outcome, bound: float, *, positives: int, floor: int, plan: int
) -> Results:
    """What both sorts of cells report; own errors are those of `plan`, without any correction."""
    rows = np.flatnonzero(outcome.plan >= 0)
    wrong = sum(
        int(broken(drawn, rows[at], k, look, bound=bound, positives=positives).sum())
        for k, look in sorted(set(zip(outcome.plan[rows], outcome.last[rows], strict=True)))
        for at in [(outcome.plan[rows] == k) & (outcome.last[rows] == look)]
    )
    replays, plans = len(outcome.plan), drawn.sizes.shape[1]
    tried = np.flatnonzero(drawn.tried)
    # What is known beforehand is not drawn from: each replay has a floor of its own.
    undrawn = drawn.sizes[rows, 0].sum(axis=-1)
    floors = np.maximum([_floor(bound, int(units), positives) for units in undrawn], 1)
    missed, false = drawn.errors[tried, plan].T
    returned = positives - missed + false
    breaking = (missed > bound * positives + 1e-9) | (false > bound * returned + 1e-9)
    return {
        "positives": positives,
        "floor": floor,
        "replays": replays,
        "broken": wrong,
        "may_break": most_broken(replays),
        "certified": len(rows) / replays,
        "own_fnr": _median(missed / positives),
        "own_fdr": _median(false / np.maximum(returned, 1)),
        "breaks_alone": float(breaking.mean()) if len(tried) else None,
        "labels_over_floor": _median(drawn.looks[outcome.first[rows]] / floors),
        "labels_over_floor_last": _median(drawn.looks[outcome.last[rows]] / floors),
        "plans_used": [float((outcome.plan == k).mean()) for k in range(plans)],
    }


def _clear_share(drawn: Replays, bound: float, positives: int) -> float:
    """Share of the replays whose most conservative plan has, by itself, neither rate above a tenth
    of the bound."""
    missed, false = drawn.errors[:, 0].T
    clear = (missed <= bound / 10 * positives) & (
        false <= bound / 10 * (positives - missed + false)
    )
    return float((clear & drawn.tried).mean())


def _floor(bound: float, units: int, positives: int) -> int:
    """Of both bounds, where nearly as many are returned as there are."""
    return least_draws(
        {"FNR": bound, "FDR": bound},
        DELTA,
        units=units,
        positives=positives,
        negatives=units - positives,
        returned=positives,
    )


def _looks(floor: int, most: int) -> NDArray[np.int64]:
    """A look at every percent. No test can be done long before its floor, which is lower where part
    of the units is known beforehand."""
    start = max(1, floor // 4)
    steps = math.ceil(math.log(max(most / start, 1)) / math.log(LOOKS_APART)) + 1
    looks = np.ceil(start * LOOKS_APART ** np.arange(steps)).astype(np.int64)
    return np.unique(np.minimum(looks, max(most, start)))


def _median(values: NDArray[np.float64]) -> float | None:
    return float(np.median(values)) if len(values) else None


def _ratio(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.2f}"
