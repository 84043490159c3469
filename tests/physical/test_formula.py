"""Numbers about the parts of a condition, and what they come to for the whole."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from language import plan_of

from vqe.physical.evaluate import evaluate_column
from vqe.physical.formula import Formula
from vqe.plan.constants import BOOLEAN, INTEGER
from vqe.plan.expressions import Call, Column, Contains, rewritten
from vqe.plan.nodes import Filter

A, B, C = (Contains(label, 0.5) for label in ("person", "bus", "truck"))


def condition_of(sql):
    """What WHERE says, bound."""
    plan = plan_of(f"SELECT frame FROM 'clip.mp4' WHERE {sql}")
    while not isinstance(plan, Filter):
        plan = plan.child
    return plan.condition


def in_words(sql):
    return [str(atom) for atom in Formula(condition_of(sql)).atoms]


def test_atoms_are_what_the_connectives_join_each_once_from_left_to_right():
    found = in_words("contains('bus') AND NOT (objects('person') >= 3 OR contains('bus'))")
    assert found == [
        "contains('bus', min_score => 0.5)",
        "objects('person', min_score => 0.5) >= 3",
    ]


@pytest.mark.parametrize(
    ("sql", "n"),
    [
        ("contains('bus')", 1),
        ("NOT contains('bus')", 1),
        ("objects('bus') = 2", 1),
        ("objects('bus') = objects('truck')", 1),
        ("objects('bus') + objects('truck') > 2 AND objects('bus') > 0", 2),
        ("contains('bus') <> contains('truck')", 2),
        ("objects('bus') BETWEEN 1 AND 3", 2),
        ("objects('bus') IN (1, 3, 5)", 3),
        ("contains('bus') IS NULL", 1),
    ],
)
def test_a_comparison_of_numbers_is_an_atom_whatever_it_asks_for(sql, n):
    assert len(in_words(sql)) == n


def test_the_smallest_the_largest_and_the_opposite():
    def number(sql, *numbers):
        return Formula(condition_of(sql))(np.array([numbers], np.float32)).tolist()

    bus, truck = "contains('bus')", "contains('truck')"
    assert number(f"{bus} AND {truck}", 3, -1) == [-1]
    assert number(f"{bus} OR {truck}", 3, -1) == [3]
    assert number(f"{bus} AND NOT {truck}", 3, -1) == [1]
    assert number(f"{bus} <> {truck}", 3, -1) == [1]
    assert number(f"{bus} = {truck}", 3, -1) == [-1]
    case = f"CASE WHEN {bus} THEN {truck} ELSE contains('person') END"
    assert len(in_words(case)) == 3
    assert number(case, 3, -1, 2) == [-1]
    assert number(case, -3, -1, 2) == [2]


def conditions():
    """Any condition of three atoms."""

    def joined(inner):
        pair = st.tuples(inner, inner)
        two = st.sampled_from(["and_kleene", "or_kleene", "equal", "not_equal"])
        return (
            st.builds(lambda part: Call("invert", (part,), BOOLEAN), inner)
            | st.builds(lambda name, parts: Call(name, parts, BOOLEAN), two, pair)
            | st.builds(lambda first, parts: Call("if_else", (first, *parts), BOOLEAN), inner, pair)
        )

    return st.recursive(st.sampled_from([A, B, C]), joined, max_leaves=8)


@settings(deadline=None)
@given(conditions(), st.lists(st.floats(0.1, 9), min_size=3, max_size=3))
def test_signs_follow_logic_and_nothing_is_surer_than_the_surest(condition, sure):
    """For all eight truths of the atoms, however sure each is."""
    formula = Formula(condition)
    truth = np.array(list(np.ndindex(2, 2, 2)), np.bool_)
    numbers = (np.where(truth, 1, -1) * sure).astype(np.float32)
    order = [(A, B, C).index(atom) for atom in formula.atoms]
    result = formula(numbers[:, order])
    table = pa.RecordBatch.from_pydict(
        {atom.label: column for atom, column in zip((A, B, C), truth.T, strict=True)}
    )

    def column(part):
        return Column(part.label, BOOLEAN) if isinstance(part, Contains) else None

    expected = evaluate_column(rewritten(condition, column), table)
    assert (result > 0).tolist() == expected.to_pylist()
    assert np.isin(np.abs(result), np.abs(numbers[:, order])).all()


@settings(deadline=None)
@given(conditions())
def test_an_atom_that_is_certain_decides_nothing_but_what_logic_says(condition):
    """With infinite numbers, as atoms have that never vary."""
    formula = Formula(condition)
    truth = np.array(list(np.ndindex(*[2] * len(formula.atoms))), np.bool_)
    certain = formula(np.where(truth, np.inf, -np.inf).astype(np.float32))
    finite = formula(np.where(truth, 1, -1).astype(np.float32))
    assert np.array_equal(certain > 0, finite > 0)
    assert not np.isnan(certain).any()


def test_numbers_compared_are_no_conditions():
    spare = Column("spare", INTEGER)
    assert Formula(Call("equal", (spare, spare), BOOLEAN)).atoms == (
        Call("equal", (spare, spare), BOOLEAN),
    )
