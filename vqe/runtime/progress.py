"""What operators know of progress: phases that count things, shown or not."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Follows a query through its phases; every method may be called from any thread."""

    def phase(self, name: str, total: int | None, unit: str = "frames") -> None:
        """Begin a phase that handles `total` of `unit`; None where the total is unknown."""

    def advance(self, n: int) -> None:
        """Add `n` to what the current phase has handled."""

    def close(self) -> None:
        """End the last phase; further calls do nothing."""


class SilentProgress:
    """Shows nothing."""

    def phase(self, name: str, total: int | None, unit: str = "frames") -> None:
        """Ignore the phase."""

    def advance(self, n: int) -> None:
        """Ignore the count."""

    def close(self) -> None:
        """Nothing to end."""
