"""Several frozen plans, tested on the same draws: the cheapest that is proved answers the query.

The plans come in an order declared before the first draw, from the most conservative to the
cheapest. The next one is tested when the last is proved *from the start* (`certificate.py`); the
last one proved is used, and where none is, only EXACT is left.

This needs no correction for their number. Let i be the first plan that breaks a bound before any
draw: chance has no part in that. No rate rises, so a wrong answer is given by plan i or a later
one. By plan i: its final answers were proved while they broke a bound. By a later one: plan i was
proved to keep the bounds from the start. Either needs the one supermartingale of plan i, at its
true θ, to reach 1/δ. A gate that plan i may pass by mere correction of its answers would not do: it
would leave a second chance to the next plan that is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vqe.statistics.certificate import Answer, Tally, draws_if_clean, least_bound, proved

BETWEEN_LOOKS = 0.01
"""Looks are this share of the draws apart. More looks would take more time but no more chances."""


class FixedSequence:
    """The state of the test. It is a function of the labels in the order in which they were drawn:
    whoever keeps those restores it by updating anew."""

    def __init__(
        self, plans: Sequence[Tally], bounds: Mapping[str, float], *, confidence: float
    ) -> None:
        """`plans`: before the first draw, the most conservative first."""
        self.tallies = list(plans)
        self.bounds = dict(bounds)
        self.delta = 1 - confidence
        self.proved: int | None = None
        """Number of the last plan proved."""
        self.under_test = 0
        """Number of the plan that is tested; that of the plans where all are proved."""
        self._drawn = self._next_look = 0
        self._look()

    def update(self, truth: bool, answers: Sequence[Answer]) -> None:
        """One more unit was drawn: its label, and what each plan says of it."""
        self.tallies = [
            tally.with_label(truth, answer)
            for tally, answer in zip(self.tallies, answers, strict=True)
        ]
        self._drawn += 1
        if self._drawn >= self._next_look or not self.tallies[0].undrawn:
            self._look()

    @property
    def finished(self) -> bool:
        """Whether nothing is left to prove."""
        return self.under_test == len(self.tallies)

    def reached(self) -> dict[str, float | None]:
        """By rate, the least bound that is proved by itself of the last plan proved, None as in
        `least_bound`. Draws for the next plan may speak against it, but what is proved stands."""
        assert self.proved is not None
        by_now = {
            rate: least_bound(rate, self.tallies[self.proved], self.delta) for rate in self.bounds
        }
        return {
            rate: None if least is None else min(least, self.bounds[rate])
            for rate, least in by_now.items()
        }

    def draws_if_clean(self) -> int:
        """How many more draws take the plan under test a step further, if they show no error.

        Where that is more than may be drawn, the test is hopeless: stop and use what is proved.
        """
        if self.finished:
            return 0
        again = self.proved == self.under_test
        tally = self.tallies[self.under_test]
        return draws_if_clean(tally, self.bounds, self.delta, from_start=again)

    def _look(self) -> None:
        while not self.finished:
            now, from_start = proved(self.tallies[self.under_test], self.bounds, self.delta)
            if now:
                self.proved = self.under_test
            if not from_start:
                break
            self.under_test += 1
        self._next_look = self._drawn + max(1, round(BETWEEN_LOOKS * self._drawn))
