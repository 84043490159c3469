"""What the user allows a cascade to get wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vqe.errors import BindError
from vqe.sql.literals import format_interval


@dataclass(frozen=True)
class Accuracy:
    """Bounds on the error of a WHERE condition against the reference network; none means EXACT.

    Rates are shares in (0, 1): `fnr` of the positives missed, `fpr` of the negatives returned,
    `fdr` of the returned that are false. They count metric units: windows of `unit_us`
    microseconds, [k, k+1) from timestamp 0, positive when more than half of their frames are;
    single frames when `unit_us` is None. With a `confidence` the bounds are proved, and wrong with
    probability 1 − confidence at most; without one they are estimated.
    """

    fnr: float | None = None
    fpr: float | None = None
    fdr: float | None = None
    unit_us: int | None = 1_000_000
    confidence: float | None = None

    def __post_init__(self) -> None:
        for name, bound in self.bounds.items():
            if not 0 < bound < 1:
                percent = bound if 1 < bound < 100 else 1  # 5 was meant as 5%
                raise BindError(
                    f"{name} WITHIN {bound:.6g} is not a share between 0 and 1",
                    hint=f"write {name} WITHIN {percent:.6g}%, or EXACT for no error at all",
                )
        if self.unit_us is not None and self.unit_us <= 0:
            raise BindError(f"PER INTERVAL needs a positive duration, got {self.unit_us} µs")
        if self.confidence is not None and not 0.5 <= self.confidence < 1:
            percent = self.confidence if 50 <= self.confidence < 100 else 95
            raise BindError(
                f"CONFIDENCE {self.confidence:.6g} is not a share from 50% to below 100%",
                hint=f"write CONFIDENCE {percent:.6g}%, or EXACT to be certain",
            )

    @property
    def bounds(self) -> dict[str, float]:
        """The bounds that were set, by their SQL name."""
        rates = {"FNR": self.fnr, "FPR": self.fpr, "FDR": self.fdr}
        return {name: bound for name, bound in rates.items() if bound is not None}

    @property
    def estimated(self) -> Accuracy:
        """The same bounds without proof."""
        return replace(self, confidence=None)

    def shared_by(self, videos: int) -> Accuracy:
        """What each of several videos must keep for the promise about all of them: bounds that hold
        in each hold over all, but each proof may be wrong."""
        if self.confidence is None:
            return self
        return replace(self, confidence=1 - (1 - self.confidence) / videos)

    def scaled(self, part: float) -> Accuracy:
        """So many times the bounds, for a `part` of at most 1."""
        fnr, fpr, fdr = (b if b is None else part * b for b in (self.fnr, self.fpr, self.fdr))
        return replace(self, fnr=fnr, fpr=fpr, fdr=fdr)

    @property
    def exact(self) -> bool:
        """Whether every answer must be the reference network's own."""
        return not self.bounds

    def __str__(self) -> str:
        if self.exact:
            return "EXACT"
        bounds = " ".join(f"{name} WITHIN {100 * bound:g}%" for name, bound in self.bounds.items())
        if self.unit_us is None:
            bounds += " PER FRAME"
        else:
            bounds += f" PER INTERVAL '{format_interval(self.unit_us)}'"
        return (
            bounds
            if self.confidence is None
            else f"{bounds} CONFIDENCE {100 * self.confidence:.6g}%"
        )


EXACT = Accuracy()
DEFAULT_ACCURACY = Accuracy(fnr=0.01, fdr=0.01)
