"""Batches on their way from the cheap stages to the reference network, without a video."""

from __future__ import annotations

import weakref

import numpy as np
import pytest

from vqe.errors import VideoError
from vqe.physical.rows import frames_text
from vqe.physical.screening import Screened, StageCount, grouped
from vqe.video.frames import FrameBatch


def batch(start, n=3):
    """Screened frames from `start` on, the first of them open."""
    ordinals = np.arange(start, start + n)
    return Screened(
        ordinals=ordinals,
        present=np.zeros(n, np.bool_),
        decided_by=np.zeros(n, np.int8),
        open=np.array([0]),
        pending=FrameBatch(ordinals[:1], (object(),), segment=0),
        counts=(StageCount(n, n - 1, 0.5),),
    )


def ordinals(groups):
    return [group.ordinals.tolist() for group in groups]


def test_neighbours_are_joined():
    groups = list(grouped((batch(start) for start in (0, 3, 10, 20, 30)), 6))
    assert ordinals(groups) == [[0, 1, 2, 3, 4, 5], [10, 11, 12, 20, 21, 22], [30, 31, 32]]
    assert [group.open.tolist() for group in groups] == [[0, 3], [0, 3], [0]]
    assert groups[0].pending.ordinals.tolist() == [0, 3]
    assert groups[0].counts == (StageCount(6, 4, 1.0),)


def test_what_came_before_an_error_is_handed_out_first():
    def broken():
        yield from (batch(0), batch(3), batch(6))
        raise VideoError("the disk is gone")

    for size, expected in ((6, [[*range(6)], [6, 7, 8]]), (9, [[*range(9)]]), (99, [[*range(9)]])):
        groups = []
        with pytest.raises(VideoError, match="the disk is gone"):
            groups.extend(grouped(broken(), size))
        assert ordinals(groups) == expected


@pytest.mark.parametrize("size", [1, 6])
def test_nothing_is_kept_of_a_group_that_was_taken(size):
    alive = []

    def batches():
        for start in range(0, 30, 3):
            if start % 6 == 0:  # the group before was handed over
                assert [ref() for ref in alive] == [None] * len(alive)
            made = batch(start)
            alive.append(weakref.ref(made.pending.ordinals.base))
            alive.append(weakref.ref(made))
            yield made
            del made

    for group in grouped(batches(), size):
        assert len(group.ordinals) in (3, 6)
        del group


@pytest.mark.parametrize(
    ("frames", "text"),
    [
        ([], "no frames"),
        ([7], "frames 7..8"),
        ([7, 8, 9], "frames 7..10"),
        ([7, 9], "2 frames of 7..10"),
        (range(0, 4000, 2), "2,000 frames of 0..3999"),
    ],
)
def test_frames_in_words(frames, text):
    assert frames_text(np.array(frames, np.int64)) == text


def test_many_spans_are_not_taken_apart(monkeypatch):
    monkeypatch.setattr(np, "split", None)
    assert frames_text(np.arange(0, 10**6, 2)) == "500,000 frames of 0..999999"
