"""What operators know of progress: phases that count things, shown or not."""

from __future__ import annotations

from typing import Protocol


class Phase(Protocol):
    """A phase of a query; several may be at work by turns."""

    def advance(self, n: int) -> None:
        """Add `n` to what the phase has handled."""


class Progress(Protocol):
    """Follows a query through its phases; every method may be called from any thread."""

    def phase(
        self, name: str, total: int | None, unit: str = "frames", *, answers: bool = False
    ) -> Phase:
        """Begin a phase that handles `total` of `unit`; None where the total is unknown.

        What phases of one name handle is added up. `answers`: after this one the video is done.
        """

    def expect(self, n: int) -> None:
        """Say that about `n` frames more will be handled before the answers are known; 0 where that
        no longer holds."""

    def part(self, i: int, n: int) -> None:
        """Say that the `i`-th of `n` videos is begun, counted from 0."""

    def close(self) -> None:
        """End the last phase; further calls do nothing."""


class SilentProgress:
    """Shows nothing; its phases are itself."""

    def phase(
        self, name: str, total: int | None, unit: str = "frames", *, answers: bool = False
    ) -> SilentProgress:
        """Ignore the phase."""
        return self

    def advance(self, n: int) -> None:
        """Ignore the count."""

    def expect(self, n: int) -> None:
        """Ignore the expectation."""

    def part(self, i: int, n: int) -> None:
        """Ignore the part."""

    def close(self) -> None:
        """Nothing to end."""
