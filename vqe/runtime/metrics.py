"""What a query did and how long it took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class StageMetrics:
    """One step of a scan: frames in, how many of them it decided, busy seconds."""

    name: str
    frames_in: int = 0
    decided: int = 0
    seconds: float = 0.0

    @property
    def passed_on(self) -> int:
        """Frames that the next step had to look at."""
        return self.frames_in - self.decided


@dataclass
class Metrics:
    """Seconds of the one-off phases by name, and the steps of the scan in order."""

    phases: dict[str, float] = field(default_factory=dict)
    stages: list[StageMetrics] = field(default_factory=list)
    labels_from_reference: int = 0
    labels_from_store: int = 0
    rows: int = 0
    wall_seconds: float = 0.0

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Adds the wall seconds of the block to phase `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.phases[name] = self.phases.get(name, 0.0) + time.perf_counter() - start
