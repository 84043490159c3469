"""What a proof consists of: frozen plans, and the units that chance has drawn since.

Before the first draw, each plan says of every unit that it is absent or present, or leaves it to
the reference network. From then on nothing changes what a plan says, only labels are added, so
that `statistics/fixed_sequence.py` may judge the plans by them. Whoever keeps a proof can go on
where it stopped, and need never draw again.

Each proof draws anew. What earlier draws showed is in the labels, and thereby in the plans; an
order that knew anything of those draws would go to the very units that they have changed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vqe.physical.rows import CODE
from vqe.physical.stages import ABSENT, PRESENT, UNKNOWN
from vqe.statistics.betting import Stratum
from vqe.statistics.certificate import Answer, Tally
from vqe.statistics.units import settled

DRAW = b"draw"
"""Keeps the draw apart from everything else that the seed decides, such as the choice of plans."""


@dataclass(frozen=True)
class FrozenPlans:
    """What K plans say of N frames, the most conservative first.

    `answer`: int8 (K, N), ABSENT, PRESENT, or UNKNOWN for the reference network; `decided_by`: int8
    (K, N), the code of the stage that says so. `anchor`: int64 (K, N), the position of the frame
    that each frame is linked to, -1 for none; None where no frame is. A linked frame is left to
    the reference network until the label of its anchor is known.
    """

    answer: NDArray[np.int8]
    decided_by: NDArray[np.int8]
    anchor: NDArray[np.int64] | None = None

    @property
    def anchors(self) -> NDArray[np.int64]:
        """Positions that some frame is linked to, ascending."""
        positions = np.empty(0, np.int64) if self.anchor is None else np.unique(self.anchor)
        return positions[positions >= 0]

    def handed_on(self, plan: int) -> NDArray[np.bool_]:
        """Which frames a plan leaves to the reference network, bool (N,): not the linked ones."""
        left: NDArray[np.bool_] = self.answer[plan] == UNKNOWN
        return left if self.anchor is None else left & (self.anchor[plan] < 0)

    def linked(self, label: NDArray[np.int8]) -> FrozenPlans:
        """With the answers of the frames whose anchors have a `label`, int8 (N,)."""
        if self.anchor is None:
            return self
        known = (self.anchor >= 0) & (label[self.anchor] != UNKNOWN)
        answer = np.where(known, label[self.anchor], self.answer)
        decided_by = np.where(known, CODE["difference"], self.decided_by)
        anchor = np.where(known, -1, self.anchor)
        return FrozenPlans(answer, decided_by.astype(np.int8), anchor)


@dataclass
class Proof:
    """The state of a proof about N frames in U metric units.

    `unit`: int64 (N,), from 0, ascending; `mark`: float32 (N,), of the frames whose labels count
    here, NaN for all others: those known when the plans were frozen, and those asked for since;
    `known`: int8 (U,), the truth of units that labels had settled before the first draw, UNKNOWN of
    others; `claims`: int8 (K, U), what the plans say of each unit; `order`: int64, the unsettled
    units as they are drawn; `truths`: of those drawn.
    """

    plans: FrozenPlans
    unit: NDArray[np.int64]
    mark: NDArray[np.float32]
    known: NDArray[np.int8]
    claims: NDArray[np.int8]
    order: NDArray[np.int64]
    truths: list[bool] = field(default_factory=list)

    @classmethod
    def freeze(
        cls,
        plans: FrozenPlans,
        unit: NDArray[np.int64],
        mark: NDArray[np.float32],
        label: NDArray[np.int8],
        seed: int,
    ) -> Proof:
        """Before the first draw; `label`: int8 (N,), what the marks mean, UNKNOWN without one."""
        labelled = label != UNKNOWN
        known = settled(label, unit)
        # A label is never wrong, so a plan says what it knows.
        claims = np.stack([settled(np.where(labelled, label, one), unit) for one in plans.answer])
        frozen = (plans.answer, label, mark, unit)
        order = _draw(seed, frozen).permutation(np.flatnonzero(known == UNKNOWN))
        return cls(plans, unit, mark.copy(), known, claims, order)

    @property
    def undrawn(self) -> NDArray[np.int64]:
        """Units that may still be drawn, in their order."""
        return self.order[len(self.truths) :]

    def tallies(self) -> list[Tally]:
        """Of each plan, before the first draw."""
        positives, negatives = (int((self.known == truth).sum()) for truth in (PRESENT, ABSENT))
        tallies = []
        for claims in self.claims:
            sizes = {
                claim: int((claims[self.order] == claim).sum())
                for claim in (ABSENT, PRESENT, UNKNOWN)
            }
            tallies.append(
                Tally(
                    absent=Stratum(sizes[ABSENT]),
                    present=Stratum(sizes[PRESENT]),
                    asked=sizes[UNKNOWN],
                    positives=positives,
                    negatives=negatives,
                )
            )
        return tallies

    def answers_about(self, unit: int) -> list[Answer]:
        """What each plan says of a unit."""
        return [None if claim == UNKNOWN else bool(claim) for claim in self.claims[:, unit]]


def _draw(seed: int, frozen: tuple[NDArray[np.generic], ...]) -> np.random.Generator:
    """Chance for one proof: another for each seed, and for each thing to be proved."""
    digest = hashlib.sha256(DRAW)
    for part in frozen:
        digest.update(np.ascontiguousarray(part).tobytes())
    return np.random.default_rng((seed, int.from_bytes(digest.digest())))
