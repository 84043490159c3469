"""What queries leave behind for later ones, within quotas: in memory, but for costs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Protocol

from vqe.storage.cost_file import CostFile
from vqe.storage.kept_costs import KeptCosts
from vqe.storage.labels import LabelStore
from vqe.storage.recent import Recent

QUOTA_BYTES = 256 * 2**20

PLANS = 64
"""Plans kept; each holds up to a few megabytes of weights and a reference image."""

PROOFS = 16
"""Proofs kept; each holds some bytes for every frame it is about."""

DECODE_COSTS = 1024
"""Videos whose decode costs are kept: a few numbers each."""

NETWORK_COSTS = 256
"""Networks, each with a size of pictures, whose seconds per frame are kept."""


class Sized(Protocol):
    """Something that knows what it takes in memory."""

    @property
    def nbytes(self) -> int:
        """Bytes."""


class Store:
    """Labels by (video, model), packet indexes and decode costs by video, seconds per frame by
    model, by what runs it and by the size of pictures, plans by question.

    The least recently used go first. Costs are also those of the file, where there is one.
    """

    def __init__(self, quota_bytes: int = QUOTA_BYTES, costs: CostFile | None = None) -> None:
        self.quota_bytes = quota_bytes
        self._lock = threading.Lock()
        self._labels: OrderedDict[Hashable, LabelStore] = OrderedDict()
        self.plans: Recent[object] = Recent(PLANS)
        self.proofs: Recent[object] = Recent(PROOFS)
        self.decode_costs = KeptCosts("decode", DECODE_COSTS, costs)
        self.network_costs = KeptCosts("network", NETWORK_COSTS, costs)
        self.indexes: Recent[Sized] = Recent(quota_bytes, weight=lambda index: index.nbytes)

    def labels(self, video: str, model: str | None) -> LabelStore:
        """The labels of a video by a model, by their fingerprints.

        A model without a fingerprint may be another one tomorrow: its labels are not kept.
        """
        if model is None:
            return LabelStore(self.quota_bytes)
        with self._lock:
            labels = self._labels.pop((video, model), None) or LabelStore(self.quota_bytes)
            self._labels[video, model] = labels  # now the most recently used
            self._trim()
            return labels

    def _trim(self) -> None:
        while sum(labels.nbytes for labels in self._labels.values()) > self.quota_bytes:
            if len(self._labels) == 1:
                return
            self._labels.popitem(last=False)
