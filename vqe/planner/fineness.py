"""Whether the grid of a refinement is fine enough: what may lie between its frames, unseen.

It shows when every second frame of the grid is left out: what the other half would have missed of
what is known now. Of visits about as long as the spacing half the spacing misses half as much; so a
grid is fine enough when one twice as coarse would still have kept the bounds. Of visits much
shorter than the spacing hardly one is seen, by either half; so each that was seen also stands for
those that were not, by its chance to be seen (Horvitz and Thompson, JASA 1952).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vqe.plan.accuracy import Accuracy
from vqe.planner.refinement import Refinement
from vqe.statistics.units import unit_answers

LEAST_VISITS = 5
"""Visits that must have been found before their lengths say anything about those of the others."""

NONE_SEEN = 3.0
"""What was not seen in n draws has a share below 3/n, with 95 % confidence: the rule of three."""


@dataclass(frozen=True)
class Fineness:
    """What is known of a grid: the rates that one twice as coarse would have had, None where there
    was nothing to get wrong; by which factor the worst of them exceeds its bound; whether the grid
    is fine enough; and whether no grid would be."""

    fnr: float | None
    fpr: float | None
    fdr: float | None
    excess: float
    enough: bool
    hopeless: bool = False

    @property
    def told(self) -> str:
        """Why the other frames may follow from these."""
        rates = (("missed", self.fnr), ("false", self.fdr))
        told = " and ".join(f"{rate:.1%} {what}" for what, rate in rates if rate is not None)
        return f"every other of them would have given {told or 'the same'}"

    @property
    def why_not(self) -> str:
        """Why no grid is fine enough."""
        return "visits are short, or flicker: the grid needs all frames"


def fineness(refinement: Refinement, accuracy: Accuracy) -> Fineness:
    """Whether the grid is fine enough for the bounds; to be asked when all is settled on it."""
    halves = refinement.coarser()
    fnr = _mean([half.fnr for half in halves])
    fpr = _mean([half.fpr for half in halves])
    fdr = _mean([half.fdr for half in halves])
    positive = int(unit_answers(refinement.answers(), refinement.unit).sum())
    negative = len(refinement.size) - positive
    missed, false = refinement.overlooked(True), refinement.overlooked(False)
    rates = (
        (accuracy.fnr, fnr, missed / max(positive + missed, 1)),
        (accuracy.fpr, fpr, false / max(negative + false, 1)),
        (accuracy.fdr, fdr, false / max(positive, 1)),
    )
    excess = max((half or 0.0) / bound for bound, half, _ in rates if bound is not None)
    unseen = max(short / bound for bound, _, short in rates if bound is not None)
    enough = max(excess, unseen) <= 1 and tells(refinement, accuracy)
    hopeless = excess * len(refinement.grid) > len(refinement.unit)
    return Fineness(fnr, fpr, fdr, excess, enough, hopeless and not enough)


def _mean(rates: list[float | None]) -> float | None:
    known = [rate for rate in rates if rate is not None]
    return sum(known) / len(known) if known else None


def tells(refinement: Refinement, accuracy: Accuracy) -> bool:
    """Whether enough was seen to judge by: visits, and pauses between them.

    Not needed where the bounds would hold even if as much had been overlooked as the grid's size
    allows, or where no visit of half a unit fits between two frames of the grid: shorter ones carry
    no promise.
    """
    if 2 * np.diff(refinement.grid).max(initial=0) <= np.median(refinement.size):
        return True
    answers = refinement.answers()
    positive = int(unit_answers(answers, refinement.unit).sum())
    negative = len(refinement.size) - positive
    false = [
        bound * units
        for bound, units in ((accuracy.fpr, negative), (accuracy.fdr, positive))
        if bound is not None
    ]
    missed = [] if accuracy.fnr is None else [accuracy.fnr * positive]
    for state, hideout, allowed in ((True, negative, missed), (False, positive, false)):
        visits = len(refinement.visits(state)[0])
        drawn = int((refinement.asked & (answers != state))[refinement.grid].sum())
        bearable = all(NONE_SEEN * hideout <= most * drawn for most in allowed)
        if visits < LEAST_VISITS and not bearable:
            return False
    return True
