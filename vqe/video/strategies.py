"""Decode strategies: which frames of a video are decoded at all.

Each is a value that turns the frames that a query is about into a `DecodePlan`, whose work is known
from the packet index. A strategy is `complete` where every frame asked for is delivered; what the
others leave out must be filled in from its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vqe.video.decode_plan import DecodePlan
from vqe.video.index import VideoIndex
from vqe.video.packet_gate import PacketGate

Ordinals = NDArray[np.int64]


class DecodeStrategy(Protocol):
    """Chooses what to decode."""

    @property
    def name(self) -> str:
        """How EXPLAIN calls it."""

    @property
    def complete(self) -> bool:
        """Whether every frame asked for is delivered."""

    def plan(self, index: VideoIndex, ordinals: Ordinals) -> DecodePlan:
        """How to read the frames `ordinals`, int64, ascending."""


@dataclass(frozen=True)
class EveryFrame:
    """Decodes the groups of pictures that hold a frame asked for, each up to the last of them."""

    name = "every frame"
    complete = True

    def plan(self, index: VideoIndex, ordinals: Ordinals) -> DecodePlan:
        """One pass; nothing is skipped on the way."""
        return DecodePlan(self.name, index, ordinals, "nothing")


@dataclass(frozen=True)
class FrameSet:
    """As EveryFrame, but what lies between is decoded only where other frames refer to it."""

    name = "frame set"
    complete = True

    def plan(self, index: VideoIndex, ordinals: Ordinals) -> DecodePlan:
        """By group of pictures."""
        return DecodePlan(self.name, index, ordinals, "unwanted")


@dataclass(frozen=True)
class KeyFrames:
    """Decodes the key frames among those asked for."""

    name = "key frames"
    complete = False

    def plan(self, index: VideoIndex, ordinals: Ordinals) -> DecodePlan:
        """One packet a group of pictures."""
        return DecodePlan(self.name, index, ordinals[index.keyframe[ordinals]], "unwanted")


@dataclass(frozen=True)
class ReferenceFrames:
    """Decodes the frames that others refer to: all of them where a stream has no B-frames."""

    name = "reference frames"
    complete = False

    def plan(self, index: VideoIndex, ordinals: Ordinals) -> DecodePlan:
        """Which frames will come is for the decoder to say."""
        return DecodePlan(self.name, index, ordinals, "non-reference")


@dataclass(frozen=True)
class Stride:
    """Every `step`-th frame of those asked for."""

    step: int
    complete = False

    @property
    def name(self) -> str:
        """With its step."""
        return f"stride {self.step}"

    def plan(self, index: VideoIndex, ordinals: Ordinals) -> DecodePlan:
        """Reads on or jumps, whichever needs fewer packets."""
        return DecodePlan(self.name, index, ordinals[:: self.step], "unwanted")


@dataclass(frozen=True)
class Gated:
    """The frames whose packets are large for their kind, and the key frames."""

    gate: PacketGate
    complete = False
    name = "packet gate"

    def plan(self, index: VideoIndex, ordinals: Ordinals) -> DecodePlan:
        """Small packets are decoded where later ones refer to them."""
        open_ = self.gate.passes(index, ordinals)
        return DecodePlan(self.name, index, ordinals[open_], "unwanted")


@dataclass(frozen=True)
class Refinement:
    """Key frames first; then, on demand, the frames between two of them.

    `plan` covers the key frames; `between` those of one interval once it is wanted.
    """

    name = "key frames, then refinement"
    complete = False

    def plan(self, index: VideoIndex, ordinals: Ordinals) -> DecodePlan:
        """The first pass."""
        return KeyFrames().plan(index, ordinals)

    def between(self, index: VideoIndex, ordinals: Ordinals, intervals: Ordinals) -> DecodePlan:
        """The other frames of the groups of pictures `intervals` (numbers, int64, ascending)."""
        inside = np.isin(index.gop_of(ordinals), intervals) & ~index.keyframe[ordinals]
        return DecodePlan(self.name, index, ordinals[inside], "unwanted")


COMPLETE: tuple[DecodeStrategy, ...] = (EveryFrame(), FrameSet())
"""Strategies that may replace one another without changing a row."""
