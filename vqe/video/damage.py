"""Frames that a damaged file has lost, and those that may show remains of older ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.video.index import VideoIndex


@dataclass(frozen=True)
class Damage:
    """Ordinals, ascending: `lost` frames could not be decoded; `doubtful` ones could, but refer to
    a damaged frame, whose place the decoder filled as well as it could."""

    lost: tuple[int, ...] = ()
    doubtful: tuple[int, ...] = ()

    @staticmethod
    def join(parts: Iterable[Damage]) -> Damage:
        """That of several segments, in their order."""
        parts = list(parts)
        return Damage(
            tuple(ordinal for part in parts for ordinal in part.lost),
            tuple(ordinal for part in parts for ordinal in part.doubtful),
        )

    def __bool__(self) -> bool:
        return bool(self.lost or self.doubtful)


def damage_of(
    index: VideoIndex,
    delivered: NDArray[np.int64],
    lost: NDArray[np.int64],
    damaged: Sequence[int],
) -> Damage:
    """The damage within a segment, of which the frames `delivered` could be decoded.

    A frame is doubtful where it, or one that was decoded before it since the last entry, was lost
    or `damaged`.
    """
    sources = np.union1d(lost, np.array(damaged, np.int64))
    if not len(sources):
        return Damage()
    rank = index.decode_rank
    sources = np.sort(rank[sources])
    entry = index.entry_rank[index.gop_of(delivered)]
    # The first damage at or after the entry comes before the frame.
    at = np.searchsorted(sources, entry)
    first = np.append(sources, len(index))[at]
    doubtful = delivered[first <= rank[delivered]]
    return Damage(tuple(lost.tolist()), tuple(doubtful.tolist()))
