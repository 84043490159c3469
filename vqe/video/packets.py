"""The packets of a video stream, as a container lists them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream

Packet: TypeAlias = "av.Packet[VideoStream]"

NO_TIME = np.iinfo(np.int64).min
"""Stands for a time that a packet does not carry, as in FFmpeg."""


@dataclass(frozen=True)
class Packets:
    """The N displayable packets of a stream, in decoding order.

    `pts`, `dts`: int64 (N,), in the stream's time base, or NO_TIME; `size`: int64 (N,), bytes;
    `key`: bool (N,), whether decoding can begin there.
    """

    pts: NDArray[np.int64]
    dts: NDArray[np.int64]
    size: NDArray[np.int64]
    key: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.pts)

    def those(self, chosen: NDArray[np.bool_]) -> Packets:
        """Some of them, in the same order."""
        return Packets(self.pts[chosen], self.dts[chosen], self.size[chosen], self.key[chosen])
