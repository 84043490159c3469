"""What the drift benchmark shows: medians and the worst over several footages, and what broke."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.drift_footage import KINDS
from benchmarks.tables import ABSENT, Results, Rows, made_with
from vqe.planner.decision import REFINEMENT
from vqe.statistics.units import ErrorCounts

MOST_WASTE = 0.02
"""Share of an undisturbed run that false alarms may take."""
WAYS = {
    "unwatched": "cascade, not watched",
    "watched": "cascade, watched",
    "loose": "default plan",
    "default": "default plan, default bounds",
}


def rows(results: Results) -> Rows:
    """A row for each kind of disturbance and each way to answer."""
    return [_row(results, kind, way) for kind in _kinds(results) for way in WAYS]


def _row(results: Results, kind: str, way: str) -> dict[str, str]:
    footages = [footage for footage in results["footages"] if footage["kind"] == kind]
    answers = [footage["answers"][way] for footage in footages]
    fnr, fdr = ([_errors(a)[i] for a in answers] for i in range(2))
    labelled = [f["answers"][way]["labels"] / f["frames"] for f in footages]
    watched = way == "watched"
    return {
        "disturbance": KINDS[kind],
        "answered by": WAYS[way],
        "median FNR": f"{np.median(fnr):.1%}",
        "worst FNR": f"{max(fnr):.1%}",
        "median FDR": f"{np.median(fdr):.1%}",
        "worst FDR": f"{max(fdr):.1%}",
        "bounds broken": f"{_broken(results, kind, way)} of {len(answers)}",
        "labelled": f"{np.median(labelled):.0%}",
        "checked": f"{np.median([a['checked'] for a in answers]):,.0f}" if watched else ABSENT,
        "corrected": f"{np.median([a['corrected'] for a in answers]):,.0f}" if watched else ABSENT,
    }


def lines(results: Results) -> list[str]:
    """Whether the watch keeps what it promises."""
    found = []
    for kind in _kinds(results):
        n = sum(footage["kind"] == kind for footage in results["footages"])
        counts = [_broken(results, kind, way) for way in ("unwatched", "watched")]
        line = f"{KINDS[kind]}: a cascade breaks a bound in {counts[0]} of {n} without the watch, "
        line += f"in {counts[1]} with it"
        if kind == "none":
            waste = _waste(results)
            verdict = "no more than" if max(waste) <= MOST_WASTE else "MORE THAN"
            line += f"; false alarms take {np.median(waste):.1%} of the run, {max(waste):.1%} at "
            line += f"most, {verdict} {MOST_WASTE:.0%}"
        found.append(line)
    ways = "loose", "default"
    plans = [f["answers"][way]["plan"] for f in results["footages"] for way in ways]
    broken = sum(_broken(results, kind, way) for kind in _kinds(results) for way in ways)
    found.append(
        f"plans by default, refinements in {plans.count(REFINEMENT)} of {len(plans)}, break a "
        f"bound in {broken}"
    )
    return found + _hidden_lines(results)


def _hidden_lines(results: Results) -> list[str]:
    """How well the disturbances were hidden from the plans of the cascades; earlier results do not
    tell."""
    plans = [f["answers"]["unwatched"] for f in results["footages"] if f["disturbed"]]
    if not plans or not all("labels_to_plan" in plan for plan in plans):
        return []
    seen = [plan["disturbed"] for plan in plans]
    labels = sum(plan["labels_to_plan"] for plan in plans)
    return [
        f"plans of disturbed footage labelled a disturbed frame in {np.count_nonzero(seen)} of "
        f"{len(plans)} cases: {sum(seen):,} of all their {labels:,} labels"
    ]


def notes(results: Results) -> list[str]:
    """What the figures mean."""
    first = results["footages"][0]
    disturbed = [f["disturbed"] / f["frames"] for f in results["footages"] if f["disturbed"]]
    shares = f"{min(disturbed):.0%} to {max(disturbed):.0%}" if disturbed else "0%"
    bound, least = f"{results['bound']:.0%}", f"{results['default_bound']:.0%}"
    return [
        f"The question is {results['label']} with a score of {results['min_score']} at least, in "
        f"{first['frames']:,} frames of which {shares} are disturbed. Cascades, with `fill = "
        f"false`, and default plans have FNR and FDR within {bound} per frame, and with default "
        f"bounds within {least} per second; errors are counted by the same units against all "
        f"answers of `{results['model']}`, on the footage as it was disturbed. They are "
        f"recalled, at {1000 * results['seconds_per_frame']:.0f} ms each. Watched or not: the "
        "setting `drift`, for one plan. Labelled: share of the frames shown to the network; "
        "checked: frames that looked like nothing labelled before and were shown to it, medians; "
        "false alarms: what they and the looks at all frames take, as a share of the labels and "
        "the scan, without training and the search.",
        f"{made_with(results['machine'])}. Made by `python -m benchmarks.run drift`.",
    ]


def _kinds(results: Results) -> list[str]:
    return list(dict.fromkeys(footage["kind"] for footage in results["footages"]))


def _waste(results: Results) -> list[float]:
    calm = (footage for footage in results["footages"] if footage["kind"] == "none")
    return [footage["answers"]["watched"]["waste"] for footage in calm]


def _errors(answer: dict[str, Any]) -> tuple[float, float]:
    errors = ErrorCounts(**answer["errors"])
    return errors.fnr or 0.0, errors.fdr or 0.0


def _broken(results: Results, kind: str, way: str) -> int:
    """Footages of a kind in which a bound is broken."""
    bound = results["default_bound"] if way == "default" else results["bound"]
    answers = (f["answers"][way] for f in results["footages"] if f["kind"] == kind)
    return sum(max(_errors(answer)) > bound for answer in answers)
