"""What the user allows a cascade to get wrong."""

from __future__ import annotations

from dataclasses import dataclass

from vqe.errors import BindError
from vqe.sql.literals import format_interval


@dataclass(frozen=True)
class Accuracy:
    """Bounds on the error of a WHERE condition against the reference network; none means EXACT.

    Rates are shares in (0, 1): `fnr` of the positives missed, `fpr` of the negatives returned,
    `fdr` of the returned that are false. They count metric units: windows of `unit_us`
    microseconds, [k, k+1) from timestamp 0, positive when more than half of their frames are;
    single frames when `unit_us` is None.
    """

    fnr: float | None = None
    fpr: float | None = None
    fdr: float | None = None
    unit_us: int | None = 1_000_000

    def __post_init__(self) -> None:
        for name, bound in self.bounds.items():
            if not 0 < bound < 1:
                raise BindError(
                    f"{name} WITHIN {bound:.6g} is not a share between 0 and 1",
                    hint=f"write {name} WITHIN 1%, or EXACT for no error at all",
                )
        if self.unit_us is not None and self.unit_us <= 0:
            raise BindError(f"PER INTERVAL needs a positive duration, got {self.unit_us} µs")

    @property
    def bounds(self) -> dict[str, float]:
        """The bounds that were set, by their SQL name."""
        rates = {"FNR": self.fnr, "FPR": self.fpr, "FDR": self.fdr}
        return {name: bound for name, bound in rates.items() if bound is not None}

    @property
    def exact(self) -> bool:
        """Whether every answer must be the reference network's own."""
        return not self.bounds

    def __str__(self) -> str:
        if self.exact:
            return "EXACT"
        bounds = " ".join(f"{name} WITHIN {100 * bound:g}%" for name, bound in self.bounds.items())
        if self.unit_us is None:
            return f"{bounds} PER FRAME"
        return f"{bounds} PER INTERVAL '{format_interval(self.unit_us)}'"


EXACT = Accuracy()
DEFAULT_ACCURACY = Accuracy(fnr=0.01, fdr=0.01)
