"""The choice of a decode strategy for the frames that a scan must answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.video.decode_plan import DecodeWork
from vqe.video.index import VideoIndex
from vqe.video.strategies import COMPLETE, DecodeStrategy


@dataclass(frozen=True)
class Decoding:
    """A decode strategy and what it is predicted to take, from the packet index alone."""

    strategy: DecodeStrategy
    work: DecodeWork


def choose_decoding(index: VideoIndex, ordinals: NDArray[np.int64]) -> Decoding:
    """The cheapest strategy that delivers each of the frames `ordinals` (int64, ascending)."""
    plans = [Decoding(strategy, strategy.plan(index, ordinals).work) for strategy in COMPLETE]
    return min(plans, key=lambda decoding: _effort(decoding.work))


def _effort(work: DecodeWork) -> float:
    """In frames decoded, about: what is only offered to the decoder may be skipped."""
    return work.decoded - 0.25 * work.offered + 0.01 * (work.packets + work.seeks)
