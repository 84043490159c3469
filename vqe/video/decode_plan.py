"""Which packets to decode for a set of frames, and what that will take.

Decoding begins at an entry (a key frame), and goes on to the last packet that a wanted frame needs.
All this is known from the packet index before a byte is decoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vqe.video.index import VideoIndex

Span = tuple[int, int]
"""Ordinals [start, stop)."""

Skip = Literal["nothing", "unwanted", "non-reference"]
"""Which packets the decoder may pass over, where no other frame refers to them."""

SEGMENT_FRAMES = 100
"""Packets that a segment decodes, about: it is cut at a key frame. Long enough to make a seek and a
fresh decoder negligible, short enough that several threads find work in memory of fixed size."""

DROP_PACKETS = 16
"""Up to so many packets are read and dropped where a seek would skip them: it costs as much."""


@dataclass(frozen=True)
class Run:
    """Packets that are decoded without a break: positions [first, last] in decoding order.

    `ordinals`: int64, ascending, the frames wanted of them.
    """

    first: int
    last: int
    ordinals: NDArray[np.int64]


@dataclass(frozen=True)
class DecodeWork:
    """What reading takes, predicted or done.

    `packets` leave the demuxer; `keys` and `others` are decoded, key frames and other frames;
    `offered` packets are decoded only where other frames refer to them; `seeks` are jumps.
    """

    packets: int = 0
    keys: int = 0
    others: int = 0
    offered: int = 0
    seeks: int = 0

    @property
    def decoded(self) -> int:
        """Frames that leave the decoder at most."""
        return self.keys + self.others + self.offered

    def __add__(self, other: DecodeWork) -> DecodeWork:
        return DecodeWork(
            self.packets + other.packets,
            self.keys + other.keys,
            self.others + other.others,
            self.offered + other.offered,
            self.seeks + other.seeks,
        )

    def __sub__(self, other: DecodeWork) -> DecodeWork:
        return DecodeWork(
            self.packets - other.packets,
            self.keys - other.keys,
            self.others - other.others,
            self.offered - other.offered,
            self.seeks - other.seeks,
        )


@dataclass(frozen=True)
class Segment:
    """Frames that are read as one piece, by one thread; `ordinals`: int64, ascending."""

    number: int
    ordinals: NDArray[np.int64]


@dataclass(frozen=True)
class DecodePlan:
    """How the frames `ordinals` (int64, ascending) are read: `name` is that of the strategy.

    Where `skip` is "non-reference", only those that other frames refer to are delivered.
    """

    name: str
    index: VideoIndex
    ordinals: NDArray[np.int64]
    skip: Skip = "nothing"

    def segments(self) -> Iterator[Segment]:
        """The frames in pieces, cut at key frames.

        The rule looks at the index and the ordinals alone, never at threads or batch sizes, so
        that state which a stage keeps over a segment does not make results depend on either.
        """
        first, last, starts = self._groups()
        packets = np.cumsum(last - first + 1)
        number = (packets - packets[:1]) // SEGMENT_FRAMES
        cuts = starts[1:][np.diff(number) > 0]
        for i, ordinals in enumerate(np.split(self.ordinals, cuts)):
            if len(ordinals):
                yield Segment(i, ordinals)

    def runs(self, ordinals: NDArray[np.int64]) -> Iterator[Run]:
        """How the frames of a segment are decoded."""
        first, last, starts = _groups(self.index, ordinals)
        joined = first[1:] <= last[:-1] + 1
        heads = np.flatnonzero(np.concatenate([[True], ~joined]))
        tails = np.append(heads[1:], len(first))
        edges = np.append(starts, len(ordinals))
        for head, tail in zip(heads.tolist(), tails.tolist(), strict=True):
            wanted = ordinals[edges[head] : edges[tail]]
            # With open groups of pictures, the end of one may need packets behind the next entry.
            yield Run(int(first[head]), int(last[head:tail].max()), wanted)

    @property
    def work(self) -> DecodeWork:
        """What reading it with one thread will take."""
        first, last, _ = self._groups()
        if not len(first):
            return DecodeWork()
        # Packets between groups are dropped or jumped over; those behind the next entry come twice
        # only where a segment ends there, which is rare enough to leave out.
        gap = np.concatenate([first[:1], first[1:] - last[:-1] - 1])
        decoded = last - first + 1 + np.minimum(gap, 0)
        dropped = np.where((gap > 0) & (gap <= DROP_PACKETS), gap, 0)
        total = int(decoded.sum())
        keys = self._keys_between(first, last)
        wanted_keys = int(self.index.keyframe[self.ordinals].sum())
        offered = {
            "nothing": 0,
            "unwanted": total - keys - (len(self.ordinals) - wanted_keys),
            "non-reference": total - keys,
        }[self.skip if self.index.timed else "nothing"]  # to be counted, all are decoded
        return DecodeWork(
            packets=total + int(dropped.sum()),
            keys=keys,
            others=total - keys - offered,
            offered=offered,
            seeks=int((gap > DROP_PACKETS).sum()),
        )

    def _groups(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        return _groups(self.index, self.ordinals)

    def _keys_between(self, first: NDArray[np.int64], last: NDArray[np.int64]) -> int:
        """Key frames among the packets [first, last] of all groups."""
        before = np.concatenate([[0], np.cumsum(self.index.keyframe[self.index.decode_order])])
        start = np.concatenate([first[:1], np.maximum(first[1:], last[:-1] + 1)])
        return int((before[last + 1] - before[np.minimum(start, last + 1)]).sum())


def _groups(
    index: VideoIndex, ordinals: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """For each group of pictures that has a wanted frame: its first packet and the last one needed,
    as positions in decoding order, and where its frames begin among the ordinals."""
    if not len(ordinals):
        empty = np.empty(0, np.int64)
        return empty, empty, empty
    gop = index.gop_of(ordinals)
    starts = np.flatnonzero(np.diff(gop, prepend=-1))
    first = index.entry_rank[gop[starts]]
    last = np.maximum.reduceat(index.decode_rank[ordinals], starts)
    return first, last, starts


def spans_of(ordinals: NDArray[np.int64]) -> list[Span]:
    """Ascending ordinals as maximal spans of consecutive ones."""
    if not len(ordinals):
        return []
    breaks = np.flatnonzero(np.diff(ordinals) > 1) + 1
    return [(int(run[0]), int(run[-1]) + 1) for run in np.split(ordinals, breaks)]
