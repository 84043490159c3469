"""Replays of certificates: labels drawn again and again, and the test on all of them at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.score_populations import Mask
from vqe.statistics.betting import Stratum
from vqe.statistics.certificate import Tally, log_evidence, proved

CONFIDENCE = 0.95
DELTA = 1 - CONFIDENCE
PATIENCE = 1.25
"""A further plan is tested up to this multiple of the draws that the last one took."""

Decide: TypeAlias = Callable[[Tally, Mapping[str, float], float], tuple[Mask, Mask]]


@dataclass
class Replays:
    """R replays of K plans at L looks: the arrays of `Tally`, and the truth about the plans."""

    looks: NDArray[np.int64]
    """(L,): draws made."""
    sizes: NDArray[np.int64]
    """(R, K, 3): units answered absent, present, and asked about."""
    counts: NDArray[np.int64]
    """(R, K, L, 6): drawn of these, negative and positive by turns."""
    known: NDArray[np.int64]
    """(R, 2): units known beforehand, negative and positive."""
    errors: NDArray[np.int64]
    """(R, K, 2): missed and false units of the plan's own answers."""
    tried: Mask
    """(R,): whether any certificate was sought."""

    @classmethod
    def empty(cls, replays: int, plans: int, looks: NDArray[np.int64]) -> Replays:
        """Nothing drawn yet."""
        shape = (replays, plans)
        return cls(
            looks=looks,
            sizes=np.zeros((*shape, 3), np.int64),
            counts=np.zeros((*shape, len(looks), 6), np.int64),
            known=np.zeros((replays, 2), np.int64),
            errors=np.zeros((*shape, 2), np.int64),
            tried=np.zeros(replays, np.bool_),
        )

    def record(self, replay: int, truth: Mask, answers: Sequence[tuple[Mask, Mask]]) -> None:
        """The units of a replay in the order drawn, and which of them each plan answers absent and
        which present."""
        self.tried[replay] = True
        segment = np.searchsorted(self.looks, np.arange(min(len(truth), self.looks[-1])), "right")
        n = len(segment)
        for plan, (absent, present) in enumerate(answers):
            kind = np.where(absent, 0, np.where(present, 1, 2))
            self.sizes[replay, plan] = np.bincount(kind, minlength=3)
            self.errors[replay, plan] = (absent & truth).sum(), (present & ~truth).sum()
            code = segment * 6 + 2 * kind[:n] + truth[:n]
            counts = np.bincount(code, minlength=6 * len(self.looks)).reshape(-1, 6)
            self.counts[replay, plan] = counts.cumsum(axis=0)

    def tally(self, rows: NDArray[np.intp], plan: int, look: int) -> Tally:
        """Of one plan at one look, in the replays `rows`."""
        size, count = self.sizes[rows, plan].T, self.counts[rows, plan, look].T
        known = self.known[rows].T
        return Tally(
            absent=Stratum(size[0], count[0] + count[1], count[1]),
            present=Stratum(size[1], count[2] + count[3], count[2]),
            asked=size[2] - count[4] - count[5],
            positives=known[1] + count[5],
            negatives=known[0] + count[4],
        )


@dataclass
class Outcome:
    """Of R replays: the plan used (−1: EXACT), and the looks at which the first plan and the one
    used were proved."""

    plan: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]


def decide_in_sequence(
    drawn: Replays, bound: float, *, decide: Decide = proved, only_while_broken: int | None = None
) -> Outcome:
    """What `FixedSequence` does, for all replays at once.

    With `only_while_broken`, the number of positives, no plan is tested on once its answers are
    corrected so far that they keep the bounds: no error can come of it.
    """
    replays, plans = drawn.tried.shape[0], drawn.sizes.shape[1]
    bounds = {"FNR": bound, "FDR": bound}
    under_test = np.where(drawn.tried, 0, plans)
    plan, first, last, step = (np.full(replays, -1) for _ in range(4))
    for look, draws in enumerate(drawn.looks):
        late = (step >= 0) & (draws > PATIENCE * drawn.looks[step])
        under_test[late] = plans
        for k in range(plans):
            rows = np.flatnonzero(under_test == k)
            if only_while_broken is not None and len(rows) and k == plans - 1:
                rows = rows[broken(drawn, rows, k, look, bound=bound, positives=only_while_broken)]
            # The cheaper of the two rates to judge first.
            hopeful = log_evidence("FDR", bound, drawn.tally(rows, k, look)) >= -math.log(DELTA)
            rows = rows[hopeful] if decide is proved else rows
            if not len(rows):
                continue
            now, from_start = decide(drawn.tally(rows, k, look), bounds, DELTA)
            done = rows[now & (plan[rows] < k)]
            first[done[plan[done] < 0]] = look
            plan[done], last[done], step[done] = k, look, look
            passed = rows[from_start]
            under_test[passed], step[passed] = k + 1, look
    return Outcome(plan, first, last)


def broken(
    drawn: Replays, rows: NDArray[np.intp], plan: int, look: int, *, bound: float, positives: int
) -> Mask:
    """Whether the final answers break a bound at a look, bool (rows,)."""
    missed = drawn.errors[rows, plan, 0] - drawn.counts[rows, plan, look, 1]
    false = drawn.errors[rows, plan, 1] - drawn.counts[rows, plan, look, 2]
    returned = positives - missed + false
    over: Mask = (missed > bound * positives + 1e-9) | (false > bound * returned + 1e-9)
    return over
