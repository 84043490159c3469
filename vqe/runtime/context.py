"""What the operators of one running query share."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from vqe.config import Settings
from vqe.errors import QueryCancelledError
from vqe.runtime.metrics import Metrics
from vqe.runtime.progress import Progress, SilentProgress


@dataclass
class Context:
    """One per run of a query; never shared between runs."""

    settings: Settings = field(default_factory=Settings)
    progress: Progress = field(default_factory=SilentProgress)
    metrics: Metrics = field(default_factory=Metrics)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Raises QueryCancelledError once the query was cancelled."""
        if self.cancelled.is_set():
            raise QueryCancelledError("the query was cancelled")
