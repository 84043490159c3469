"""Whether the answers of a frozen plan keep their bounds, judged from units drawn by chance.

What a plan says of every unit is known: absent, present, or "ask the reference network", which is
never wrong. Of the units answered absent, M are positive (misses); of those answered present, F
are negative (false). θ = (M, F) is all that is unknown. Units are drawn uniformly without
replacement, each is labelled, and from then on its label answers. So the *final* answers have the
errors that are not drawn, which only become fewer, while positives and negatives stay as many:

    FNR = (M − found misses) / P            P = settled positives + M + (present − F)
    FPR = (F − found false) / N             N = settled negatives + F + (absent − M)
    FDR = (F − found false) / (settled positives + found misses + present − found false)

No rate ever rises. (FDR: a false unit drawn leaves both counts, a miss joins the returned.) Units
that cannot be wrong count as far as their truth is known; leaving some out only raises a rate.

**One bound.** For each θ, `betting.py` has supermartingales W_M, of the draws answered absent, and
W_F, of those answered present. As a draw falls into one stratum and is uniform in it, whichever it
is, their products and mixtures are supermartingales too. E_θ = w W_M + (1 − w)/2 · W_F (1 + W_M)
serves FNR, the same with M and F exchanged FPR, and E_θ = W_F FDR. A bound is proved when E_θ ≥
1/δ for every θ that breaks it. If it is proved while it is broken, the true θ was among them, which
Ville's inequality allows with probability δ, over all looks; and for all bounds α at once, as E_θ
does not depend on α. The null moves, and shrinks, with the labels: corrections count.

**Several bounds.** Let S be the bounds that the true θ breaks before the first draw. No other is
ever broken, and the mean of E_θ over S is again a supermartingale; so it is enough that it is ≥ 1/δ
whenever a bound is proved while broken. Call a bound *proved from the start* when all θ that broke
it at first, and not only those that still do, have E_θ ≥ 1/δ. Ask of each bound E_θ ≥ (1 + u)/δ, u
of the other bounds not proved from the start. Let V ⊆ S be broken now, and z of S∖V not proved from
the start: the sum over S is at least |V|/δ + z/δ + (|S| − |V| − z)/δ = |S|/δ. No correction of δ
where the other bounds are proved from the start, which is the rule.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vqe.statistics.betting import Counts, Floats, Stratum, label_floor, log_wealth

Answer: TypeAlias = bool | None
"""Of a plan about a unit; None asks the reference network."""

CELLS = np.array([1, 2, 4, 6, 9, 12, 16, 20, 25, 30, 40, 50, 60, 80, 100]) / 100
"""The other stratum's part of the class is unknown: cells of it, as shares below its estimate."""
WEIGHT = 0.9
"""w: what is bet on the errors alone. The rest bets, too or instead, on the size of their class."""
LOST = -1e9
"""A log wealth in place of −∞, which ∞ may be added to."""
ROUNDING = 1e-9
"""A rate equal to its bound keeps it, also where α · P has no exact binary form."""


@dataclass(frozen=True)
class Tally:
    """What is known of a plan's answers. Counts, or arrays of them that broadcast.

    `absent` and `present` hold the units that the plan answers itself, their errors being misses
    and false ones; `asked` counts undrawn units left to the reference network. `positives` and
    `negatives` have a known truth and cannot be wrong: known beforehand, or drawn of `asked`.
    """

    absent: Stratum
    present: Stratum
    asked: Counts = 0
    positives: Counts = 0
    negatives: Counts = 0

    @property
    def undrawn(self) -> Counts:
        """Units without a label."""
        return self.absent.undrawn + self.present.undrawn + self.asked

    @property
    def positives_seen(self) -> Counts:
        """Positives among the units of known truth."""
        return self.positives + self.absent.errors + self.present.right

    def with_label(self, truth: bool, answer: Answer) -> Tally:
        """After one more unit was drawn, of which the plan says `answer`."""
        if answer is None:
            return replace(
                self,
                asked=self.asked - 1,
                positives=self.positives + truth,
                negatives=self.negatives + (not truth),
            )
        if answer:
            return replace(self, present=self.present.with_label(wrong=not truth))
        return replace(self, absent=self.absent.with_label(wrong=truth))


def log_evidence(rate: str, bound: float, tally: Tally, *, from_start: bool = False) -> Floats:
    """Least log E_θ of all θ with `rate` ("FNR", "FPR", "FDR") above `bound`.

    With `from_start`, of all θ that had it before the first draw. Shape: that of the tally.
    """
    absent, present = tally.absent, tally.present
    if rate == "FNR":
        return _class_evidence(absent, present, tally.positives, bound, from_start)
    if rate == "FPR":
        return _class_evidence(present, absent, tally.negatives, bound, from_start)
    found, joined = (0, 0) if from_start else (present.errors, absent.errors)
    returned = np.asarray(tally.positives + present.size + joined - found)
    return log_wealth(present, _more_than(found + bound * returned))


