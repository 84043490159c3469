"""Which frames a video has, and how the decoder gets at them; known without decoding."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vqe.video.packets import Packets

Source = Literal["tables", "packets"]
"""Where an index comes from: the container's own tables, or reading every packet."""


@dataclass(frozen=True)
class VideoIndex:
    """N frames in presentation order; the position in the arrays is the ordinal.

    `pts`: int64 (N,), ascending, in `time_base`; `timestamps_us`: int64 (N,), microseconds from
    the first frame; `keyframe`: bool (N,); `dts`: int64 (N,), decoding timestamps; `size`: int64
    (N,), bytes of the packet; `decode_order`: int64 (N,), the ordinals in the order of decoding.

    `timed` is False where the file does not know presentation times (AVI with B-frames, raw
    streams), so that frames are counted as they are decoded; `seekable` is False where decoding
    begins at the start of the file only, for that reason or because a seek leads to other times
    (program streams), or no packet stands for itself (intra refresh). `paired` is True where a
    frame may take two packets (its fields), of which the first stands for it. `start_us`: the
    moment of the first frame, in microseconds since 1970, where the user has told it.
    """

    path: str
    width: int
    height: int
    time_base: Fraction
    pts: NDArray[np.int64]
    timestamps_us: NDArray[np.int64]
    keyframe: NDArray[np.bool_]
    dts: NDArray[np.int64]
    size: NDArray[np.int64]
    decode_order: NDArray[np.int64]
    timed: bool
    seekable: bool
    source: Source
    paired: bool = False
    start_us: int | None = None

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def nbytes(self) -> int:
        """What the arrays take in memory."""
        arrays = (self.pts, self.timestamps_us, self.keyframe, self.dts, self.size)
        return sum(array.nbytes for array in arrays) + 2 * self.decode_order.nbytes

    @cached_property
    def entries(self) -> NDArray[np.int64]:
        """Ordinals at which decoding can begin, ascending: the start, and the key frames."""
        later = np.flatnonzero(self.keyframe[1:]) + 1 if self.seekable else np.empty(0, np.int64)
        return np.concatenate([np.zeros(1, np.int64), later])

    @cached_property
    def entry_rank(self) -> NDArray[np.int64]:
        """The packet that decoding begins with at each entry, as its position in `decode_order`.

        The start of the file may lie before frame 0: what a container hides is decoded as well.
        """
        rank = self.decode_rank[self.entries]
        rank[0] = 0
        return rank

    @cached_property
    def pts_decoded(self) -> NDArray[np.int64]:
        """The pts in the order of decoding, int64 (N,)."""
        return self.pts[self.decode_order]

    @cached_property
    def decode_rank(self) -> NDArray[np.int64]:
        """Position of each frame in the order of decoding, int64 (N,)."""
        rank = np.empty(len(self), np.int64)
        rank[self.decode_order] = np.arange(len(self))
        return rank

    @cached_property
    def out_of_turn(self) -> NDArray[np.bool_]:
        """Frames decoded after one that is shown later, bool (N,): B-frames."""
        later = np.minimum.accumulate(self.decode_rank[::-1])[::-1]
        return np.append(self.decode_rank[:-1] > later[1:], False)

    @property
    def gop(self) -> NDArray[np.int64]:
        """Number of the group of pictures of each frame, int64 (N,), from 0.

        In presentation order: the frames from one entry to the next.
        """
        return self.gop_of(np.arange(len(self)))

    def gop_of(self, ordinals: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers of the groups of pictures that these frames belong to."""
        return np.searchsorted(self.entries, ordinals, side="right") - 1

    def end_us(self, ordinal: int) -> int:
        """When the next frame is shown, in microseconds from the first one."""
        return int(self.stops_us(np.array([ordinal]))[0])

    def stops_us(self, ordinals: NDArray[np.int64]) -> NDArray[np.int64]:
        """When the frames after these are shown, int64 (n,); the last one lasts as long as most
        frames do (their median), and of a single frame nothing is known."""
        following = np.minimum(ordinals + 1, len(self) - 1)
        return self.timestamps_us[following] + np.where(
            following == ordinals, self.usual_duration_us, 0
        )

    @cached_property
    def usual_duration_us(self) -> int:
        """How long a frame is shown, in microseconds: the median; 0 of a single frame."""
        return int(np.median(np.diff(self.timestamps_us))) if len(self) > 1 else 0

    def frames_between(self, start_us: int, stop_us: int | None) -> tuple[int, int]:
        """Ordinals [start, stop) of the frames with start_us <= timestamp < stop_us."""
        start = int(np.searchsorted(self.timestamps_us, start_us))
        stop = len(self) if stop_us is None else int(np.searchsorted(self.timestamps_us, stop_us))
        return start, max(start, stop)


def index_of(
    packets: Packets,
    *,
    path: str,
    width: int,
    height: int,
    time_base: Fraction,
    timed: bool,
    seekable: bool,
    source: Source,
) -> VideoIndex:
    """The index of a stream with these packets, every one of which has a pts and a dts.

    The ordinal is the rank of the pts. Where two packets share one, it cannot tell them apart, and
    the frames are counted.
    """
    decode_order = np.arange(len(packets))
    order = np.argsort(packets.pts, kind="stable")
    decode_order[order] = np.arange(len(packets))
    pts = packets.pts[order]
    timed = timed and bool((np.diff(pts) > 0).all())
    # float64 is exact to the microsecond for 285 years.
    since_start_us = (pts - pts[0]) * float(time_base * 1_000_000)
    return VideoIndex(
        path=path,
        width=width,
        height=height,
        time_base=time_base,
        pts=pts,
        timestamps_us=np.rint(since_start_us).astype(np.int64),
        keyframe=packets.key[order],
        dts=packets.dts[order],
        size=packets.size[order],
        decode_order=decode_order,
        timed=timed,
        seekable=timed and seekable,
        source=source,
    )
