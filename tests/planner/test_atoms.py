"""What the atoms of a condition come to in labelled frames, and which models that offers."""

from __future__ import annotations

import numpy as np
import pytest

from vqe.detections import Detections
from vqe.physical.question import Question
from vqe.plan.constants import BOOLEAN, INTEGER
from vqe.plan.expressions import Call, Constant, Contains, Objects
from vqe.planner.atoms import MOST_HEADS, atoms_of
from vqe.storage.labels import LabelStore

LABELS = ("bus", "truck", "cat")
N = 60
BUS, TRUCK, CAT = (Contains(label, 0.5) for label in LABELS)


def call(function, *args):
    return Call(function, args, BOOLEAN)


def at_least(n):
    return call("greater_equal", Objects("bus", 0.5), Constant(n, INTEGER))


def buses():
    """How many there are in each frame: 0, 1 or 2."""
    return np.arange(N) // 10 % 3


def trucks():
    return np.arange(N) % 4 == 0


@pytest.fixture
def labels():
    """Frames with buses and trucks, never with a cat."""
    rows = np.concatenate([np.repeat(np.arange(N), buses()), np.flatnonzero(trucks())])
    label = np.repeat([0, 1], [buses().sum(), trucks().sum()])
    order = np.argsort(rows, kind="stable")
    store = LabelStore(2**20)
    score = np.full(len(rows), 0.9, np.float32)
    store.add(
        np.arange(N),
        Detections(
            N,
            rows[order].astype(np.int32),
            label[order].astype(np.int16),
            score,
            np.zeros((len(rows), 4), np.float32),
        ),
    )
    return store


def found(condition, labels, ordinals=None):
    question = Question(condition, LABELS)
    ordinals = np.arange(N) if ordinals is None else ordinals
    known, marks = labels.measure(question.marks)
    present = np.isin(ordinals, known[question.holds(marks)])
    return atoms_of(question, ordinals, present, labels)


def test_one_label_tells_the_truth_of_each_atom(labels):
    ordinals = np.arange(5, N, 3)
    atoms = found(call("and_kleene", at_least(2), call("invert", TRUCK)), labels, ordinals)
    assert atoms.formula.atoms == (at_least(2), TRUCK)
    expected = np.stack([buses() >= 2, trucks()], axis=1)[ordinals]
    assert np.array_equal(atoms.truth, expected)


@pytest.mark.parametrize(
    "condition",
    [
        BUS,
        call("invert", BUS),
        call("and_kleene", BUS, call("invert", BUS)),
        # A null is no truth: NOT does not turn it into one.
        call("invert", call("and_kleene", BUS, Constant(None, BOOLEAN))),
    ],
)
def test_without_several_atoms_there_is_nothing_for_heads(condition, labels):
    assert found(condition, labels) is None


def test_nor_with_too_many(labels):
    def either(n):
        condition = at_least(1)
        for least in range(2, n + 1):
            condition = call("or_kleene", condition, at_least(least))
        return found(condition, labels)

    assert len(either(MOST_HEADS).formula.atoms) == MOST_HEADS
    assert either(MOST_HEADS + 1) is None


def test_nor_where_a_label_is_lost(labels):
    condition = call("or_kleene", BUS, TRUCK)
    assert found(condition, labels) is not None
    assert found(condition, labels, np.arange(N + 1)) is None


def test_an_atom_that_never_varies_has_no_head(labels):
    condition = call("or_kleene", call("and_kleene", BUS, call("invert", CAT)), TRUCK)
    atoms = found(condition, labels)
    training = np.arange(N) % 2 == 0
    assert atoms.formula.atoms == (BUS, CAT, TRUCK)
    assert atoms.varying(training).tolist() == [0, 2]
    lesson = atoms.lesson(training)
    assert np.array_equal(lesson.truth, np.stack([buses() > 0, trucks()], axis=1)[training])
    heads = np.array([[9, -8], [-8, -8], [-9, 8]], np.float32)
    assert (lesson.combine(heads) > 0).tolist() == [True, False, True]
    never = ~trucks() & (buses() == 1)
    assert atoms.varying(never).tolist() == []


def test_what_a_head_says_is_added_to_how_common_its_atom_is(labels):
    """Two thirds of the frames have a bus, and a quarter has a truck."""
    atoms = found(call("and_kleene", BUS, call("invert", TRUCK)), labels)
    everywhere = np.ones(N, np.bool_)
    score = atoms.lesson(everywhere).combine(np.array([[0, -9], [9, 0], [-5, 0]], np.float32))
    np.testing.assert_allclose(score, [np.log(2), np.log(3), np.log(2) - 5], rtol=1e-5)
