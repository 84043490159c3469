"""One scan that needs pixels, with everything its planning depends on."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vqe.models.reference import ReferenceNetwork
from vqe.physical.question import Question
from vqe.plan.accuracy import Accuracy
from vqe.plan.effort import Effort
from vqe.planner.cost import cost_of
from vqe.planner.decoding import Decoding, choose_decoding
from vqe.statistics.units import unit_of
from vqe.storage.labels import LabelStore
from vqe.storage.store import Store
from vqe.video.costs import DecodeCosts
from vqe.video.decode_plan import DecodeWork
from vqe.video.index import VideoIndex


@dataclass(frozen=True)
class VisualScan:
    """A scan that needs pixels, with everything its planning depends on.

    `content`: the fingerprint of the video; `ordinals`: int64, ascending, the frames that it is
    about. `plan_key` names the question in the store, whatever confidence is asked for; None where
    the model has no fingerprint, and may thus be another one tomorrow. `limit`: rows wanted at
    most, where a LIMIT stands directly above.
    """

    content: str
    index: VideoIndex
    ordinals: NDArray[np.int64]
    question: Question
    accuracy: Accuracy
    effort: Effort
    network: ReferenceNetwork
    labels: LabelStore
    plan_key: Hashable | None
    limit: int | None

    @property
    def key(self) -> Hashable | None:
        """Names what is decided for the scan in the store."""
        return self.plan_key and (self.plan_key, self.accuracy.confidence)

    def before(self, frame: int | None) -> VisualScan:
        """The same scan without the frames from `frame` on."""
        if frame is None:
            return self
        return replace(self, ordinals=self.ordinals[: np.searchsorted(self.ordinals, frame)])

    def planned_anew(self, frame: int) -> VisualScan:
        """A scan of the frames from `frame` on, whose plan is another one."""
        ordinals = self.ordinals[np.searchsorted(self.ordinals, frame) :]
        key = self.plan_key and (self.plan_key, frame)
        return replace(self, ordinals=ordinals, plan_key=key, limit=None)

    @property
    def estimated(self) -> VisualScan:
        """The same scan without a proof of its bounds."""
        return replace(self, accuracy=self.accuracy.estimated)

    @property
    def frames(self) -> int:
        """How many frames it is about."""
        return len(self.ordinals)

    @property
    def unit(self) -> NDArray[np.int64]:
        """The metric unit of each of them, numbered from 0 without gaps, int64 (N,) ascending."""
        units = unit_of(self.index.timestamps_us[self.ordinals], self.accuracy.unit_us)
        return np.unique(units, return_inverse=True)[1]

    @property
    def remaining(self) -> NDArray[np.int64]:
        """Those of them without a label, int64 ascending."""
        known = self.labels.frames()
        return np.setdiff1d(self.ordinals, known, assume_unique=True)

    def work(self, store: Store) -> tuple[int, DecodeWork]:
        """Frames still to be answered, and what that takes of the decoder."""
        remaining = self.remaining
        return len(remaining), self._decoding(remaining, store).work

    def decoding(self, store: Store) -> Decoding:
        """How the frames still to be answered are decoded."""
        return self._decoding(self.remaining, store)

    def _decoding(self, remaining: NDArray[np.int64], store: Store) -> Decoding:
        return choose_decoding(self.index, remaining, self.decode_costs(store))

    def decode_costs(self, store: Store) -> DecodeCosts | None:
        """What decoding this video costs on this machine, where that was measured."""
        return cost_of(DecodeCosts, store.decode_costs.get(self.content))
