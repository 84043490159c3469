"""Which frames to label: blocks of consecutive frames, spread over the video.

Neighbouring frames are almost copies. A random choice of frames would put copies of the training
frames into the selection set, so the two sets share no block of time. How many blocks it takes is
only known on the way: they come in portions, each spread over the whole video.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.statistics.units import unit_of
from vqe.video.index import VideoIndex

LABELS_PER_SECOND = 6
"""Frames labelled per second of a block: more would be copies of each other, and as many labels
tell more when they come from more blocks."""

MIN_SELECTION_BLOCKS = 6
"""With fewer blocks there is no telling how scores spread."""

PARTS = 4
"""Portions begin with so small a part of the first sample."""

MOST_LABELS = 24_000
"""The thumbnails of so many frames take a gigabyte."""

BLOCK_US = 1_000_000
"""A block lasts one metric unit, and one second where units are shorter."""


@dataclass(frozen=True)
class Block:
    """Frames that are labelled together: `ordinals`, int64, ascending. `drawn`: by chance, and not
    because a visit that another block met begins or ends there."""

    ordinals: NDArray[np.int64]
    training: bool
    drawn: bool = True


@dataclass(frozen=True)
class Strip:
    """The frames that a query is about, int64 ascending, cut into B blocks: the b-th has those at
    the positions [edges[b], edges[b + 1]), and every `step`-th of them is labelled."""

    frames: NDArray[np.int64]
    edges: NDArray[np.int64]
    step: int

    def __len__(self) -> int:
        return len(self.edges) - 1

    @property
    def labels_per_block(self) -> float:
        """Frames of a block that are labelled, on average."""
        return len(self.frames) / len(self) / self.step

    def block(self, number: int, *, training: bool, drawn: bool = True) -> Block:
        """The b-th block."""
        first, last = int(self.edges[number]), int(self.edges[number + 1])
        return Block(self.frames[first : last : self.step], training, drawn)

    def middle(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """A frame of each of the blocks, int64 (n,)."""
        positions = (self.edges[numbers] + self.edges[numbers + 1]) // 2
        return np.asarray(self.frames[positions], np.int64)

    def numbers(self, ordinals: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which block each of the frames lies in, int64 (n,)."""
        positions = np.searchsorted(self.frames, ordinals)
        return np.asarray(np.searchsorted(self.edges, positions, side="right") - 1, np.int64)


def cut(index: VideoIndex, frames: NDArray[np.int64], unit_us: int | None) -> Strip:
    """The frames in blocks of a metric unit, or of a second where units are shorter."""
    length_us = BLOCK_US if unit_us is None else _whole_units(unit_us)
    number = unit_of(index.timestamps_us[frames], length_us)
    edges = np.concatenate([[0], np.flatnonzero(np.diff(number)) + 1, [len(frames)]])
    n_blocks = max(len(edges) - 1, 1)
    step = max(round(len(frames) / n_blocks / (LABELS_PER_SECOND * length_us / BLOCK_US)), 1)
    return Strip(frames, edges, step)


def label_budget(frames: int) -> int:
    """How many labels a cascade often takes: a quarter of a short video, then 12·√N.

    The square root balances labels, which cost once, against the frames handed to the reference
    network for want of them, which cost in proportion to N.
    """
    return int(min(frames / 4, 12 * math.sqrt(frames)))


def most_labels(frames: int) -> int:
    """How many a cascade takes at most, beside the ends of visits: the sample of `label_budget`,
    doubled until it is half of the frames, or MOST_LABELS."""
    most = label_budget(frames)
    while 0 < 2 * most <= min(frames / 2, MOST_LABELS):
        most *= 2
    return most


def draw_blocks(
    index: VideoIndex, frames: NDArray[np.int64], unit_us: int | None, seed: int
) -> tuple[Block, ...]:
    """Blocks for about `label_budget` labels, half of them for training, one in each stratum.

    `frames`: int64, ascending, those that the query is about. Empty where they are too few for
    MIN_SELECTION_BLOCKS of each kind.
    """
    rng = np.random.default_rng(seed)
    return _draw(cut(index, frames, unit_us), rng, label_budget(len(frames)))


