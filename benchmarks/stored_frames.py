"""Frames that were kept: their thumbnails, and the network's answers.

They stand for a video and a network where a query is replayed: what a planner asks of both, it asks
here. Only what frames look like is smaller: 32 × 32 pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vqe.detectors.difference import GRID
from vqe.models.kernel_model import SIZE
from vqe.physical.stages import ABSENT, PRESENT
from vqe.planner.inquiry import Pictures
from vqe.video.costs import DecodeCosts
from vqe.video.index import VideoIndex, index_of
from vqe.video.packets import Packets
from vqe.video.strategies import FrameSet

DECODING = DecodeCosts(
    packet=1e-5, key=0.004, other=0.003, offered=0.002, reference_share=1.0, seek=0.01
)
MEANS_SECONDS = 0.0002
"""Of the means by block, per frame of 720 lines: as measured, so that all replays agree."""

KEY_FRAMES = 60
"""Frames from one key frame to the next."""

CHUNK = 4096
"""Frames whose blocks are measured at a time."""


@dataclass(frozen=True)
class Stored:
    """N frames: `thumbnails`, uint8 (N, 32, 32, 3) RGB, and `present`, bool (N,), the network's
    answers; `index` has their times."""

    thumbnails: NDArray[np.uint8]
    present: NDArray[np.bool_]
    index: VideoIndex

    def answers(self, ordinals: NDArray[np.int64]) -> NDArray[np.bool_]:
        """What the network says of frames, bool (n,)."""
        return self.present[ordinals]

    def differences(
        self, rows: NDArray[np.int64], reference: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Squared differences from the reference image, float32 (32, 32), as their means over the
        blocks of GRID, float64 (n, 400)."""
        out = np.empty((len(rows), GRID[0] * GRID[1]))
        for start in range(0, len(rows), CHUNK):
            part = rows[start : start + CHUNK]
            squared = (luma(self.thumbnails[part]) - reference) ** 2
            out[start : start + CHUNK] = _by_block(squared)
        return out

    @cached_property
    def means(self) -> NDArray[np.float32]:
        """Mean luma over the blocks of GRID, float32 (N, 400)."""
        out = np.empty((len(self.thumbnails), GRID[0] * GRID[1]), np.float32)
        for start in range(0, len(out), CHUNK):
            out[start : start + CHUNK] = _by_block(luma(self.thumbnails[start : start + CHUNK]))
        return out


def stored(thumbnails: NDArray[np.uint8], present: NDArray[np.bool_], fps: float) -> Stored:
    """Frames at regular times."""
    pts = np.arange(len(present)) * 1_000_000_000_000 // round(fps * 1_000_000)
    packets = Packets(pts, pts, np.full(len(pts), 100), np.arange(len(pts)) % KEY_FRAMES == 0)
    index = index_of(
        packets,
        path="",
        width=SIZE,
        height=SIZE,
        time_base=Fraction(1, 1_000_000),
        timed=True,
        seekable=True,
        source="packets",
    )
    return Stored(thumbnails, present, index)


def luma(thumbnails: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 (n, S, S, 3) RGB to float32 (n, S, S)."""
    return thumbnails.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)


def _by_block(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means over the blocks of GRID, float32 (n, 400), of numbers by pixel, (n, SIZE, SIZE)."""
    means = _shares(GRID[0]) @ values @ _shares(GRID[1]).T
    return np.asarray(means, np.float32).reshape(len(values), -1)


def _shares(blocks: int) -> NDArray[np.float32]:
    """Which part of each row of a thumbnail lies in each block, float32 (blocks, SIZE)."""
    edges = np.arange(blocks + 1) * SIZE / blocks
    rows = np.arange(SIZE)
    inside = np.minimum(edges[1:, None], rows + 1) - np.maximum(edges[:-1, None], rows)
    shares: NDArray[np.float32] = (np.maximum(inside, 0) * blocks / SIZE).astype(np.float32)
    return shares


@dataclass
class StoredInquiry:
    """What the planner asks to learn links, answered by stored frames.

    `labelled`: ordinals that it has asked about; `seconds`: what reading pictures would take.
    """

    frames: Stored
    labelled: set[int] = field(default_factory=set)
    seconds: float = 0.0
    spare = math.inf

    @property
    def ordinals(self) -> NDArray[np.int64]:
        """All frames."""
        return np.arange(len(self.frames.present))

    def label(self, ordinals: NDArray[np.int64]) -> NDArray[np.int8]:
        """None of them is damaged."""
        self.labelled.update(ordinals.tolist())
        return np.where(self.frames.answers(ordinals), PRESENT, ABSENT).astype(np.int8)

    def pictures(self, ordinals: NDArray[np.int64]) -> Pictures:
        """Means by block of the thumbnails."""
        work = FrameSet().plan(self.frames.index, ordinals).work
        self.seconds += DECODING.seconds(work) + len(ordinals) * MEANS_SECONDS
        return Pictures(ordinals, self.frames.means[ordinals], MEANS_SECONDS)
