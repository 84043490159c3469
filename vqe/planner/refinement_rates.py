"""How wrong a refinement may be, as far as it can know."""

from __future__ import annotations

from vqe.planner.fineness import Fineness
from vqe.planner.frame_refinement import FrameFineness
from vqe.planner.refinement import Refinement
from vqe.statistics.rates import ErrorRate
from vqe.statistics.units import unit_answers


def rates_seen(refinement: Refinement, found: Fineness | FrameFineness) -> tuple[ErrorRate, ...]:
    """What a grid twice as coarse would have got wrong of what is known now.

    A visit is met by a grid or missed as a whole, so the units are worth as many draws as there are
    visits, and pauses where pauses are what could be missed. Of visits too short to be met by
    any of these grids nothing is known, and no interval speaks of them. Where errors count in
    frames the rates are bounds already, and stand in the reason of the plan.
    """
    if isinstance(found, FrameFineness):
        return ()
    units = unit_answers(refinement.answers(), refinement.unit)
    positive = int(units.sum())
    visits, pauses = (len(refinement.visits(state)[0]) for state in (True, False))
    of = (
        ("FNR", found.fnr, positive, visits),
        ("FPR", found.fpr, len(units) - positive, pauses),
        ("FDR", found.fdr, positive, min(visits, pauses)),
    )
    return tuple(
        ErrorRate(measure, rate, n, draws)
        for measure, rate, n, draws in of
        if rate is not None and draws
    )