def proved(
    tally: Tally, bounds: Mapping[str, float], delta: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether the final answers keep all `bounds`, by rate, and whether the plan's own did from the
    start: both claims together are wrong with probability at most `delta`, over all looks."""
    needed = math.log(1 / delta)
    final = [log_evidence(rate, bound, tally) for rate, bound in bounds.items()]
    first = [log_evidence(rate, b, tally, from_start=True) >= needed for rate, b in bounds.items()]
    unsure = sum(np.asarray(~one, dtype=np.int64) for one in first)
    each = [
        log_e >= needed + np.log1p(unsure - ~one) for log_e, one in zip(final, first, strict=True)
    ]
    return np.logical_and.reduce(each), np.logical_and.reduce(first) & np.logical_and.reduce(each)


def least_bound(rate: str, tally: Tally, delta: float) -> float | None:
    """The least bound on `rate` that is proved; None where there is none below 1.

    At most `delta` is the probability that any of them is ever wrong. None, with no positives seen,
    is to be told as "none in n" and not as a rate.
    """
    needed = math.log(1 / delta)
    low, high = 0.0, 1.0
    while high - low > 1e-4 * high:
        middle = (low + high) / 2
        refuted = log_evidence(rate, middle, tally) >= needed
        low, high = (low, middle) if refuted else (middle, high)
        if high < 1e-9:
            return 0.0
    return high if high < 1 else None


def least_draws(
    bounds: Mapping[str, float],
    delta: float,
    *,
    units: int,
    positives: int,
    negatives: int,
    returned: int,
) -> int:
    """The floor: what any valid test must draw of `units` units before it can prove the bounds.

    The counts of positives, negatives and returned are expected ones. Errors lie in one stratum
    only, but a draw from all units falls into it in proportion: k errors stay unseen in n draws
    with probability C(units − k, n) / C(units, n), whatever the strata.
    """
    members = {"FNR": positives, "FPR": negatives, "FDR": returned}
    return max(
        label_floor(int(_more_than(np.asarray(bound * members[rate]))), units, delta)
        for rate, bound in bounds.items()
    )


def draws_if_clean(
    tally: Tally, bounds: Mapping[str, float], delta: float, *, from_start: bool = False
) -> int:
    """How many more draws prove the bounds if no error comes and each stratum gets its share.

    All undrawn units where fewer do not: then nothing is left that could be wrong.
    """
    low, high = 0, int(tally.undrawn)
    while low < high:
        middle = (low + high) // 2
        if proved(_clean(tally, middle), bounds, delta)[from_start]:
            high = middle
        else:
            low = middle + 1
    return low


def _class_evidence(
    wrong: Stratum, other: Stratum, settled: Counts, bound: float, from_start: bool
) -> Floats:
    """Of a rate of the errors in `wrong` as a share of a class: them, `settled`, and T units of the
    `other` stratum, about which the plan is right.

    The larger T, the more errors the bound allows: E_θ grows with T, but for its W_F, which grows
    as T falls. So in each cell of T, the first factor is taken at its lower end and the second at
    its upper end. Cells lie below the estimate of T; the first has no upper end, and no W_F.
    """
    found = np.asarray(0 if from_start else wrong.errors)
    estimate = other.right + other.undrawn * (other.right / np.maximum(other.drawn, 1))
    lower = np.floor(np.asarray(estimate)[..., None] * (1 - CELLS))
    lower = np.maximum(lower, np.asarray(other.right)[..., None])
    members = np.asarray(settled)[..., None] + lower
    errors = _more_than((found[..., None] + bound * members) / (1 - bound))
    refuted = log_wealth(_with_axis(wrong), errors)
    alone = math.log(WEIGHT) + refuted
    beside = np.asarray(other.size)[..., None] - lower[..., :-1].astype(np.int64) + 1
    fewer = np.maximum(log_wealth(_with_axis(other), beside), LOST)
    both = math.log((1 - WEIGHT) / 2) + fewer + np.logaddexp(0, refuted[..., 1:])
    rest = np.logaddexp(alone[..., 1:], both)
    least: Floats = np.minimum(alone[..., 0], rest.min(axis=-1))
    return least


def _more_than(share: Floats) -> NDArray[np.int64]:
    """The least whole number above `share`."""
    return np.floor(share + ROUNDING).astype(np.int64) + 1


def _with_axis(stratum: Stratum) -> Stratum:
    size, drawn, errors = (
        np.asarray(count)[..., None] for count in (stratum.size, stratum.drawn, stratum.errors)
    )
    return Stratum(size, drawn, errors)


def _clean(tally: Tally, draws: int) -> Tally:
    """`tally` after `draws` more, spread in proportion, all of them right."""
    share = draws / max(int(tally.undrawn), 1)
    return replace(tally, absent=_more(tally.absent, share), present=_more(tally.present, share))


def _more(stratum: Stratum, share: float) -> Stratum:
    more = round(share * int(stratum.undrawn))
    return Stratum(stratum.size, stratum.drawn + more, stratum.errors)
