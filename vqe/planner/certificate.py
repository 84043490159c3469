"""What a proof comes to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Certificate:
    """What is proved of the answers, with which confidence, and by how many draws.

    `bounds` as asked for, all together, and `reached`, by rate, what the draws would prove of each
    by itself; a rate is None where not even 100 % less a little is proved, as where no positive
    unit was seen: "none in n" is no rate. `units` has all,
    `settled` those that labels had decided before the first of `drawn`. `absent` and `present` are
    how many units the plan answered so, how many of them were drawn, and how many of those were
    wrong; such units are corrected. `positives`: units known to be positive. `plan` of `plans` was
    used; all of them stand in the order in which they were tested.
    """

    confidence: float
    bounds: dict[str, float]
    reached: dict[str, float | None]
    units: int
    settled: int
    drawn: int
    absent: tuple[int, int, int]
    present: tuple[int, int, int]
    positives: int
    plan: int
    plans: int

    def __str__(self) -> str:
        rates = ", ".join(
            f"{rate} within {100 * bound:g}% ({_percent(self.reached[rate])} by itself)"
            for rate, bound in self.bounds.items()
        )
        return f"proved with {100 * self.confidence:.4g}% confidence: {rates}"

    @property
    def evidence(self) -> str:
        """What it rests on."""
        if not self.drawn:
            return f"labels settle {self.settled:,} of {self.units:,} units; no other can be wrong"
        left = self.units - self.settled
        (_, absent, missed), (_, present, false) = self.absent, self.present
        positives = f"{self.positives:,}" if self.positives else "none"
        return (
            f"{self.drawn:,} of {left:,} open units drawn by chance: "
            f"{missed:,} of {absent:,} answered absent were missed, "
            f"{false:,} of {present:,} answered present were false; "
            f"{positives} of {self.settled + self.drawn:,} known units are positive"
        )


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.2g}%"
