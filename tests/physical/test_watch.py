"""What becomes of frames that look like nothing that was labelled, without a video."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from vqe.detectors.look import ASPECTS
from vqe.physical.watch import FAMILIAR, SPACING, TRUSTED_AGAIN, Review, Strange, Watch
from vqe.runtime.metrics import WatchMetrics, drift_text
from vqe.statistics.novelty import learn_points
from vqe.video.frames import FrameBatch
from vqe.video.index import index_of
from vqe.video.packets import Packets

FPS, N = 10, 1000
REACH = 0.5


def index():
    packets = Packets(np.arange(N), np.arange(N), np.full(N, 100), np.ones(N, bool))
    about = {"path": "", "width": 64, "height": 48, "timed": True, "seekable": True}
    return index_of(packets, time_base=Fraction(1, FPS), source="packets", **about)


@pytest.fixture
def review():
    rng = np.random.default_rng(0)
    looks, block = rng.normal(0, 0.01, (300, 3)), np.arange(300) // 10
    known = learn_points(looks, block, np.full(3, REACH))
    watch = Watch(lambda frames, rows: np.array([frames.images[row] for row in rows]), known)
    return Review(watch, index(), WatchMetrics())


def frames(looks, first=0):
    return FrameBatch(np.arange(first, first + len(looks)), tuple(looks), segment=0)


def dark(n):
    return np.tile([-2.0, 0.0, 0.0], (n, 1))


def strange(n, first=0):
    return Strange(np.arange(n), frames(dark(n), first), dark(n))


def agree(review, n, *, present):
    review.learn(dark(n), np.full(n, present), np.full(n, present))


def contradict(review):
    review.learn(dark(3), np.zeros(3, bool), np.array([False, True, False]))


def test_only_answered_frames_with_a_new_look_are_strange(review):
    looks = np.concatenate([np.zeros((3, 3)), dark(2), np.zeros((4, 3))])
    found = review.watch.strange(frames(looks, 50), np.array([0, 1, 4, 5, 7, 8]))
    assert found.rows.tolist() == [4, 5]  # the first of a pair speaks for both
    assert found.frames.ordinals.tolist() == [54, 55]
    assert found.looks[:, 0].tolist() == [-2, -2]
    assert review.watch.strange(frames(looks), np.array([0, 1, 4])).rows.tolist() == [4]
    assert review.watch.strange(frames(looks), np.array([0, 1])) is None
    assert review.watch.strange(frames(looks), np.array([], int)) is None


def test_a_sample_that_is_spread_is_asked_about(review):
    assert review.to_ask(1).tolist() == [0]
    assert review.to_ask(2).tolist() == [0, 1]
    asked = review.to_ask(8 * SPACING)
    assert len(asked) == 8
    assert (asked[0], asked[-1]) == (0, 8 * SPACING - 1)
    assert np.diff(asked).max() <= SPACING + 1


def test_a_label_that_contradicts_has_all_asked_about_until_enough_agree(review):
    contradict(review)
    assert review.to_ask(20).tolist() == list(range(20))
    agree(review, TRUSTED_AGAIN - 1, present=False)
    assert len(review.to_ask(20)) == 20
    contradict(review)
    agree(review, TRUSTED_AGAIN - 1, present=False)
    assert len(review.to_ask(20)) == 20
    agree(review, 1, present=False)
    assert len(review.to_ask(20)) == 20 // SPACING


def test_a_look_is_known_once_labels_of_both_answers_agree(review):
    agree(review, 10 * FAMILIAR, present=False)
    assert len(review.still_strange(strange(5))) == 5
    agree(review, FAMILIAR, present=True)
    assert len(review.still_strange(strange(5))) == 0
    bright = Strange(np.arange(5), frames(-dark(5)), -dark(5))
    assert len(review.still_strange(bright)) == 5


def test_what_agreed_before_a_contradiction_does_not_count(review):
    agree(review, 10 * FAMILIAR, present=True)
    contradict(review)
    agree(review, TRUSTED_AGAIN, present=False)
    assert len(review.still_strange(strange(5))) == 5


def test_spans_are_reported_with_what_was_done(review):
    review.report(strange(8, 100), np.arange(8), labels=2, wrong=0)
    review.report(strange(8, 110), np.arange(4, 8), labels=4, wrong=3)
    review.report(strange(8, 300), np.arange(8), labels=8, wrong=0)
    first, second = review.metrics.spans
    assert (first.start_frame, first.stop_frame) == (100, 118)
    assert (first.start_us, first.stop_us) == (10_000_000, 11_800_000)
    assert (first.why, first.frames, first.labels, first.wrong) == (ASPECTS[0], 12, 6, 3)
    assert first.outcome == "the reference network answered"
    assert second.outcome == "labels agreed"
    assert review.metrics.labels == 14
    assert "checked by 14 labels" in drift_text(review.metrics)
    assert "100–117 (10.00–11.80 s): new brightness" in drift_text(review.metrics)


def test_many_spans_are_shown_in_part(review):
    for first in range(0, 500, 50):
        review.report(strange(3, first), np.arange(3), labels=2, wrong=0)
    text = drift_text(review.metrics)
    assert len(text.splitlines()) == 10
    assert text.endswith("and 2 more spans")
