"""What an explanation says before a query has run: plans that are possible, ways to decode."""

from __future__ import annotations

from collections.abc import Sequence

from vqe.executor.explain_layout import calls, hundredths, prose, table_of, table_of_videos
from vqe.planner.explanation import DecodeChoice, ExplainedPlan, ExplainedVideo, Explanation


def sections_before(told: Explanation) -> list[str]:
    """Of each video, what is foreseen and how it may be decoded; of a pattern, a line for each."""
    if told.pattern:
        overview = [table_of_videos([_video_before(v) for v in told.videos])] if told.videos else []
        return overview + [
            prose(f"{video.video}: {video.floor}") for video in told.videos if video.floor
        ]
    sections = []
    for video in told.videos:
        sections += [prose(video.summary), _prospects(video.plans)]
        if video.measured_on:
            days = " and ".join(day.isoformat() for day in video.measured_on)
            sections.append(f"seconds by costs that were measured on {days}")
        sections += [prose(video.floor)] if video.floor else []
        sections.append(_decodings(video.decodings))
    return sections


def _prospects(plans: Sequence[ExplainedPlan]) -> str:
    known = any(plan.seconds is not None for plan in plans)
    rows = []
    for plan in plans:
        decode = plan.steps[0].predicted if plan.steps else None
        row = {
            "plan": plan.name,
            "asked about": _bounded(calls(plan), plan.at_least),
            "decoded": _bounded(decode.frames if decode else None, plan.at_least),
            "seconds": _bounded(plan.seconds, plan.at_least or bool(_unmeasured([plan])), ".1f"),
            "": plan.reason,
        }
        if not known:
            del row["seconds"]
        rows.append(row)
    table = table_of(rows)
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
            row["CPU s"] = hundredths(way.cpu_seconds)
        row["choice"] = way.choice
        rows.append(row)
    return table_of(rows)


def _video_before(video: ExplainedVideo) -> dict[str, object]:
    row: dict[str, object] = {"video": video.video, "plan": video.summary}
    row |= dict.fromkeys(("decoding", "decodes"))
    if video.plans:
        chosen = next((way for way in video.decodings if way.choice == "this one"), None)
        row["decoding"] = chosen.name if chosen else "nothing"
        row["decodes"] = chosen.decoded if chosen else 0
    return row
