"""What a query asks about each frame, answered from what the reference network sees there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from vqe.detections import Detections
from vqe.physical.evaluate import evaluate
from vqe.physical.formula import Formula
from vqe.plan.expressions import Column, Contains, Expression, Objects, rewritten, sights_of

Rows = Callable[[NDArray[np.int64]], pa.RecordBatch]


@dataclass(frozen=True)
class Question:
    """A condition on what is seen in a frame: the truth of its label.

    `labels`: the network's classes; `rows`: the columns of frames, int64 (N,), where the condition
    reads them.

    A *mark* is one number that says all a label has to say: its sign bit is set where the condition
    does not hold, and its magnitude is the highest matching score, or infinite where the condition
    asks for several things. NaN stands for frames without a label.
    """

    condition: Expression
    labels: tuple[str, ...]
    rows: Rows | None = field(default=None, compare=False, repr=False)

    @property
    def varies(self) -> bool:
        """Whether the answer may change from frame to frame although nothing moves."""
        return self.rows is not None

    def marks(self, ordinals: NDArray[np.int64], seen: Detections) -> NDArray[np.float32]:
        """The marks of N frames, float32 (N,), by what the network saw in them."""
        sights = self._sights
        columns = {str(sight): self._column(sight, seen) for sight in sights}
        if self.rows is not None:
            rows = self.rows(ordinals)
            columns |= zip(rows.schema.names, rows.columns, strict=True)
        value = evaluate(self._on_columns, pa.RecordBatch.from_pydict(columns))
        if not isinstance(value, pa.Array):  # nothing that is seen was left in the condition
            value = pa.repeat(value, seen.n_frames)
        holds = pc.fill_null(value, False)
        score = np.full(seen.n_frames, np.inf, np.float32)
        if len(sights) == 1:
            score = seen.best_score(self.labels.index(sights[0].label), sights[0].region)
        sign = np.where(holds.to_numpy(zero_copy_only=False), np.float32(1), np.float32(-1))
        return np.copysign(score, sign)

    def holds(self, marks: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Whether frames with these marks qualify, bool (N,); not where there is none."""
        return holding(marks)

    @cached_property
    def formula(self) -> Formula:
        """How the condition follows from its atoms."""
        return Formula(self.condition)

    def truth_of_atoms(self, ordinals: NDArray[np.int64], seen: Detections) -> NDArray[np.bool_]:
        """Whether each of the A atoms holds in N frames, bool (N, A), by what was seen in them."""
        questions = [replace(self, condition=atom) for atom in self.formula.atoms]
        return np.stack([one.holds(one.marks(ordinals, seen)) for one in questions], axis=1)

    def _column(self, sight: Contains | Objects, seen: Detections) -> pa.Array:
        label = self.labels.index(sight.label)
        if isinstance(sight, Contains):
            return pa.array(seen.best_score(label, sight.region) >= np.float32(sight.min_score))
        return pa.array(seen.count(label, sight.min_score, sight.region))

    @cached_property
    def _sights(self) -> tuple[Contains | Objects, ...]:
        sights = sights_of(self.condition)
        return tuple(sight for sight in sights if isinstance(sight, Contains | Objects))

    @cached_property
    def _on_columns(self) -> Expression:
        """The condition with a column in place of everything that is seen."""
        known = self._sights

        def column(part: Expression) -> Expression | None:
            return Column(str(part), part.type) if part in known else None

        return rewritten(self.condition, column)


def holding(marks: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which marks say that the condition holds, bool (N,)."""
    return ~np.signbit(marks) & ~np.isnan(marks)


def scores_of(marks: NDArray[np.float32]) -> NDArray[np.float32]:
    """The scores in marks, float32 (N,); NaN where there is no label or no single score."""
    return np.where(np.isinf(marks), np.float32(np.nan), np.abs(marks))
