"""An explanation for people, in lines of at most WIDTH columns, but for those of the operators."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping, Sequence
from decimal import Decimal

from vqe.display.tables import table_text
from vqe.optimizer import Rewrite
from vqe.planner.explained_plans import added_up
from vqe.planner.explanation import (
    DecodeChoice,
    ExplainedPlan,
    ExplainedVideo,
    Explanation,
    Predicted,
    Step,
    Totals,
)
from vqe.statistics.rates import CONFIDENCE, ErrorRate

WIDTH = 80
MOST_REJECTED = 10

SECONDS = "seconds are CPU time, but for the reference network, whose calls are timed on the clock"


def explanation_text(told: Explanation, *, rules: bool = False) -> str:
    """Operators, the chosen plan, its errors and steps, totals, and the rejected plans; with
    `rules` what made the plan of the one that the statement wrote."""
    sections = [told.operators]
    if rules:
        sections.append(_rules(told.rewrites))
    if told.summary:
        sections.append(_prose(told.summary))
    sections += _before(told) if told.totals is None else _after(told, told.totals)
    return "\n\n".join(sections)


def _rules(rewrites: Sequence[Rewrite]) -> str:
    if not rewrites:
        return "rules: none had anything to do"
    sections = ["rules, in the order in which they had something to do:"]
    for rewrite in rewrites:
        before, after = (textwrap.indent(repr(n), "    ") for n in (rewrite.before, rewrite.after))
        sections.append(f"  {rewrite.rule}\n{before}\n  →\n{after}")
    return "\n\n".join(sections)


def _before(told: Explanation) -> list[str]:
    if told.pattern:
        table = [_table_of_videos([_video_before(v) for v in told.videos])] if told.videos else []
        return table + [
            _prose(f"{video.video}: {video.floor}") for video in told.videos if video.floor
        ]
    sections = []
    for video in told.videos:
        sections += [_prose(video.summary), _prospects(video.plans)]
        if video.measured_on:
            days = " and ".join(day.isoformat() for day in video.measured_on)
            sections.append(f"seconds by costs that were measured on {days}")
        sections += [_prose(video.floor)] if video.floor else []
        sections.append(_decodings(video.decodings))
    return sections


def _after(told: Explanation, totals: Totals) -> list[str]:
    sections = []
    if told.pattern:
        sections.append(_table_of_videos([_video_after(video) for video in told.videos]))
    elif told.videos:
        chosen, *_ = told.videos[0].plans
        sections.append(_chosen(chosen))
        if chosen.errors:
            sections.append(_errors(chosen))
    steps = added_up(video.plans[0] for video in told.videos)
    if any(step.measured for step in steps):
        sections.append(f"{_steps(steps)}\n\n{_prose(SECONDS)}")
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
    return _prose(*lines)


def _prose(*texts: str) -> str:
    """The lines of the texts, those that are too long on several, indented."""
    filled = []
    for line in "\n".join(texts).split("\n"):
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        filled += textwrap.wrap(
            *(line, WIDTH),
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(filled)


def _errors(plan: ExplainedPlan) -> str:
    head = _prose(f"errors {plan.errors_of} (interval: Clopper–Pearson):")
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
    table = table_text(rows, width=WIDTH, footer=False, wrap=True)
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
            "seconds": _hundredths(taken.seconds if taken else None),
            "predicted s": _hundredths(told.seconds if told else None),
        }
        if not predicted:
            del row["predicted"], row["predicted s"]
        rows.append(row)
    return table_text(rows, width=WIDTH, footer=False, wrap=True)


def _totals(totals: Totals, *, planned: bool) -> str:
    phases = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in totals.one_off.items())
    lines = [f"one-off: {phases}"] if phases else []
    if planned or totals.reference_calls:
        lines.append(
            f"reference network: asked about {_n(totals.reference_calls, 'frame')} "
            f"({totals.labels_to_plan:,} of them to plan), {totals.labels_from_store:,} "
            "from the store"
        )
    lines.append(f"total: {totals.seconds:.2f} s for {_n(totals.rows, 'row')}")
    lines.append(f"CPU time: {totals.cpu_seconds:.2f} s")
    if totals.predicted_cpu_seconds is not None:
        lines[-1] += f", predicted {totals.predicted_cpu_seconds:.2f} s"
    return _prose(*lines)


def _rejected(plans: Sequence[ExplainedPlan]) -> str:
    rows = [
        {
            "plan": plan.name,
            "seconds": _hundredths(plan.seconds),
            "asked": _calls(plan),
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
    table = table_text(rows, width=WIDTH, max_rows=MOST_REJECTED, footer=False, wrap=True)
    return f"{_prose(f'{head}:')}\n\n{table}"


def _measures(plans: Sequence[ExplainedPlan]) -> list[str]:
    return list(dict.fromkeys(error.measure for plan in plans for error in plan.errors))


def _at_most(errors: Sequence[ErrorRate], measure: str) -> str | None:
    """The upper end of the interval."""
    rates = [error for error in errors if error.measure == measure]
    return _percent(rates[0].high) if rates else None


def _calls(plan: ExplainedPlan) -> int | None:
    """Frames that the reference network is expected to be asked about: of the last step, save that
    filling in comes after it."""
    if not plan.steps:
        return None
    steps = [step for step in plan.steps[1:] if step.name != "fill"]
    last = steps[-1].predicted if steps else Predicted(0, 0, 0)
    return None if last is None else round(last.frames)


def _prospects(plans: Sequence[ExplainedPlan]) -> str:
    known = any(plan.seconds is not None for plan in plans)
    rows = []
    for plan in plans:
        decode = plan.steps[0].predicted if plan.steps else None
        row = {
            "plan": plan.name,
            "asked about": _bounded(_calls(plan), plan.at_least),
            "decoded": _bounded(decode.frames if decode else None, plan.at_least),
            "seconds": _bounded(plan.seconds, plan.at_least or bool(_unmeasured([plan])), ".1f"),
            "": plan.reason,
        }
        if not known:
            del row["seconds"]
        rows.append(row)
    table = table_text(rows, width=WIDTH, footer=False, wrap=True)
    return f"{table}\n\n{_unmeasured(plans)}".rstrip()


def _bounded(number: float | None, at_least: bool, places: str = ".0f") -> str | None:
    if number is None:
        return None
    return f"{'≥ ' if at_least else ''}{number:,{places}}"


def _unmeasured(plans: Sequence[ExplainedPlan]) -> str:
    """Which seconds a first query has to measure."""
    steps = [step for plan in plans for step in plan.steps]
    unknown = [s.name for s in steps if s.predicted is not None and s.predicted.seconds is None]
    names = " and ".join(dict.fromkeys(unknown))
    return f"seconds of {names}: not measured yet" if names else ""


def _decodings(decodings: Sequence[DecodeChoice]) -> str:
    if not decodings:
        return "nothing to decode: stored labels answer"
    rows = []
    for way in decodings:
        row: dict[str, object] = {
            "decoding": way.name,
            "delivers": "all" if way.delivered == way.asked else f"≤ {way.delivered:,}",
            "decodes": way.decoded,
            "seeks": way.seeks,
        }
        if way.cpu_seconds is not None:
            row["CPU s"] = _hundredths(way.cpu_seconds)
        row["choice"] = way.choice
        rows.append(row)
    return table_text(rows, width=WIDTH, footer=False, wrap=True)


def _video_before(video: ExplainedVideo) -> dict[str, object]:
    row: dict[str, object] = {"video": video.video, "plan": video.summary}
    row |= dict.fromkeys(("decoding", "decodes"))
    if video.plans:
        chosen = next((way for way in video.decodings if way.choice == "this one"), None)
        row["decoding"] = chosen.name if chosen else "nothing"
        row["decodes"] = chosen.decoded if chosen else 0
    return row


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


def _table_of_videos(rows: Sequence[Mapping[str, object]]) -> str:
    """The rows as text; column `video` is cut to what tells the videos from one another."""
    folder = os.path.commonpath([os.path.dirname(str(row["video"])) for row in rows])
    if not folder:
        return table_text(rows, width=WIDTH, footer=False, wrap=True)
    rows = [{**row, "video": os.path.relpath(str(row["video"]), folder)} for row in rows]
    return f"in {folder}:\n\n{table_text(rows, width=WIDTH, footer=False, wrap=True)}"


def _n(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _hundredths(seconds: float | None) -> Decimal | None:
    return None if seconds is None else Decimal(f"{seconds:.2f}")
