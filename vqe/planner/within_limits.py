"""Plans for a query that may not spend what it likes: BUDGET and DEADLINE."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vqe.physical.answers import Answers, filled, with_labels
from vqe.physical.fill_scan import Fill
from vqe.physical.rows import CODE
from vqe.physical.stages import PRESENT, UNKNOWN
from vqe.planner.allowance import SpentError
from vqe.planner.certifying import labels_of
from vqe.planner.decision import Decision
from vqe.planner.freezing import Level, UndecodableError, damaged, freeze_stages
from vqe.planner.labeller import Labeller
from vqe.planner.proof import FrozenPlans
from vqe.planner.proving import certify
from vqe.planner.shortfall import Shortfall, rates_of_halves
from vqe.planner.visual_scan import VisualScan
from vqe.runtime.context import Context
from vqe.storage.store import Store

TO_PLAN = 0.5
"""Part of the allowance that may be spent before the plans are frozen: a proof takes the rest."""


def decide_within(
    scan: VisualScan,
    labeller: Labeller,
    store: Store,
    context: Context,
    plan: Callable[[], Decision],
) -> Decision:
    """The decision of `plan`, with the proof that the scan may ask for, as far as the allowance
    goes; then what the labels come to that were paid for, with the shortfall."""
    allowance, proving = labeller.allowance, scan.accuracy.confidence is not None
    if proving:
        labeller.allowance = allowance.part(TO_PLAN)
    try:
        decision = plan()
        if not decision.to_prove and len(scan.remaining) > labeller.affordable:
            raise SpentError
    except SpentError:
        decision = _from_labels(scan, labeller)
        # Another time there is more to spend, and a better plan to be proved.
        scan = replace(scan, plan_key=None)
    labeller.allowance = allowance
    if proving and decision.to_prove:
        try:
            decision = certify(scan, decision, labeller, store, context)
        except SpentError:
            decision = _from_labels(scan, labeller)
    # A scan asks about each frame once at most; only a DEADLINE it would not look at.
    enough = scan.effort.deadline_us is None and len(scan.remaining) <= labeller.affordable
    if decision.complete or enough:
        return decision
    return _answered(scan, decision, labeller, store, context)


def _from_labels(scan: VisualScan, labeller: Labeller) -> Decision:
    """Every frame as the nearest that has a label, once the rest of the allowance is spent on
    others that are spread over the video."""
    _label(scan, scan.ordinals, labeller)
    mark = labeller.marks_or_nan(scan.ordinals)
    known = np.flatnonzero(~np.isnan(mark))
    if not len(known):
        return _nothing_known(scan, mark)
    return Decision(
        (),
        "what could be asked about, and the rest from that",
        fill=Fill(scan.ordinals[known], scan.question.holds(mark[known]), mark[known]),
        shortfall=_shortfall(scan, mark),
    )


def _nothing_known(scan: VisualScan, mark: NDArray[np.float32]) -> Decision:
    """No row, where there was nothing to be spent on the video."""
    absent = np.zeros(scan.frames, np.bool_)
    decided_by = np.full(scan.frames, CODE["fill"], np.int8)
    return Decision(
        (),
        "nothing was left to ask about a single frame",
        answers=Answers(scan.ordinals, absent, mark, decided_by),
        shortfall=_shortfall(scan, mark),
    )


def _answered(
    scan: VisualScan, decision: Decision, labeller: Labeller, store: Store, context: Context
) -> Decision:
    """The answers of a cascade, or of none, the reference network being asked while the allowance
    lasts."""
    shape = (1, scan.frames)
    plans = FrozenPlans(
        np.full(shape, UNKNOWN, np.int8), np.full(shape, CODE["reference"], np.int8)
    )
    if decision.cascade:
        try:
            with context.metrics.phase("screening"):
                watch = decision.watch if context.settings.drift else None
                check = labeller.check_deadline
                levels = (Level(decision.stages, decision.link),)
                plans = freeze_stages(scan, levels, store, context, watch=watch, check=check)
        except UndecodableError as reason:
            raise damaged(scan) from reason
        except SpentError:
            return _from_labels(scan, labeller)
    with context.metrics.phase("labelling"):
        _label(scan, scan.ordinals[plans.handed_on(0)], labeller)
    mark = labeller.marks_or_nan(scan.ordinals)
    plans = plans.linked(labels_of(scan, mark))
    answer, decided_by = plans.answer[0], plans.decided_by[0]
    fresh = np.array(sorted(labeller.fresh), np.int64)
    said = Answers(scan.ordinals, answer == PRESENT, mark, decided_by)
    answers = with_labels(said, scan.question, fresh)
    left_open = np.isnan(mark) & (answer == UNKNOWN)
    if not left_open.any():
        return replace(decision, answers=answers)
    return replace(decision, answers=filled(answers, left_open), shortfall=_shortfall(scan, mark))


def _label(scan: VisualScan, ordinals: NDArray[np.int64], labeller: Labeller) -> None:
    """Asks about frames as far as the allowance goes: spread over all of them, where it ends."""
    with suppress(SpentError):
        if labeller.read(scan.index, labeller.unknown(ordinals), "labelling").damage:
            raise damaged(scan)


def _shortfall(scan: VisualScan, mark: NDArray[np.float32]) -> Shortfall:
    """What the labels, float32 (N,) with NaN, show by one another."""
    known = np.flatnonzero(~np.isnan(mark))
    return Shortfall(
        limit=str(scan.effort),
        labels=len(known),
        bounds=scan.accuracy.bounds,
        reached=rates_of_halves(known, mark[known], scan.unit, scan.question, scan.accuracy),
        proved=False,
    )
