"""The choice of a decode strategy for the frames that a scan must answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.video.costs import DecodeCosts
from vqe.video.decode_plan import DecodeWork
from vqe.video.index import VideoIndex
from vqe.video.strategies import (
    COMPLETE,
    DecodeStrategy,
    KeyFrames,
    ReferenceFrames,
    Stride,
)

STRIDE_US = 1_000_000
"""The stride that is priced beside the others: a frame a second."""


@dataclass(frozen=True)
class Decoding:
    """A decode strategy with its price, known before anything is decoded.

    `delivered`: frames that it hands over, at most, of those asked for; `seconds`: CPU time, None
    where decoding was not measured on this video yet.
    """

    strategy: DecodeStrategy
    delivered: int
    work: DecodeWork
    seconds: float | None


def choose_decoding(
    index: VideoIndex, ordinals: NDArray[np.int64], costs: DecodeCosts | None = None
) -> Decoding:
    """The cheapest strategy that delivers each of the frames `ordinals` (int64, ascending)."""
    return cheapest([_price(strategy, index, ordinals, costs) for strategy in COMPLETE])


def cheapest(prices: Iterable[Decoding]) -> Decoding:
    """The one to choose: it delivers each frame, and takes the least."""
    return min((price for price in prices if price.strategy.complete), key=_effort)


def price_decoding(
    index: VideoIndex, ordinals: NDArray[np.int64], costs: DecodeCosts | None
) -> tuple[Decoding, ...]:
    """What every strategy would take, the ones that leave frames to be filled in among them."""
    fps = len(index) / max((int(index.timestamps_us[-1]) + 1) / STRIDE_US, 1.0)
    partial = (ReferenceFrames(), Stride(max(round(fps), 1)), KeyFrames())
    return tuple(_price(s, index, ordinals, costs) for s in (*COMPLETE, *partial))


def _price(
    strategy: DecodeStrategy,
    index: VideoIndex,
    ordinals: NDArray[np.int64],
    costs: DecodeCosts | None,
) -> Decoding:
    plan = strategy.plan(index, ordinals)
    work = plan.work
    return Decoding(
        strategy, len(plan.ordinals), work, None if costs is None else costs.seconds(work)
    )


def _effort(decoding: Decoding) -> float:
    """Seconds, or in their place frames: what is only offered to the decoder may be skipped."""
    if decoding.seconds is not None:
        return decoding.seconds
    work = decoding.work
    return work.decoded - 0.25 * work.offered + 0.01 * (work.packets + work.seeks)
