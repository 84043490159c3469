from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqe.planner.sampling import MIN_SELECTION_BLOCKS, draw_blocks, label_budget
from vqe.video.index import VideoIndex


def index_of(timestamps_us):
    n = len(timestamps_us)
    return VideoIndex(
        path="",
        width=64,
        height=48,
        time_base=Fraction(1, 1_000_000),
        pts=np.asarray(timestamps_us, np.int64),
        timestamps_us=np.asarray(timestamps_us, np.int64),
        keyframe=np.arange(n) % 30 == 0,
        key_dts=np.zeros(n, np.int64),
        seekable=True,
    )


def steady(n, fps):
    return index_of(np.arange(n) * 1_000_000 // fps)


@given(
    n=st.integers(200, 20_000),
    fps=st.sampled_from([5, 10, 25, 30]),
    unit_us=st.sampled_from([None, 100_000, 1_000_000, 1_500_000]),
    seed=st.integers(0, 5),
    start=st.integers(0, 100),
)
def test_blocks_are_whole_disjoint_and_within_budget(n, fps, unit_us, seed, start):
    index = steady(n, fps)
    blocks = draw_blocks(index, (start, n), unit_us, seed)
    if not blocks:
        return
    assert start <= blocks[0].start
    assert blocks[-1].stop <= n
    assert all(a.stop <= b.start for a, b in pairwise(blocks))
    training = [block for block in blocks if block.training]
    selection = [block for block in blocks if not block.training]
    assert len(training) == len(selection) >= MIN_SELECTION_BLOCKS
    assert all(block.step == 1 for block in selection)
    # Blocks at the ends of the span may be cut short, and a block cannot be split.
    labels = sum(len(block.ordinals) for block in blocks)
    assert labels <= 1.35 * label_budget(n - start)
    length_us = 1_000_000 if unit_us is None else unit_us * -(-1_000_000 // unit_us)
    for block in blocks:
        units = index.timestamps_us[block.start : block.stop] // length_us
        assert len(set(units)) == 1


def test_blocks_are_spread_over_the_whole_span():
    blocks = draw_blocks(steady(9000, 10), (0, 9000), 1_000_000, seed=3)
    starts = np.array([block.start for block in blocks])
    assert starts[0] < 9000 * 0.05
    assert starts[-1] > 9000 * 0.95
    assert np.diff(starts).max() < 9000 * 2.1 / len(blocks)


def test_the_seed_decides():
    index = steady(3000, 10)
    assert draw_blocks(index, (0, 3000), None, 1) == draw_blocks(index, (0, 3000), None, 1)
    assert draw_blocks(index, (0, 3000), None, 1) != draw_blocks(index, (0, 3000), None, 2)


@pytest.mark.parametrize(
    ("n", "unit_us"), [(0, None), (1, 1_000_000), (100, None), (2000, 60_000_000)]
)
def test_too_short_a_span_gives_no_blocks(n, unit_us):
    assert draw_blocks(steady(max(n, 1), 10), (0, n), unit_us, 0) == ()


def test_a_pause_in_the_recording_is_no_block():
    timestamps = np.arange(3000) * 100_000
    timestamps[1500:] += 3600 * 1_000_000
    blocks = draw_blocks(index_of(timestamps), (0, 3000), 1_000_000, 0)
    assert all(0 < block.stop - block.start <= 10 for block in blocks)
