from __future__ import annotations

import numpy as np
import pytest

from vqe.statistics.novelty import NEIGHBOURS, learn_points

LEAST = np.array([0.1, 0.1])


def groups(centres, each=10, spread=0.01):
    rng = np.random.default_rng(0)
    points = np.repeat(np.asarray(centres, float), each, axis=0)
    return points + rng.normal(0, spread, points.shape), np.arange(len(centres)).repeat(each)


def line(n, start=0.0, stop=1.0):
    return [(x, 0.5) for x in np.linspace(start, stop, n)]


def test_what_lies_between_known_groups_is_known_and_what_lies_outside_is_not():
    known = learn_points(*groups(line(30)), LEAST)
    novel = known.novel(np.array([[0.5, 0.5], [1.02, 0.5], [2.0, 0.5], [0.5, 1.5]]))
    assert novel.tolist() == [False, False, True, True]


def test_a_gap_within_the_range_is_not_known():
    known = learn_points(*groups(line(20, 0, 0.2) + line(20, 0.9, 1.1)), LEAST)
    assert known.novel(np.array([[0.55, 0.5]]))


@pytest.mark.parametrize("n", [1, NEIGHBOURS - 1])
def test_what_a_few_groups_have_met_is_not_known(n):
    known = learn_points(*groups(line(40) + [(5.0, 0.5)] * n), LEAST)
    assert known.novel(np.array([[5.0, 0.5]]))
    known = learn_points(*groups(line(40) + [(5.0, 0.5)] * NEIGHBOURS), LEAST)
    assert not known.novel(np.array([[5.0, 0.5]]))


def test_two_coordinates_that_are_known_apart_are_not_known_together():
    known = learn_points(*groups([(x, x) for x in np.linspace(0, 2, 40)]), LEAST)
    assert known.novel(np.array([[2.0, 0.0]]))


def test_most_points_of_further_groups_are_known():
    centres = np.random.default_rng(1).normal(0, 1, (200, 2))
    points, group = groups(centres, spread=0.1)
    seen = group % 2 == 0
    known = learn_points(points[seen], group[seen], LEAST)
    assert known.novel(points[~seen]).mean() < 0.02


def test_points_learnt_later_are_known():
    known = learn_points(*groups(line(30)), LEAST)
    strange = np.array([[3.0, 0.5]] * NEIGHBOURS)
    assert known.novel(strange).all()
    assert not known.with_points(strange).novel(strange).any()


def test_what_is_farthest():
    known = learn_points(*groups(line(30)), LEAST)
    assert known.farthest(np.array([[5.0, 0.5], [0.5, 5.0]])).tolist() == [0, 1]


def test_too_few_groups_tell_nothing():
    assert learn_points(*groups(line(2 * NEIGHBOURS - 1)), LEAST) is None


def test_a_point_is_novel_by_its_distance_from_the_last_of_its_neighbours():
    rng = np.random.default_rng(2)
    known = learn_points(*groups(rng.normal(0, 1, (60, 2)), spread=0.2), LEAST)
    points = rng.normal(0, 2, (300, 2))
    apart = (np.abs(points[:, None] - known.points) / known.reach).max(axis=2)
    expected = np.sort(apart, axis=1)[:, NEIGHBOURS - 1] > 1
    assert (known.novel(points) == expected).all()
    assert 0.1 < expected.mean() < 0.9
    assert known.novel(points[:0]).shape == (0,)
