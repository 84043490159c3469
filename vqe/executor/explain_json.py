"""An explanation as plain data, and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from vqe.planner.explanation import ExplainedPlan, ExplainedVideo, Explanation
from vqe.statistics.rates import CONFIDENCE


def explanation_json(told: Explanation) -> str:
    """`explanation_dict` as text."""
    return json.dumps(explanation_dict(told), indent=2, ensure_ascii=False, allow_nan=False)


def explanation_dict(told: Explanation) -> dict[str, Any]:
    """Plain data, fit for `json.dumps`; what is not known is None, and before the query runs
    so are `totals` and all that is measured.

    operators      the plan as a tree: its lines
    summary        what is known where there is no video to plan
    notes          lost and skipped frames, in words
    rules          what the optimizer did, in its order: rule, before and after (trees: lines)
    videos         for each: video, summary, floor (what a proof takes at least, in words),
                   measured_on (days of the costs that other processes have measured), and
      plans        the chosen one first: plan, verdict (chosen, rejected, possible), reason,
                   predicted_seconds, predicted_cpu_seconds, at_least (there is more to come),
                   errors_of (which sample), certificate, shortfall (see `Certificate` and
                   `Shortfall`), and
        steps      step, rule, predicted {frames, seconds, cpu_seconds},
                   measured {frames, decided, seconds}
        errors     measure (FNR, FPR, FDR), rate, low, high, confidence, method, units,
                   independent (as many draws as the units are worth)
      decodings    before it runs: name, delivered, asked, decoded, seeks, cpu_seconds, choice
    totals         rows, seconds, cpu_seconds, predicted_cpu_seconds, one_off {phase: seconds},
                   reference_calls, labels_to_plan, labels_from_store, frames_decoded
    """
    return {
        "operators": told.operators.splitlines(),
        "summary": told.summary,
        "notes": list(told.notes),
        "rules": [
            {
                "rule": rewrite.rule,
                "before": repr(rewrite.before).splitlines(),
                "after": repr(rewrite.after).splitlines(),
            }
            for rewrite in told.rewrites
        ],
        "videos": [_video_dict(video) for video in told.videos],
        "totals": None if told.totals is None else asdict(told.totals),
    }


def _video_dict(video: ExplainedVideo) -> dict[str, Any]:
    return {
        "video": video.video,
        "summary": video.summary,
        "floor": video.floor,
        "measured_on": [day.isoformat() for day in video.measured_on],
        "plans": [_plan_dict(plan) for plan in video.plans],
        "decodings": [dict(vars(decoding)) for decoding in video.decodings],
    }


def _plan_dict(plan: ExplainedPlan) -> dict[str, Any]:
    return {
        "plan": plan.name,
        "verdict": plan.verdict,
        "reason": plan.reason,
        "predicted_seconds": plan.seconds,
        "predicted_cpu_seconds": plan.cpu_seconds,
        "at_least": plan.at_least,
        "steps": [
            {
                "step": step.name,
                "rule": step.rule,
                "predicted": None if step.predicted is None else dict(vars(step.predicted)),
                "measured": None if step.measured is None else dict(vars(step.measured)),
            }
            for step in plan.steps
        ],
        "errors_of": plan.errors_of,
        "errors": [
            {
                "measure": error.measure,
                "rate": error.share,
                "low": error.low,
                "high": error.high,
                "confidence": CONFIDENCE,
                "method": "Clopper-Pearson",
                "units": error.units,
                "independent": error.draws,
            }
            for error in plan.errors
        ],
        "certificate": None if plan.certificate is None else asdict(plan.certificate),
        "shortfall": None if plan.shortfall is None else asdict(plan.shortfall),
    }
