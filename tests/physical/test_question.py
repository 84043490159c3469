"""What labels say about a condition, in one number each."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from vqe.detections import Detections
from vqe.physical.question import Question, scores_of
from vqe.plan.constants import BOOLEAN, INTEGER
from vqe.plan.expressions import Call, Column, Constant, Contains, Expression, Objects

LABELS = ("bus", "cat")
ORDINALS = np.array([10, 11, 12, 13])


def seen(*found: tuple[int, int, float]) -> Detections:
    """In four frames: (frame, label, score), each at (10 · score, 0)."""
    row, label, score = (list(column) for column in zip(*found, strict=True))
    x = 10 * np.array(score)
    return Detections(
        4,
        np.array(row, np.int32),
        np.array(label, np.int16),
        np.array(score, np.float32),
        np.stack([x, 0 * x, x, 0 * x], axis=1).astype(np.float32),
    )


SEEN = seen((0, 0, 0.9), (0, 0, 0.6), (1, 1, 0.8), (2, 0, 0.4), (2, 1, 0.7))


def call(function: str, *args: Expression) -> Expression:
    return Call(function, args, BOOLEAN)


def more_than(sight: Expression, n: int) -> Expression:
    return call("greater", sight, Constant(n, INTEGER))


BUS, CAT = Contains("bus", 0.5), Contains("cat", 0.5)


@pytest.mark.parametrize(
    ("condition", "holds", "scores"),
    [
        (BUS, [1, 0, 0, 0], [0.9, 0.0, 0.4, 0.0]),
        (call("invert", BUS), [0, 1, 1, 1], [0.9, 0.0, 0.4, 0.0]),
        (Contains("bus", 0.4), [1, 0, 1, 0], [0.9, 0.0, 0.4, 0.0]),
        (Contains("bus", 0.4, (3, 0, 7, 1)), [1, 0, 1, 0], [0.6, 0.0, 0.4, 0.0]),
        (more_than(Objects("bus", 0.5), 1), [1, 0, 0, 0], [0.9, 0.0, 0.4, 0.0]),
        (more_than(Objects("bus", 0.3), 0), [1, 0, 1, 0], [0.9, 0.0, 0.4, 0.0]),
        (call("or_kleene", BUS, CAT), [1, 1, 1, 0], None),
        (call("and_kleene", call("invert", BUS), CAT), [0, 1, 1, 0], None),
        (call("and_kleene", BUS, Constant(None, BOOLEAN)), [0, 0, 0, 0], [0.9, 0.0, 0.4, 0.0]),
    ],
)
def test_marks_say_whether_it_holds_and_the_score(condition, holds, scores):
    question = Question(condition, LABELS)
    marks = question.marks(ORDINALS, SEEN)
    assert marks.dtype == np.float32
    assert question.holds(marks).tolist() == [bool(one) for one in holds]
    expected = np.full(4, np.nan) if scores is None else scores
    np.testing.assert_array_equal(scores_of(marks), np.array(expected, np.float32))


def test_without_a_label_nothing_holds():
    question = Question(call("invert", BUS), LABELS)
    missing = np.array([np.nan], np.float32)
    assert question.holds(missing).tolist() == [False]
    assert np.isnan(scores_of(missing)).all()


def test_a_condition_may_read_columns():
    condition = call("greater", Objects("bus", 0.5), Column("spare", INTEGER))

    def rows(ordinals):
        return pa.RecordBatch.from_pydict({"spare": pa.array(ordinals - 11)})

    question = Question(condition, LABELS, rows)
    assert question.varies
    assert question.holds(question.marks(ORDINALS, SEEN)).tolist() == [True, False, False, False]


def test_counts_are_of_what_is_certain_enough():
    assert SEEN.count(0, 0.5).tolist() == [2, 0, 0, 0]
    assert SEEN.count(0, 0.4).tolist() == [2, 0, 1, 0]
    assert SEEN.count(0, 0.4, (0, 0, 5, 1)).tolist() == [0, 0, 1, 0]
    assert SEEN.count(1, 0.75).dtype == np.int64
