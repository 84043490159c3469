"""How much to label for a cascade: portion after portion, as long as more may pay.

A label costs a call of the reference network, and decoding up to its frame. What it may save are
calls: with more labels models learn better, and thresholds need smaller margins. Both sides are
foretold in measured seconds. Where the network is fast, decoding is what a label costs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vqe.planner.allowance import SpentError
from vqe.planner.evidence import Evidence
from vqe.planner.sampling import Block, Strip, ends_of, n_labels
from vqe.planner.search import HORIZONS, Search
from vqe.statistics.units import unit_answers

LEARNING_CURVE = 0.5
"""Of what the last doubling of the sample improved, the next one improves as much, about."""


class Gathering:
    """Evidence from drawn blocks, and from the ends of the visits that these have met.

    `collect` labels blocks and returns all evidence so far, None where no frame can be decoded;
    `probe` asks about frames, int64 (n,), for bool (n,).
    """

    def __init__(
        self,
        strip: Strip,
        collect: Callable[[tuple[Block, ...]], Evidence | None],
        probe: Callable[[NDArray[np.int64]], NDArray[np.bool_]],
    ) -> None:
        self.strip = strip
        self.collect = collect
        self.probe = probe
        self.known: dict[int, bool] = {}
        self.taken: set[int] = set()

    def add(self, portion: tuple[Block, ...]) -> Evidence | None:
        """All evidence, with that of a further portion."""
        evidence = self.collect(self._new(portion))
        if evidence is None:
            return None
        number = self.strip.numbers(evidence.ordinals)
        blocks, of = np.unique(number, return_inverse=True)
        positive = unit_answers(evidence.present, of)
        self.known.update(zip(blocks.tolist(), positive.tolist(), strict=True))
        met = {
            n: block.training
            for n, block in zip(self._numbers(portion).tolist(), portion, strict=True)
            if self.known.get(n)
        }
        ends = self._new(ends_of(self.strip, self.known, met, self.probe))
        return self.collect(ends) if ends else evidence

    def _numbers(self, blocks: tuple[Block, ...]) -> NDArray[np.int64]:
        return self.strip.numbers(np.array([block.ordinals[0] for block in blocks], np.int64))

    def _new(self, blocks: tuple[Block, ...]) -> tuple[Block, ...]:
        """Those that were not taken before."""
        numbers = self._numbers(blocks)
        pairs = zip(numbers.tolist(), blocks, strict=True)
        new = {n: block for n, block in pairs if n not in self.taken}
        self.taken.update(new)
        return tuple(new.values())


def learn(
    portions: Iterable[tuple[Block, ...]],
    gather: Callable[[tuple[Block, ...]], Evidence | None],
    explored: Callable[[Evidence], Search],
    affordable: Callable[[int, int], bool],
) -> Search | None:
    """The search on the sample that is large enough; None where no frame can be decoded.

    `gather` labels a portion and returns all evidence so far, `explored` searches it, and
    `affordable` tells whether so many labels more may be asked for after so many.
    """
    search, drawn, share = None, 0, math.nan
    for portion, following in pairwise([*portions, ()]):
        try:
            evidence = gather(portion)
        except SpentError:
            if search is None:
                raise
            break
        if evidence is None:
            return None
        search = explored(evidence)
        drawn += n_labels(portion)
        labels = len(evidence.ordinals)
        more = n_labels(following) * labels // drawn
        if not more or search.late or not affordable(more, labels):
            break
        wanted = np.sort(np.concatenate([block.ordinals for block in following]))
        decoding = search.decoding(wanted) / len(wanted)
        if not _pays(search, more, labels, share, decoding):
            break
        share = search.best_seconds / search.seconds_without
    return search


def _pays(search: Search, more: int, labels: int, share_before: float, decoding: float) -> bool:
    """Whether `more` labels after so many may save what they take, training included.

    `share_before`: seconds of the best plan after the last portion but one, as a share of those
    without a cascade; NaN after the first portion, which tells little of what the next one brings.
    `decoding`: seconds for a label; a scan decodes all frames anew.
    """
    now, without = search.best_seconds, search.seconds_without
    # Those frames are not asked about again that the cascade would have handed on.
    per_label = search.costs.reference.seconds_per_frame * (1 - now / without) + decoding
    training = _coarse(search.training_seconds)
    price = more * per_label + training
    if now - search.at_best(search.within_reach) <= price:
        return False
    if math.isnan(share_before):
        return True
    if LEARNING_CURVE * (share_before * without - now) > price:
        return True
    return any(
        now - search.foreseen(growth) > (growth - 1) * labels * per_label + training
        for growth in HORIZONS
    )


def _coarse(seconds: float) -> float:
    """To a power of two: what a training takes depends on the moment, the plan should not."""
    return 2.0 ** round(math.log2(seconds)) if seconds else 0.0
