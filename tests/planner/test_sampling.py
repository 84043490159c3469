from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqe.planner.sampling import (
    MIN_SELECTION_BLOCKS,
    draw_blocks,
    draw_portions,
    label_budget,
    most_labels,
    n_labels,
)
from vqe.video.index import index_of
from vqe.video.packets import Packets


def shown_at(timestamps_us):
    pts = np.asarray(timestamps_us, np.int64)
    n = len(pts)
    return index_of(
        Packets(pts, pts, np.full(n, 100), np.arange(n) % 30 == 0),
        path="",
        width=64,
        height=48,
        time_base=Fraction(1, 1_000_000),
        timed=True,
        seekable=True,
        source="packets",
    )


def steady(n, fps):
    return shown_at(np.arange(n) * 1_000_000 // fps)


@given(
    n=st.integers(200, 20_000),
    fps=st.sampled_from([5, 10, 25, 30]),
    unit_us=st.sampled_from([None, 100_000, 1_000_000, 1_500_000]),
    seed=st.integers(0, 5),
    start=st.integers(0, 100),
)
def test_blocks_are_whole_disjoint_and_within_budget(n, fps, unit_us, seed, start):
    index = steady(n, fps)
    blocks = draw_blocks(index, np.arange(start, n), unit_us, seed)
    if not blocks:
        return
    assert start <= blocks[0].ordinals[0]
    assert blocks[-1].ordinals[-1] < n
    assert all(a.ordinals[-1] < b.ordinals[0] for a, b in pairwise(blocks))
    training = [block for block in blocks if block.training]
    selection = [block for block in blocks if not block.training]
    assert len(training) == len(selection) >= MIN_SELECTION_BLOCKS
    steps = {int(step) for block in blocks for step in np.diff(block.ordinals)}
    assert len(steps) <= 1
    # Blocks at the ends of the span may be cut short, and a block cannot be split.
    labels = sum(len(block.ordinals) for block in blocks)
    assert labels <= 1.35 * label_budget(n - start)
    length_us = 1_000_000 if unit_us is None else unit_us * -(-1_000_000 // unit_us)
    for block in blocks:
        units = index.timestamps_us[block.ordinals] // length_us
        assert len(set(units)) == 1


def test_blocks_are_spread_over_the_whole_span():
    blocks = draw_blocks(steady(9000, 10), np.arange(9000), 1_000_000, seed=3)
    starts = np.array([block.ordinals[0] for block in blocks])
    assert starts[0] < 9000 * 0.05
    assert starts[-1] > 9000 * 0.95
    assert np.diff(starts).max() < 9000 * 2.1 / len(blocks)


def test_the_seed_decides():
    index = steady(3000, 10)

    def drawn(seed):
        blocks = draw_blocks(index, np.arange(3000), None, seed)
        return [(block.ordinals.tolist(), block.training) for block in blocks]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_blocks_of_scattered_frames_hold_no_others():
    """A question about every seventh frame is answered from labels of those."""
    frames = np.arange(3, 20_000, 7)
    blocks = draw_blocks(steady(20_000, 30), frames, 1_000_000, seed=0)
    assert blocks
    for block in blocks:
        assert np.isin(block.ordinals, frames).all()


@pytest.mark.parametrize(
    ("n", "unit_us"), [(0, None), (1, 1_000_000), (100, None), (2000, 60_000_000)]
)
def test_too_short_a_span_gives_no_blocks(n, unit_us):
    assert draw_blocks(steady(max(n, 1), 10), np.arange(n), unit_us, 0) == ()


def test_a_pause_in_the_recording_is_no_block():
    timestamps = np.arange(3000) * 100_000
    timestamps[1500:] += 3600 * 1_000_000
    blocks = draw_blocks(shown_at(timestamps), np.arange(3000), 1_000_000, 0)
    assert all(0 < len(block.ordinals) <= 10 for block in blocks)


@pytest.mark.parametrize(("n", "fps"), [(600, 10), (3000, 10), (36_000, 10), (90_000, 25)])
def test_portions_double_the_sample(n, fps):
    index = steady(n, fps)
    portions = list(draw_portions(index, np.arange(n), 1_000_000, seed=1))
    sizes = [n_labels(portion) for portion in portions]
    assert sum(sizes) <= 1.1 * n / 2
    assert sum(sizes) == pytest.approx(most_labels(n), rel=0.35)
    for so_far, size in zip(np.cumsum(sizes), sizes[1:], strict=False):
        assert 0.3 * so_far < size < 1.5 * so_far  # less where blocks were drawn already
    first = sorted(portions[0], key=lambda block: int(block.ordinals[0]))
    assert len(first) >= 2 * MIN_SELECTION_BLOCKS
    assert sum(block.training for block in first) == len(first) / 2
    assert np.diff([block.ordinals[0] for block in first]).max() < 2.6 * n / len(first)
    starts = [block.ordinals[0] for portion in portions for block in portion]
    assert len(starts) == len(set(starts))


def test_the_first_portions_are_the_usual_sample():
    index = steady(36_000, 10)
    usual = draw_blocks(index, np.arange(36_000), 1_000_000, seed=1)
    first = list(draw_portions(index, np.arange(36_000), 1_000_000, seed=1))[:3]
    drawn = sorted(int(block.ordinals[0]) for portion in first for block in portion)
    assert drawn == [int(block.ordinals[0]) for block in usual]


def test_too_few_frames_have_no_portion():
    assert list(draw_portions(steady(100, 10), np.arange(100), None, 0)) == []
