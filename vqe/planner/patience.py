"""When a plan that labels keep contradicting is given up, and the rest of a video planned anew."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vqe.planner import cascade
from vqe.planner.decision import Decision
from vqe.planner.sampling import label_budget
from vqe.planner.visual_scan import VisualScan

PAYS = 2.0
"""Going on must take so many times the labels that learning takes: a new plan asks on as well."""


@dataclass(frozen=True)
class Patience:
    """Lasts until what the plan did not foresee has cost what learning anew would: whatever comes
    then, that is about twice at most what the better choice had cost.

    `share`: of the frames that the plan was to hand to the reference network;
    `seconds_per_label`: what that takes.
    """

    share: float
    seconds_per_label: float

    def ends(self, labels: int, answered: int, remaining: int) -> bool:
        """Whether the `remaining` frames had better be planned anew: since the first contradiction
        the reference network was asked about `labels` of the `answered` frames."""
        sample = label_budget(remaining)
        unforeseen = labels - self.share * answered
        to_come = unforeseen / answered * remaining
        saving = (to_come - PAYS * sample) * self.seconds_per_label
        return unforeseen >= sample and saving >= cascade.LEAST_SAVING_SECONDS


def patience_of(scan: VisualScan, decision: Decision) -> Patience | None:
    """With the plan of a scan; None where it has to last: there is no cascade, or no price of the
    network, or a BUDGET or DEADLINE that a second plan might overdraw."""
    if not decision.cascade or decision.cost is None or scan.effort.limited:
        return None
    *stages, reference = decision.cost.stages
    share = math.prod(stage.pass_rate for stage in stages)
    return Patience(share, reference.seconds_per_frame)
