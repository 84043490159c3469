"""What the user allows a query to spend."""

from __future__ import annotations

from dataclasses import dataclass

from vqe.errors import BindError
from vqe.sql.literals import format_interval


@dataclass(frozen=True)
class Effort:
    """Most calls of the reference network, and most time in microseconds, of a whole query; None is
    no limit. Where either ends before the bounds are met, the result says how far it came."""

    calls: int | None = None
    deadline_us: int | None = None

    def __post_init__(self) -> None:
        if self.calls is not None and self.calls < 1:
            raise BindError(f"BUDGET needs at least one call, got {self.calls}")
        if self.deadline_us is not None and self.deadline_us <= 0:
            raise BindError(f"DEADLINE needs a positive duration, got {self.deadline_us} µs")

    @property
    def limited(self) -> bool:
        """Whether there is a limit."""
        return self.calls is not None or self.deadline_us is not None

    def __str__(self) -> str:
        parts = [] if self.calls is None else [f"BUDGET {self.calls} CALLS"]
        if self.deadline_us is not None:
            parts.append(f"DEADLINE INTERVAL '{format_interval(self.deadline_us)}'")
        return " ".join(parts)


UNLIMITED = Effort()
