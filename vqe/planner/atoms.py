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
        return np.flatnonzero(np.isfinite(self._prior(training)))

    def lesson(self, training: NDArray[np.bool_]) -> Lesson:
        """What those frames teach: a head for each atom that varies; the others stay as they are
        there.

        A head learns from both classes in equal parts, so that it says how much more likely one
        has become. That is added to how likely the atom is anyway: a rare one and a common one are
        then compared in the same measure.
        """
        formula, prior, varying = self.formula, self._prior(training), self.varying(training)

        def combine(log_odds: NDArray[np.float32]) -> NDArray[np.float32]:
            numbers = np.tile(prior, (len(log_odds), 1))
            numbers[:, varying] += log_odds
            return formula(numbers)

        return Lesson(self.truth[np.ix_(training, varying)], combine)

    def _prior(self, training: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Log-odds of each atom in those frames, float32 (A,); infinite where it never varies."""
        share = self.truth[training].mean(axis=0)
        with np.errstate(divide="ignore"):
            log_odds: NDArray[np.float32] = np.log(share / (1 - share)).astype(np.float32)
        return log_odds


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
