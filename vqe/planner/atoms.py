"""What the atoms of a condition come to in the sampled frames: what models with heads learn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.models.heads import Lesson
from vqe.physical.formula import Formula
from vqe.physical.question import Question
from vqe.storage.labels import LabelStore

MOST_HEADS = 8
"""More atoms than that come from lists of values: a single question about a number, rather."""


@dataclass(frozen=True)
class Atoms:
    """`truth`: bool (n, A), in which of n frames each atom of `formula` holds."""

    formula: Formula
    truth: NDArray[np.bool_]

    def varying(self, training: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The atoms with both answers among the frames that `training`, bool (n,), says, int64
        ascending: each may have a head."""
        share = self.truth[training].mean(axis=0)
        return np.flatnonzero((share > 0) & (share < 1))

    def lesson(self, training: NDArray[np.bool_]) -> Lesson:
        """What those frames teach: a head for each atom that varies, the others stay as they are
        there."""
        formula, truth, varying = self.formula, self.truth[training], self.varying(training)
        constant = np.where(truth[0], np.inf, -np.inf).astype(np.float32)

        def combine(log_odds: NDArray[np.float32]) -> NDArray[np.float32]:
            numbers = np.tile(constant, (len(log_odds), 1))
            numbers[:, varying] = log_odds
            return formula(numbers)

        return Lesson(truth[:, varying], combine)


def atoms_of(
    question: Question,
    ordinals: NDArray[np.int64],
    present: NDArray[np.bool_],
    labels: LabelStore,
) -> Atoms | None:
    """Of frames, int64 (n,) ascending, in which the question holds or not, bool (n,).

    None where the condition is a single atom or has too many, where the store has lost a label, and
    where nulls make the condition something else than the formula says.
    """
    formula = question.formula
    if not 1 < len(formula.atoms) <= MOST_HEADS:
        return None
    labelled, seen = labels.of(ordinals)
    if not labelled.all():
        return None
    truth = question.truth_of_atoms(ordinals, seen)
    agrees = (formula(np.where(truth, 1, -1).astype(np.float32)) > 0) == present
    return Atoms(formula, truth) if agrees.all() else None
