"""How far a query has come, as one number that never falls."""

from __future__ import annotations

from dataclasses import dataclass

ALMOST = 0.99
"""A query that is not over yet has never come further."""


@dataclass
class Share:
    """The share of a query that is done, from 0 to 1; None while nobody can tell.

    Counting begins when it is known how much there is to handle. Where that comes up again, as the
    plan was given up or what was expected is done, the new count is about the rest of the way.
    """

    video: int = 0
    videos: int = 1
    known: bool = False
    done: float = 0.0  # of the video that is at work
    begun_at: float = 0.0
    total: int = 0
    handled: int = 0

    def part(self, i: int, n: int) -> None:
        """The `i`-th of `n` videos is begun."""
        self.video, self.videos = i, n
        self.known, self.done, self.total = n > 1, 0.0, 0

    def count_to(self, total: int) -> None:
        """From now on `total` are to be handled; 0: nobody knows how many."""
        self.known |= total > 0
        self.begun_at, self.total, self.handled = self.done, total, 0

    def advance(self, n: int) -> None:
        """So many more were handled."""
        if self.total:
            self.handled += n
            way = min(self.handled / self.total, 1.0)
            self.done = self.begun_at + (1 - self.begun_at) * way

    @property
    def value(self) -> float | None:
        """Of all videos."""
        return min((self.video + self.done) / self.videos, ALMOST) if self.known else None
