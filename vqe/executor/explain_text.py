"""An explanation for people, laid out for a terminal, but for the lines of the operators."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from vqe.display.counted import counted
from vqe.executor.explain_layout import calls, hundredths, prose, table_of, table_of_videos
from vqe.executor.explain_prospects import sections_before
from vqe.optimizer import Rewrite
from vqe.planner.explained_plans import added_up
from vqe.planner.explanation import (
    ExplainedPlan,
    ExplainedVideo,
    Explanation,
    Step,
    Totals,
)
from vqe.statistics.rates import CONFIDENCE, ErrorRate

MOST_REJECTED = 10

SECONDS = "seconds are CPU time, but for the reference network, whose calls are timed on the clock"


def explanation_text(told: Explanation, *, rules: bool = False) -> str:
    """Operators, the chosen plan, its errors and steps, totals, and the rejected plans; with
    `rules` what made the plan of the one that the statement wrote."""
    sections = [told.operators]
    if rules:
        sections.append(_rules(told.rewrites))
    if told.summary:
        sections.append(prose(told.summary))
    sections += sections_before(told) if told.totals is None else _after(told, told.totals)
    return "\n\n".join(sections)


def _rules(rewrites: Sequence[Rewrite]) -> str:
    if not rewrites:
        return "rules: none had anything to do"
    sections = ["rules, in the order in which they had something to do:"]
    for rewrite in rewrites:
        before, after = (textwrap.indent(repr(n), "    ") for n in (rewrite.before, rewrite.after))
        sections.append(f"  {rewrite.rule}\n{before}\n  →\n{after}")
    return "\n\n".join(sections)


def _after(told: Explanation, totals: Totals) -> list[str]:
    sections = []
    if told.pattern:
        sections.append(table_of_videos([_video_after(video) for video in told.videos]))
    elif told.videos:
        chosen, *_ = told.videos[0].plans
        sections.append(_chosen(chosen))
        if chosen.errors:
            sections.append(_errors(chosen))
    steps = added_up(video.plans[0] for video in told.videos)
    if any(step.measured for step in steps):
        sections.append(f"{_steps(steps)}\n\n{prose(SECONDS)}")
    sections.append(_totals(totals, planned=bool(told.videos)))
    if told.notes:
        sections.append("\n".join(told.notes))  # with paths, which are not broken
    if not told.pattern and told.videos and (rejected := told.videos[0].plans[1:]):
        sections.append(_rejected(rejected))
    return sections


def _chosen(plan: ExplainedPlan) -> str:
    lines = [f"plan: {plan.name} ({plan.reason})"]
    lines += [f"  {step.name}: {step.rule}, else asks on" for step in plan.steps if step.rule]
    if plan.certificate is not None:
        lines += [str(plan.certificate), f"  {plan.certificate.evidence}"]
    if plan.shortfall is not None:
        lines.append(str(plan.shortfall))
    return prose(*lines)


def _errors(plan: ExplainedPlan) -> str:
    head = prose(f"errors {plan.errors_of} (interval: Clopper–Pearson):")
    rows = [
        {
            "error": MEANING[error.measure],
            "rate": _percent(error.share),
            f"{CONFIDENCE:.0%} interval": f"{_percent(error.low)} to {_percent(error.high)}",
            "of": error.units,
            "independent": round(error.draws),
        }
        for error in plan.errors
    ]
    table = table_of(rows)
    return f"{head}\n\n{table}"


MEANING = {
    "FNR": "FNR: positive units missed",
    "FPR": "FPR: negative units returned",
    "FDR": "FDR: returned units false",
}


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _steps(steps: Sequence[Step]) -> str:
    predicted = any(step.predicted for step in steps)
    rows = []
    for step in steps:
        told, taken = step.predicted, step.measured
        decides = step.name != "decode" and taken is not None
        row = {
            "step": step.name,
            "frames in": taken.frames if taken else None,
            "predicted": round(told.frames) if told else None,
            "decided": taken.decided if taken and decides else None,
            "passed on": taken.frames - taken.decided if taken and decides else None,
            "seconds": hundredths(taken.seconds if taken else None),
            "predicted s": hundredths(told.seconds if told else None),
        }
        if not predicted:
            del row["predicted"], row["predicted s"]
        rows.append(row)
    return table_of(rows)


def _totals(totals: Totals, *, planned: bool) -> str:
    phases = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in totals.one_off.items())
    lines = [f"one-off: {phases}"] if phases else []
    if planned or totals.reference_calls:
        lines.append(
            f"reference network: asked about {counted(totals.reference_calls, 'frame')} "
            f"({totals.labels_to_plan:,} of them to plan), {totals.labels_from_store:,} "
            "from the store"
        )
    lines.append(f"total: {totals.seconds:.2f} s for {counted(totals.rows, 'row')}")
    lines.append(f"CPU time: {totals.cpu_seconds:.2f} s")
    if totals.predicted_cpu_seconds is not None:
        lines[-1] += f", predicted {totals.predicted_cpu_seconds:.2f} s"
    return prose(*lines)


def _rejected(plans: Sequence[ExplainedPlan]) -> str:
    rows = [
        {
            "plan": plan.name,
            "seconds": hundredths(plan.seconds),
            "asked": calls(plan),
            **{f"{m} ≤": _at_most(plan.errors, m) for m in _measures(plans)},
            "why not": plan.reason,
        }
        for plan in plans
    ]
    head = "considered as well; predicted seconds"
    if any(row["asked"] is not None for row in rows):
        head += ", frames asked about"
    else:
        for row in rows:
            del row["asked"]
    if _measures(plans):
        head += ", errors at most"
    table = table_of(rows, max_rows=MOST_REJECTED)
    return f"{prose(f'{head}:')}\n\n{table}"


def _measures(plans: Sequence[ExplainedPlan]) -> list[str]:
    return list(dict.fromkeys(error.measure for plan in plans for error in plan.errors))


def _at_most(errors: Sequence[ErrorRate], measure: str) -> str | None:
    """The upper end of the interval."""
    rates = [error for error in errors if error.measure == measure]
    return _percent(rates[0].high) if rates else None


def _video_after(video: ExplainedVideo) -> dict[str, object]:
    chosen = video.plans[0]
    taken = [step.measured for step in chosen.steps if step.name != "fill"]
    return {
        "video": video.video,
        "plan": chosen.name,
        "decoded": taken[0].frames if taken and taken[0] else None,
        "asked about": taken[-1].frames if taken and taken[-1] else None,
        "why": chosen.reason,
    }
