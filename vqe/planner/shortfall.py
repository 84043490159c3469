"""What is known of answers for which a BUDGET or a DEADLINE was too small."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.display.counted import counted
from vqe.physical.question import Question
from vqe.plan.accuracy import Accuracy
from vqe.statistics.nearest import nearest
from vqe.statistics.units import count_errors

MOST_UNSPOKEN = 0.05
"""Share of the frames that may be far from every label while their errors are still guessed."""

WIDE = 0.8
"""Of the distances between labels, the quantile that counts as the usual one: some are asked about
one beside the other, near changes."""


@dataclass(frozen=True)
class Shortfall:
    """The bounds that were not met: `limit` as the query has it, the `labels` that were known when
    it ended, and the rates that these show, by name; None where they show nothing. Proved rates
    hold with the query's confidence, each by itself; others are estimates."""

    limit: str
    labels: int
    bounds: dict[str, float]
    reached: dict[str, float | None]
    proved: bool

    def __str__(self) -> str:
        rates = " and ".join(map(self._told, self.bounds))
        ended = f"{self.limit} ended with {counted(self.labels, 'label')}"
        if self.proved:
            return f"{ended} before the bounds were proved; they prove {rates}"
        known = [(self.reached.get(name), bound) for name, bound in self.bounds.items()]
        if any(rate is not None and rate > bound for rate, bound in known):
            return f"{ended} before the bounds were met; they show {rates}"
        return f"{ended}, too few to be sure of the bounds; they show {rates}"

    def _told(self, name: str) -> str:
        rate, asked = self.reached.get(name), f"({100 * self.bounds[name]:g}% was asked for)"
        if rate is None:
            return f"{name} unknown {asked}"
        return f"{name} {'at most' if self.proved else 'about'} {100 * rate:.2g}% {asked}"


def rates_of_halves(
    positions: NDArray[np.int64],
    mark: NDArray[np.float32],
    unit: NDArray[np.int64],
    question: Question,
    accuracy: Accuracy,
) -> dict[str, float | None]:
    """What each half of the labels would have got wrong of what all of them say, on average; None
    where that is unknown.

    `positions`: int64 (n,), ascending, of the labelled frames among N; `mark`: float32 (n,);
    `unit`: int64 (N,), ascending. Halves tell how labels speak for frames about as near as the
    labels are to one another, and nothing about long stretches without any.
    """
    if len(positions) < 2 or _unspoken(positions, len(unit)) > MOST_UNSPOKEN:
        return dict.fromkeys(accuracy.bounds)
    present = question.holds(mark)
    answer = present[nearest(positions, len(unit))]
    halves = [
        count_errors(answer, present[half][nearest(positions[half], len(unit))], unit)
        for half in (slice(0, None, 2), slice(1, None, 2))
        if len(positions[half])
    ]
    found: dict[str, float | None] = {}
    for name in accuracy.bounds:
        rates = [getattr(half, name.lower()) for half in halves]
        known = [rate for rate in rates if rate is not None]
        found[name] = sum(known) / len(known) if known else None
    return found


def _unspoken(positions: NDArray[np.int64], frames: int) -> float:
    """The share of frames that are farther from every label than labels are from one another."""
    reach = max(float(np.quantile(np.diff(positions), WIDE)), 1.0)
    before = np.diff(positions, prepend=-reach, append=frames - 1 + reach)
    return float(np.maximum(before - 2 * reach, 0).sum() / frames)
