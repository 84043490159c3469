"""Which frames to label: blocks of consecutive frames, spread over the video.

Neighbouring frames are almost copies. A random choice of frames would put copies of the training
frames into the selection set, so the two sets share no block of time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.statistics.units import unit_of
from vqe.video.index import VideoIndex

TRAINING_RATE = 6
"""Frames labelled per second of a training block: more would be copies of each other."""

MIN_SELECTION_BLOCKS = 6
"""With fewer blocks there is no telling how scores spread."""

BLOCK_US = 1_000_000
"""A block lasts one metric unit, and one second where units are shorter."""


@dataclass(frozen=True)
class Block:
    """Frames that are labelled together: `ordinals`, int64, ascending.

    `position`: of the first of them among the frames that the query is about.
    """

    ordinals: NDArray[np.int64]
    training: bool
    position: int


def label_budget(frames: int) -> int:
    """How many frames to label before choosing a plan: a quarter of a short video, then 12·√N.

    The square root balances labels, which cost once, against the frames handed to the reference
    network for want of them, which cost in proportion to N.
    """
    return int(min(frames / 4, 12 * math.sqrt(frames)))


def draw_blocks(
    index: VideoIndex, frames: NDArray[np.int64], unit_us: int | None, seed: int
) -> tuple[Block, ...]:
    """Blocks for about `label_budget` labels, half of them for training, one in each stratum.

    `frames`: int64, ascending, those that the query is about. Empty where they are too few for
    MIN_SELECTION_BLOCKS of each kind.
    """
    if not len(frames):
        return ()
    length_us = BLOCK_US if unit_us is None else _whole_units(unit_us)
    number = unit_of(index.timestamps_us[frames], length_us)
    # Block b has the frames at the positions [edges[b], edges[b + 1]).
    edges = np.concatenate([[0], np.flatnonzero(np.diff(number)) + 1, [len(frames)]])
    n_blocks = len(edges) - 1
    frames_per_block = len(frames) / n_blocks
    step = max(round(frames_per_block / (TRAINING_RATE * length_us / BLOCK_US)), 1)
    labels_per_pair = frames_per_block * (1 + 1 / step)
    pairs = int(label_budget(len(frames)) / labels_per_pair)
    if pairs < MIN_SELECTION_BLOCKS:
        return ()
    rng = np.random.default_rng(seed)
    strata = np.linspace(0, n_blocks, 2 * pairs + 1).astype(int)
    blocks = []
    for pair in range(pairs):
        training_first = bool(rng.integers(2))
        for half in range(2):
            chosen = rng.integers(strata[2 * pair + half], strata[2 * pair + half + 1])
            training = training_first == (half == 0)
            first, last = int(edges[chosen]), int(edges[chosen + 1])
            blocks.append(Block(frames[first : last : step if training else 1], training, first))
    return tuple(blocks)


def _whole_units(unit_us: int) -> int:
    """The shortest multiple of a unit that lasts at least a block."""
    return unit_us * math.ceil(BLOCK_US / unit_us)
