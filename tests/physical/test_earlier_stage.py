"""The stage that links frames to the one asked about last, without a video."""

from __future__ import annotations

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vqe.detectors.earlier import EARLIER_FRAMES, EarlierFrame, block_means
from vqe.detectors.kernels import anchors_of
from vqe.physical.earlier import EarlierFrameStage
from vqe.physical.screening import Screened, grouped, screening
from vqe.physical.stages import PRESENT, UNKNOWN, Verdict
from vqe.video.frames import FrameBatch

SIZE = 60, 80


def batch(greys, ordinals=None):
    """Frames of a dark scene with a square of these grey values."""
    images = []
    for grey in greys:
        picture = np.full(SIZE, 50, np.uint8)
        picture[20:40, 20:40] = grey
        images.append(av.VideoFrame.from_ndarray(picture, format="gray"))
    ordinals = np.arange(len(images)) if ordinals is None else np.array(ordinals)
    return FrameBatch(ordinals, tuple(images), segment=0)


def anchors(stage, frames, cuts=(), labelled=()):
    """The anchors of frames that come in several batches, some of them `labelled`."""
    follow = stage.follow()
    parts = [part for part in np.split(np.arange(len(frames)), cuts) if len(part)]
    found = [follow(frames.select(rows), np.isin(rows, labelled)) for rows in parts]
    return np.concatenate(found).tolist()


def stage(threshold=10.0, delay=100, side=20):
    return EarlierFrameStage(EarlierFrame(side), threshold, delay)


def test_what_stands_still_is_linked_to_the_frame_in_which_it_came():
    frames = batch([50] * 3 + [200] * 4 + [50] * 2)
    assert anchors(stage(), frames) == [0, 0, 0, 3, 3, 3, 3, 7, 7]


def test_a_slow_change_is_noticed_for_the_anchor_stays():
    assert anchors(stage(), batch([50, 53, 56, 59, 62, 65])) == [0, 0, 0, 0, 4, 4]


def test_an_anchor_serves_for_the_delay_only():
    assert anchors(stage(delay=3), batch([50] * 7)) == [0, 0, 0, 3, 3, 3, 6]
    # The age is counted in frames of the video, not of those that are asked about.
    assert anchors(stage(delay=3), batch([50] * 4, [0, 2, 4, 10])) == [0, 0, 4, 10]


def test_a_labelled_frame_is_an_anchor():
    assert anchors(stage(), batch([50] * 6), labelled=[2, 3]) == [0, 0, 2, 3, 3, 3]


def test_a_segment_begins_with_an_anchor():
    one = stage()
    for _ in range(2):
        assert one.follow()(batch([50, 50], [7, 8]), np.zeros(2, np.bool_)).tolist() == [7, 7]


def test_it_says_what_it_does():
    assert stage(threshold=3.25, delay=10).name == "earlier frame 20×20"
    assert stage(threshold=3.25, delay=10).rule == "same below 3.25, for 9 frames"


@settings(max_examples=25, deadline=None)
@given(
    greys=st.lists(st.integers(50, 60), min_size=1, max_size=20),
    cuts=st.lists(st.integers(0, 20), max_size=4),
    delay=st.integers(1, 8),
    detector=st.sampled_from(EARLIER_FRAMES),
)
def test_it_does_as_it_was_planned_wherever_batches_end(greys, cuts, delay, detector):
    frames = batch(greys)
    threshold = 3.6 if detector.side else 3.6 / 12
    one = EarlierFrameStage(detector, threshold, delay)
    n = len(frames)
    changes = detector.changes_back(block_means(frames), np.zeros(n, np.int64), n)
    planned = anchors_of(changes, frames.ordinals, np.ones(n, np.bool_), delay, threshold)
    assert anchors(one, frames, sorted(cuts)) == planned.tolist()


class Sure:
    """A stage that answers every third frame."""

    name, rule, decided_by = "sure", "", "specialized"

    def start(self):
        def decide(frames):
            answer = np.where(frames.ordinals % 3 == 0, PRESENT, UNKNOWN).astype(np.int8)
            return Verdict(answer, np.full(len(frames), np.nan, np.float32))

        return decide


def screened(frames, size, labelled=()):
    screen = screening((Sure(),), link=stage(), labelled=np.array(labelled, np.int64))()
    return [screen(frames.select(range(at, at + size))) for at in range(0, len(frames), size)]


@pytest.mark.parametrize("size", [1, 2, 5, 10])
def test_only_frames_that_no_stage_is_sure_of_are_linked(size):
    parts = screened(batch([50] * 10), size)
    assert [len(part.pending) for part in parts] == [int(1 in part.ordinals) for part in parts]
    (whole,) = grouped(parts, 10)
    assert whole.open.tolist() == [1]
    assert whole.linked.tolist() == [2, 4, 5, 7, 8]
    assert whole.anchors.tolist() == [1] * 5
    assert np.flatnonzero(whole.present).tolist() == [0, 3, 6, 9]
    assert [(count.frames_in, count.decided) for count in whole.counts] == [(10, 4), (6, 5)]


@pytest.mark.parametrize("size", [1, 2, 5, 10])
def test_what_has_a_label_is_no_longer_asked_about_and_others_are_linked_to_it(size):
    (whole,) = grouped(screened(batch([50] * 10), size, labelled=[0, 1, 5]), 10)
    assert whole.ordinals.tolist() == [2, 3, 4, 6, 7, 8, 9]
    assert not len(whole.open)
    assert whole.ordinals[whole.linked].tolist() == [2, 4, 7, 8]
    assert whole.anchors.tolist() == [1, 1, 5, 5]
    assert [(count.frames_in, count.decided) for count in whole.counts] == [(7, 3), (4, 4)]


def test_rows_of_linked_frames_are_those_of_the_joined_batch():
    def part(start):
        return Screened(
            ordinals=np.arange(start, start + 3),
            present=np.zeros(3, np.bool_),
            decided_by=np.zeros(3, np.int8),
            open=np.array([0]),
            pending=batch([50], [start]),
            counts=(),
            linked=np.array([1, 2]),
            anchors=np.full(2, start),
        )

    (whole,) = grouped([part(0), part(3)], 6)
    assert whole.linked.tolist() == [1, 2, 4, 5]
    assert whole.anchors.tolist() == [0, 0, 3, 3]