def draw_portions(
    index: VideoIndex, frames: NDArray[np.int64], unit_us: int | None, seed: int
) -> Iterator[tuple[Block, ...]]:
    """The blocks of `draw_blocks` and then further ones, in portions that about double the sample,
    until it has `most_labels`.

    What is drawn depends on no label, so that the selection blocks of all portions so far are a
    random sample of the video, however many there are.
    """
    sample = draw_blocks(index, frames, unit_us, seed)
    pair, parts = np.arange(len(sample)) // 2, PARTS
    while parts > 1 and len(sample) < 2 * parts * MIN_SELECTION_BLOCKS:
        parts //= 2
    left = np.ones(len(sample), np.bool_)
    while left.any():
        now = left & (pair % parts == 0)
        yield tuple(sample[i] for i in np.flatnonzero(now))
        left &= ~now
        parts //= 2
    taken = {block.ordinals[0] for block in sample}
    budget = label_budget(len(frames))
    while sample and budget < most_labels(len(frames)):
        rng = np.random.default_rng((seed, budget))
        drawn = _draw(cut(index, frames, unit_us), rng, budget)
        yield tuple(block for block in drawn if block.ordinals[0] not in taken)
        taken |= {block.ordinals[0] for block in drawn}
        budget *= 2


def ends_of(
    strip: Strip,
    known: dict[int, bool],
    met: Mapping[int, bool],
    probe: Callable[[NDArray[np.int64]], NDArray[np.bool_]],
) -> tuple[Block, ...]:
    """The first and last blocks of the visits that the blocks `met` lie in, by their numbers.

    A visit's ends look least like the object, and few draws meet them. From each block one goes
    both ways, in steps that double, until `probe` says of a frame that the object is not there, and
    then back by halves. `known`: by number, whether blocks show the object; those that were probed
    are added. The values of `met` tell which are for training; so are ends that only these met.
    """
    searches = [_EndSearch(n, direction) for n in met for direction in (-1, 1)]
    while left := [search for search in searches if search.next(len(strip)) is not None]:
        wanted = {search.next(len(strip)) for search in left}
        asked = np.array(sorted(n for n in wanted if n is not None and n not in known), np.int64)
        known.update(zip(asked.tolist(), probe(strip.middle(asked)).tolist(), strict=True))
        for search in left:
            search.tell(known, len(strip))
    training: dict[int, bool] = {}
    for search, number in zip(searches, np.repeat(list(met), 2).tolist(), strict=True):
        training[search.inside] = training.get(search.inside, True) and met[number]
    return tuple(
        strip.block(number, training=for_training, drawn=False)
        for number, for_training in sorted(training.items())
    )


@dataclass
class _EndSearch:
    """From a block with the object towards the last one that has it, in one direction."""

    inside: int
    direction: int
    outside: int | None = None
    step: int = 1

    def next(self, n_blocks: int) -> int | None:
        """The block to ask about; None at the end."""
        if self.outside is None:
            ahead = min(max(self.inside + self.direction * self.step, 0), n_blocks - 1)
            return None if ahead == self.inside else ahead
        if abs(self.outside - self.inside) == 1:
            return None
        return (self.inside + self.outside) // 2

    def tell(self, known: dict[int, bool], n_blocks: int) -> None:
        """What the block showed."""
        asked = self.next(n_blocks)
        assert asked is not None
        if known[asked]:
            self.inside, self.step = asked, 2 * self.step
        else:
            self.outside = asked


def n_labels(blocks: Iterable[Block]) -> int:
    """Frames in the blocks."""
    return sum(len(block.ordinals) for block in blocks)


def _draw(strip: Strip, rng: np.random.Generator, budget: int) -> tuple[Block, ...]:
    """Blocks for about `budget` labels."""
    pairs = int(budget / (2 * strip.labels_per_block)) if len(strip.frames) else 0
    pairs = min(pairs, len(strip) // 2)
    if pairs < MIN_SELECTION_BLOCKS:
        return ()
    strata = np.linspace(0, len(strip), 2 * pairs + 1).astype(int)
    blocks = []
    for pair in range(pairs):
        training_first = bool(rng.integers(2))
        for half in range(2):
            chosen = rng.integers(strata[2 * pair + half], strata[2 * pair + half + 1])
            blocks.append(strip.block(chosen, training=training_first == (half == 0)))
    return tuple(blocks)


def _whole_units(unit_us: int) -> int:
    """The shortest multiple of a unit that lasts at least a block."""
    return unit_us * math.ceil(BLOCK_US / unit_us)
