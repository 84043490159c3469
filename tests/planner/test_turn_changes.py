"""What turns change is told by those that were seen, in blocks that are hardly independent."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from vqe.planner.turn_changes import LEAST_TURNS, TurnChanges
from vqe.statistics.poisson import most_expected

CHANCE = 0.1


def test_turns_of_two_kinds_are_not_taken_for_one():
    """Nine of ten turns change the picture, the others do not: the bound of a normal population
    would lie above all of these."""
    change = np.concatenate([np.full(10, 0.2), np.linspace(40, 60, 90)])
    turns = TurnChanges(change, np.arange(100))
    assert math.exp(turns.sample.lower_bound(0.05)) > 0.2
    assert turns.level(0.05, CHANCE) == pytest.approx(0.2)
    assert turns.level(0.001, CHANCE) < 0.2


def test_few_blocks_tell_less_than_many():
    """Of a thousand frames a hundred have changed little: in fifty blocks, or in one."""
    change = np.concatenate([np.full(100, 1.0), np.linspace(5.0, 5.1, 900)])
    many = TurnChanges(change, np.arange(1000) // 2)
    few = replace(many, block=np.concatenate([np.zeros(100, int), np.arange(1, 901)]))
    assert 0.1 < 0.15 < 0.1 * most_expected(1, CHANCE)
    assert few.level(0.15, CHANCE) == 1.0
    assert many.level(0.15, CHANCE) > 1.0


def test_a_few_turns_tell_too_little():
    turns = TurnChanges(np.linspace(60.0, 61.0, 30), np.arange(30) % LEAST_TURNS)
    assert turns.level(0.05, CHANCE) > 40
    assert (turns.shares_below(np.array([1.0, 100.0])) == [0, 1]).all()
    fewer = replace(turns, block=np.arange(30) % (LEAST_TURNS - 1))
    assert fewer.level(0.05, CHANCE) == 0
    assert (fewer.shares_below(np.array([1.0, 100.0])) == 1).all()
    none = TurnChanges(np.empty(0), np.empty(0, np.int64))
    assert none.level(0.05, CHANCE) == 0
