"""What the operators of one running query share."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field

from vqe.config import Settings
from vqe.errors import QueryCancelledError
from vqe.runtime.metrics import Metrics
from vqe.runtime.progress import Progress, SilentProgress

MOST_DECODERS = 8
"""Decoding threads that are started without being asked for: each holds frames of its own."""


@dataclass
class Context:
    """One per run of a query; never shared between runs. `running`: whether it was begun."""

    settings: Settings = field(default_factory=Settings)
    progress: Progress = field(default_factory=SilentProgress)
    metrics: Metrics = field(default_factory=Metrics)
    cancelled: threading.Event = field(default_factory=threading.Event)
    running: bool = False

    @property
    def decode_threads(self) -> int:
        """Threads that decode."""
        return self.settings.decode_threads or min(usable_cores(), MOST_DECODERS)

    def check(self) -> None:
        """Raises QueryCancelledError once the query was cancelled."""
        if self.cancelled.is_set():
            raise QueryCancelledError("the query was cancelled")


def usable_cores() -> int:
    """Cores that this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
