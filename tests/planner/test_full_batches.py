"""Batches for a network, from those of a reader."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqe.planner.labeller import spread
from vqe.video.frames import FrameBatch, full_batches


def batch_of(first: int, n: int) -> FrameBatch:
    return FrameBatch(np.arange(first, first + n), tuple(range(first, first + n)), 0)  # type: ignore[arg-type]


@given(sizes=st.lists(st.integers(1, 9), max_size=12), size=st.integers(1, 8))
def test_all_but_the_last_are_full(sizes: list[int], size: int) -> None:
    starts = np.cumsum([0, *sizes])
    batches = [batch_of(int(first), n) for first, n in zip(starts, sizes, strict=False)]
    found = list(full_batches(batches, size))
    assert [o for batch in found for o in batch.ordinals.tolist()] == list(range(sum(sizes)))
    assert all(list(batch.images) == batch.ordinals.tolist() for batch in found)
    assert all(len(batch) == size for batch in found[:-1])
    assert not found or 0 < len(found[-1]) <= size


@pytest.mark.parametrize(("n", "most"), [(10, 0), (10, 1), (10, 3), (10, 10), (0, 0)])
def test_some_frames_are_spread_over_all(n: int, most: int) -> None:
    chosen = spread(np.arange(100, 100 + n), most)
    assert len(chosen) == len(set(chosen.tolist())) == most
    if most > 1:
        assert np.ptp(np.diff(chosen)) <= 1
        assert abs((chosen[0] - 100) - (99 + n - chosen[-1])) <= 1
