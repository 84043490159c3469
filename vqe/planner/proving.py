"""From a decision to one whose bounds are proved, or to EXACT where that takes no more."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from vqe.planner.allowance import SpentError
from vqe.planner.certifying import Certifying, UnprovableError, labels_of
from vqe.planner.decision import Alternative, Decision
from vqe.planner.freezing import Level, UndecodableError, damaged, freeze_fill, freeze_stages
from vqe.planner.labeller import Labeller
from vqe.planner.proof import FrozenPlans, Proof
from vqe.planner.shared_proof import shared_proof
from vqe.planner.visual_scan import VisualScan
from vqe.runtime.context import Context
from vqe.storage.store import Store

ANCHORS_PART = 0.5
"""Part of what is affordable that labels of anchors may take: the draws come after them."""


def certify(
    scan: VisualScan, decision: Decision, labeller: Labeller, store: Store, context: Context
) -> Decision:
    """The decision with a proof of the bounds of `scan`, or else EXACT.

    What was drawn for the same question is kept in the store: a proof that was given up goes on
    where it stopped, and one for another confidence begins with the same draws. The caller is
    `alone_with_proof`. Where the allowance ends first, or would end before EXACT does, the decision
    tells how far it came; raises SpentError where it ends before the plans are frozen.
    """
    shared = shared_proof(scan, store)
    with context.metrics.phase("certifying"):
        try:
            shared.proof = shared.proof or _begin(scan, decision, labeller, store, context)
            return _certified(Certifying(scan, shared.proof, labeller), decision)
        except UndecodableError as reason:
            if labeller.allowance.limited:
                raise damaged(scan) from reason
            return _exact(decision, str(reason))


def _certified(certifying: Certifying, decision: Decision) -> Decision:
    decision = replace(decision, predictions=(), cost=None)
    try:
        certificate, answers = certifying.run()
        return replace(decision, certificate=certificate, shortfall=None, answers=answers)
    except UnprovableError as reason:
        if len(certifying.scan.remaining) <= certifying.labeller.affordable:
            return _exact(decision, str(reason))
    except SpentError:
        pass
    shortfall, answers = certifying.short()
    return replace(decision, shortfall=shortfall, answers=answers)


def _exact(decision: Decision, why_not: str) -> Decision:
    """EXACT instead of a plan that is not proved."""
    rejected = Alternative(decision.name, None, why_not)
    reason = f"EXACT needs no proof: {why_not}"
    return Decision((), reason, alternatives=(rejected, *decision.alternatives))


def _begin(
    scan: VisualScan, decision: Decision, labeller: Labeller, store: Store, context: Context
) -> Proof:
    """The proof of a decision before its first draw. Raises UndecodableError and SpentError."""
    if decision.fill is not None:
        return begin(scan, freeze_fill(scan, decision.fill), labeller, context.settings.seed)
    levels = (*map(Level, decision.stricter), Level(decision.stages, decision.link))
    plans = freeze_stages(scan, levels, store, context, check=labeller.check_deadline)
    plans = _with_labelled_anchors(scan, plans, labeller)
    return begin(scan, plans, labeller, context.settings.seed)


def _with_labelled_anchors(scan: VisualScan, plans: FrozenPlans, labeller: Labeller) -> FrozenPlans:
    """The plans with the answers of linked frames: a proof is about answers, not about links. Where
    the anchors take too much of the allowance, the reference network is left to answer instead."""
    anchors = labeller.unknown(scan.ordinals[plans.anchors])
    if len(anchors) <= ANCHORS_PART * labeller.affordable:
        with suppress(SpentError):
            if labeller.read(scan.index, anchors, "labelling").damage:
                raise UndecodableError("some frames cannot be decoded")
    return plans.linked(labels_of(scan, labeller.marks_or_nan(scan.ordinals)))


def begin(scan: VisualScan, plans: FrozenPlans, labeller: Labeller, seed: int) -> Proof:
    """A proof about the frames of a scan, before its first draw."""
    mark = labeller.marks_or_nan(scan.ordinals)
    return Proof.freeze(
        plans,
        scan.unit,
        mark,
        labels_of(scan, mark),
        seed,
    )
