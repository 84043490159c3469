"""What a proof takes at least, told before anything is spent on it."""

from __future__ import annotations

from vqe.planner.visual_scan import VisualScan
from vqe.statistics.certificate import least_draws

PRESENCES = (0.01, 0.1, 0.5)
"""Shares of the units that may be positive: nobody knows which, before the first label."""


def floor_text(scan: VisualScan) -> str:
    """The fewest units that any valid proof must draw, and what labelling them takes."""
    accuracy = scan.accuracy
    assert accuracy.confidence is not None
    units = int(scan.unit[-1]) + 1 if scan.frames else 0
    per_unit = scan.frames / max(units, 1) / 2 if accuracy.unit_us is not None else 1
    lines = [
        f"a proof with {100 * accuracy.confidence:.6g}% confidence draws by chance, at least about,"
    ]
    for presence in PRESENCES:
        positives = round(presence * units)
        draws = least_draws(
            accuracy.bounds,
            1 - accuracy.confidence,
            units=units,
            positives=positives,
            negatives=units - positives,
            returned=positives,
        )
        unit = "units" if accuracy.unit_us is not None else "frames"
        lines.append(
            f"  {draws:,} of {units:,} {unit} (about {draws * per_unit:,.0f} labels) "
            f"where {presence:.0%} of them are positive"
        )
    return "\n".join([*lines, "and where it costs as much as EXACT, the answer is EXACT"])
