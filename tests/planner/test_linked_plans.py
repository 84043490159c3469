"""Frozen plans that link frames to others: what they say before and after these have labels."""

from __future__ import annotations

import numpy as np
import pytest

from vqe.physical.rows import CODE
from vqe.physical.stages import ABSENT, PRESENT, UNKNOWN
from vqe.planner.proof import FrozenPlans

REFERENCE, SPECIALIZED, DIFFERENCE = (
    CODE[name] for name in ("reference", "specialized", "difference")
)


@pytest.fixture
def plans():
    """One plan without links, and one that links 1 and 2 to 0, and 5 to 4; a model knows 3."""
    answer = np.full((2, 6), UNKNOWN, np.int8)
    answer[:, 3] = PRESENT
    decided_by = np.where(answer == PRESENT, SPECIALIZED, REFERENCE).astype(np.int8)
    anchor = np.array([[-1] * 6, [-1, 0, 0, -1, -1, 4]])
    return FrozenPlans(answer, decided_by, anchor)


def test_what_is_left_to_the_network(plans):
    assert plans.anchors.tolist() == [0, 4]
    assert np.flatnonzero(plans.handed_on(0)).tolist() == [0, 1, 2, 4, 5]
    assert np.flatnonzero(plans.handed_on(1)).tolist() == [0, 4]


def test_linked_frames_are_as_their_anchors_once_these_have_labels(plans):
    label = np.full(6, UNKNOWN, np.int8)
    label[0] = ABSENT
    part = plans.linked(label)
    assert part.answer[1].tolist() == [UNKNOWN, ABSENT, ABSENT, PRESENT, UNKNOWN, UNKNOWN]
    assert part.anchors.tolist() == [4]
    label[4] = PRESENT
    whole = plans.linked(label)
    assert whole.answer[1].tolist() == [UNKNOWN, ABSENT, ABSENT, PRESENT, UNKNOWN, PRESENT]
    assert whole.decided_by[1].tolist() == [
        *[REFERENCE, DIFFERENCE, DIFFERENCE],
        *[SPECIALIZED, REFERENCE, DIFFERENCE],
    ]
    assert (whole.answer[0] == plans.answer[0]).all()
    assert (part.linked(label).answer == whole.answer).all()
    assert not len(whole.anchors)


def test_plans_without_links(plans):
    without = FrozenPlans(plans.answer, plans.decided_by)
    assert not len(without.anchors)
    assert without.linked(np.full(6, PRESENT, np.int8)) is without
    assert (without.handed_on(1) == plans.handed_on(0)).all()
