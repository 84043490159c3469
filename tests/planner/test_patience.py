"""When a plan that labels contradict is given up."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from vqe.planner.cascade import LEAST_SAVING_SECONDS
from vqe.planner.cost import ScanCost, StageCost
from vqe.planner.decision import Decision
from vqe.planner.patience import PAYS, Patience, patience_of
from vqe.planner.sampling import label_budget

REMAINING = 40_000
SAMPLE = label_budget(REMAINING)
DEAR = 1.0
"""Seconds of a network that makes every label count."""


@pytest.mark.parametrize(("labels", "ends"), [(SAMPLE, True), (SAMPLE - 1, False)])
def test_it_lasts_until_checks_have_cost_a_new_sample(labels, ends):
    assert Patience(0.0, DEAR).ends(labels, 2 * SAMPLE, REMAINING) is ends


def test_what_the_plan_foresaw_does_not_count():
    answered = 4 * SAMPLE
    assert not Patience(0.3, DEAR).ends(2 * SAMPLE, answered, REMAINING)
    assert Patience(0.2, DEAR).ends(2 * SAMPLE, answered, REMAINING)


def test_an_old_contradiction_foretells_little():
    labels = 2 * SAMPLE
    seldom = round(labels * REMAINING / (PAYS * SAMPLE))
    assert not Patience(0.0, DEAR).ends(labels, 2 * seldom, REMAINING)
    assert Patience(0.0, DEAR).ends(labels, seldom // 2, REMAINING)


def test_where_the_network_is_fast_nothing_is_to_be_gained():
    saved = REMAINING - PAYS * SAMPLE
    seconds = LEAST_SAVING_SECONDS / saved
    assert Patience(0.0, 1.1 * seconds).ends(SAMPLE, SAMPLE, REMAINING)
    assert not Patience(0.0, 0.9 * seconds).ends(SAMPLE, SAMPLE, REMAINING)


def test_it_is_for_cascades_without_a_limited_effort():
    cost = ScanCost(None, (StageCost("a", 0, 0.5), StageCost("b", 0, 0.5), StageCost("r", 0.1, 0)))
    decision = Decision((object(),), "", cost=cost)
    free, limited = (SimpleNamespace(effort=SimpleNamespace(limited=v)) for v in (False, True))
    assert patience_of(free, decision) == Patience(0.25, 0.1)
    assert patience_of(limited, decision) is None
    assert patience_of(free, replace(decision, stages=())) is None
    assert patience_of(free, replace(decision, cost=None)) is None
