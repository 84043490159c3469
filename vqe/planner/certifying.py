"""Proving the bounds of a plan: units are drawn by chance and labelled until it is proved."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vqe.physical.answers import Answers, filled, with_labels
from vqe.physical.stages import PRESENT, UNKNOWN
from vqe.planner.allowance import SpentError
from vqe.planner.certificate import Certificate
from vqe.planner.freezing import UndecodableError
from vqe.planner.labeller import Labeller, spread
from vqe.planner.proof import Proof
from vqe.planner.shortfall import Shortfall
from vqe.planner.visual_scan import VisualScan
from vqe.statistics.betting import Stratum
from vqe.statistics.certificate import least_bound
from vqe.statistics.fixed_sequence import FixedSequence
from vqe.statistics.units import settled, unit_answers

WORTHWHILE = 0.8
"""Share of the labels that it may save which a proof may take: those of EXACT come in the order in
which they are decoded, those of a draw do not."""

SURE_PART = 0.8
"""Part of what is affordable that is drawn at once: a unit whose frames differ takes a few more."""

FEWER_ROUNDS = 16
"""A round of draws has at least this part of all before it: each decodes, and few are quicker."""


class UnprovableError(Exception):
    """Why the reference network has to answer every frame; never leaves the planner."""


class Certifying:
    """A proof at work."""

    def __init__(self, scan: VisualScan, proof: Proof, labeller: Labeller) -> None:
        self.scan = scan
        self.proof = proof
        self.labeller = labeller
        self.size = np.bincount(proof.unit)
        self.start = np.concatenate([[0], np.cumsum(self.size)[:-1]])
        confidence = scan.accuracy.confidence
        assert confidence is not None
        self.sequence = FixedSequence(proof.tallies(), scan.accuracy.bounds, confidence=confidence)

    def run(self) -> tuple[Certificate, Answers]:
        """Draws until a plan is proved and no further one is worth it; what is proved, and the
        answers it is about. Raises UnprovableError where labelling every frame takes no more."""
        proof, sequence = self.proof, self.sequence
        for unit, truth in zip(proof.order.tolist(), proof.truths, strict=False):
            sequence.update(truth, proof.answers_about(unit))
        while not sequence.finished:
            least = 1 + len(proof.truths) // FEWER_ROUNDS
            draws = min(max(sequence.draws_if_clean(), least), len(proof.undrawn))
            if not self._worthwhile(draws, sequence):
                break
            affordable = SURE_PART * self.labeller.affordable / self._labels_per_draw
            draws = int(min(draws, affordable))
            if not draws:
                raise SpentError
            units = proof.undrawn[:draws]
            self._settle(units)
            truths = settled(self._label(), proof.unit)[units]
            for unit, truth in zip(units.tolist(), (truths == PRESENT).tolist(), strict=True):
                proof.truths.append(truth)
                sequence.update(truth, proof.answers_about(unit))
        if sequence.proved is None:
            labels = math.ceil(sequence.draws_if_clean() * self._labels_per_draw)
            left = len(self._open())
            raise UnprovableError(f"a proof takes about {labels:,} labels, all frames {left:,}")
        self._answer_rest(sequence.proved)
        # A label may tip a unit that was not drawn away from what the plan was proved to say of it.
        self._settle(self._tipped(sequence.proved))
        return self._certificate(sequence), self._answers(sequence.proved)

    def short(self) -> tuple[Shortfall, Answers]:
        """How far it came when the allowance ended, and the answers: of the plan under test, and
        frames that it leaves open as those next to them."""
        plan = self.sequence.proved or 0
        left_open = (self.proof.plans.answer[plan] == UNKNOWN) & np.isnan(self.proof.mark)
        unsettled = settled(self._label(), self.proof.unit)[self._left_to_labels(plan)] == UNKNOWN
        tally, delta = self.sequence.tallies[plan], self.sequence.delta
        tipped = np.isin(self.proof.unit, self._tipped(plan))
        shortfall = Shortfall(
            limit=str(self.scan.effort),
            labels=int((~np.isnan(self.proof.mark)).sum()),
            bounds=self.scan.accuracy.bounds,
            reached={
                rate: None if unsettled.any() else least_bound(rate, tally, delta)
                for rate in self.scan.accuracy.bounds
            },
            proved=True,
        )
        return shortfall, filled(self._answers(plan, but=tipped), left_open)

    @property
    def _labels_per_draw(self) -> float:
        """A majority of a unit's frames."""
        return float((self.size // 2 + 1).mean())

    def _worthwhile(self, draws: int, sequence: FixedSequence) -> bool:
        """Whether so many draws cost less than what they may save."""
        if sequence.proved is None:
            saved = len(self._open())
        else:
            used, tested = (
                int((self.proof.plans.answer[plan] == UNKNOWN).sum())
                for plan in (sequence.proved, min(sequence.under_test, len(self.proof.claims) - 1))
            )
            saved = used - tested
        return draws * self._labels_per_draw < WORTHWHILE * saved

    def _open(self) -> NDArray[np.int64]:
        """Positions without a label."""
        return np.flatnonzero(np.isnan(self.proof.mark))

    def _label(self) -> NDArray[np.int8]:
        """What the labels say of each frame, int8 (N,)."""
        return labels_of(self.scan, self.proof.mark)

    def _settle(self, units: NDArray[np.int64]) -> None:
        """Asks about frames of the units until the truth of each is known."""
        proof = self.proof
        while True:
            label = self._label()
            still = units[settled(label, proof.unit)[units] == UNKNOWN]
            if not len(still):
                return
            wanted = []
            for unit in still.tolist():
                first, size = int(self.start[unit]), int(self.size[unit])
                frames = label[first : first + size]
                needed = min(
                    size // 2 + 1 - int((frames == 1).sum()),
                    (size + 1) // 2 - int((frames == 0).sum()),
                )
                unknown = np.flatnonzero(frames == UNKNOWN)
                # Spread over the unit: neighbours are almost copies, and flicker alike.
                wanted.append(first + spread(unknown, needed))
            self._ask(np.concatenate(wanted))

    def _ask(self, positions: NDArray[np.int64]) -> None:
        """Labels the frames at these positions, as far as they have no label."""
        ordinals = self.scan.ordinals[np.sort(positions)]
        unknown = self.labeller.unknown(ordinals)
        if self.labeller.read(self.scan.index, unknown, "certifying").damage:
            raise UndecodableError("some frames cannot be decoded")
        mark = self.labeller.marks_or_nan(ordinals)
        self.proof.mark[np.sort(positions)] = mark
        if np.isnan(mark).any():
            raise SpentError

    def _answer_rest(self, plan: int) -> None:
        """Asks about what the plan leaves to the reference network."""
        proof = self.proof
        self._ask(np.flatnonzero((proof.plans.answer[plan] == UNKNOWN) & np.isnan(proof.mark)))
        # Where the frames that a stage has answered could tip a unit, labels decide it.
        self._settle(self._left_to_labels(plan))

    def _left_to_labels(self, plan: int) -> NDArray[np.int64]:
        """Units of which the plan says nothing."""
        return np.flatnonzero(self.proof.claims[plan] == UNKNOWN)

    def _tipped(self, plan: int) -> NDArray[np.int64]:
        """Undrawn units whose frames, labels among them, no longer say what the plan was frozen to
        say of the unit."""
        units, proof = self.proof.undrawn, self.proof
        claims = proof.claims[plan][units]
        answers = unit_answers(self._answers(plan).present, proof.unit)[units]
        known = settled(self._label(), proof.unit)[units] != UNKNOWN
        tipped: NDArray[np.int64] = units[
            (claims != UNKNOWN) & (answers != (claims == PRESENT)) & ~known
        ]
        return tipped

    def _answers(self, plan: int, but: NDArray[np.bool_] | None = None) -> Answers:
        """The plan's answers, and labels where there are some; none of those at the frames `but`,
        bool (N,)."""
        proof = self.proof
        mark = proof.mark if but is None else np.where(but, np.float32(np.nan), proof.mark)
        said = Answers(
            self.scan.ordinals,
            proof.plans.answer[plan] == PRESENT,
            mark.copy(),
            proof.plans.decided_by[plan],
        )
        fresh = np.array(sorted(self.labeller.fresh), np.int64)
        return with_labels(said, self.scan.question, fresh)

    def _certificate(self, sequence: FixedSequence) -> Certificate:
        plan = sequence.proved
        assert plan is not None
        tally, accuracy = sequence.tallies[plan], self.scan.accuracy
        assert accuracy.confidence is not None
        return Certificate(
            confidence=accuracy.confidence,
            bounds=accuracy.bounds,
            reached=sequence.reached(),
            units=len(self.size),
            settled=len(self.size) - len(self.proof.order),
            drawn=len(self.proof.truths),
            absent=_counts(tally.absent),
            present=_counts(tally.present),
            positives=int(tally.positives_seen),
            plan=plan + 1,
            plans=len(sequence.tallies),
        )


def labels_of(scan: VisualScan, mark: NDArray[np.float32]) -> NDArray[np.int8]:
    """0 or 1 by each mark, float32 (N,), int8 (N,); UNKNOWN where it is NaN."""
    holds = scan.question.holds(mark)
    return np.where(np.isnan(mark), UNKNOWN, holds).astype(np.int8)


def _counts(stratum: Stratum) -> tuple[int, int, int]:
    return int(stratum.size), int(stratum.drawn), int(stratum.errors)
