from __future__ import annotations

import numpy as np
import pytest

from vqe.statistics.short_runs import ShortRuns


def test_a_run_in_pieces_is_met_where_one_of_them_is():
    runs = ShortRuns(np.array([3, 1, 1]), np.array([0, 1]), np.full(50, 4))
    assert runs.lengths.tolist() == [3, 2]
    assert runs.chance == pytest.approx([3 / 4, 1 - (3 / 4) ** 2])
    assert runs.chance_on(4) == pytest.approx(runs.chance)
    assert runs.chance_on(2) == pytest.approx([1, 3 / 4])


def test_a_grid_of_all_frames_leaves_nothing_unseen():
    runs = ShortRuns(np.array([1, 2, 5]), np.array([0, 1]), np.ones(100, np.int64))
    assert runs.unseen() == 0
    assert runs.needed(0.0) == 1


def test_what_is_hoped_for_is_no_more_than_what_is_feared():
    runs = ShortRuns(np.array([1, 1, 3, 200]), np.arange(4), np.full(500, 40))
    for spacing in (2.0, 10.0, 40.0):
        assert runs.unseen(spacing, hope=True) < runs.unseen(spacing)
    assert runs.needed(50, hope=True) > runs.needed(50)
