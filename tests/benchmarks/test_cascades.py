from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import cascade_replays, cascades
from benchmarks.cascade_replays import anchors, replay, train_group
from benchmarks.stored_frames import StoredInquiry, luma, stored
from vqe.detectors.difference import GRID
from vqe.detectors.earlier import EarlierFrame
from vqe.physical.earlier import EarlierFrameStage
from vqe.plan.accuracy import Accuracy
from vqe.planner.search import Search
from vqe.video.strategies import EveryFrame

pytestmark = pytest.mark.slow

FPS = 10.0
BOUNDS = Accuracy(fnr=0.1, fdr=0.1)


def scene(visible):
    """Half an hour with 60 visits: a square in a corner of a noisy picture, as far as visible."""
    present = np.tile(np.repeat([False, True], [200, 100]), 60)
    rng = np.random.default_rng(0)
    pictures = rng.integers(90, 100, (len(present), 32, 32, 3), np.uint8)
    pictures[present, 5:15, 5:15] += np.uint8(60 * visible)
    return stored(pictures, present, FPS)


def parked():
    """Half an hour of squares that stand still, of which the network knows every other one: they
    look alike, so that no model can tell."""
    there = np.tile(np.repeat([False, True], [60, 60]), 150)
    present = there & (np.arange(len(there)) // 120 % 2 == 0)
    rng = np.random.default_rng(0)
    pictures = rng.integers(90, 100, (len(there), 32, 32, 3), np.uint8)
    pictures[there, 5:15, 5:15] += np.uint8(60)
    return stored(pictures, present, FPS)


def without_links(search, context, find_turns):
    """In place of Search.consider_links."""


@pytest.fixture(scope="module")
def group():
    return train_group(scene(True), BOUNDS, seed=1)


@pytest.fixture(scope="module")
def alike():
    return train_group(parked(), BOUNDS, seed=1)


def test_a_visible_object_is_found_for_few_calls(group):
    found = replay(group, BOUNDS, seed=2)
    assert found["plan"] != "no cascade"
    assert found["labels"] + found["asked"] < 0.4
    assert found["errors"].units == 1800
    assert max(found["errors"].fnr, found["errors"].fdr) <= 0.1


def test_replays_depend_on_their_seed_alone(group):
    first, again, other = (replay(group, BOUNDS, seed)["labels"] for seed in (2, 2, 3))
    assert first == again != other


def test_an_invisible_object_is_left_to_the_reference_network(monkeypatch):
    """But for frames that follow one with a label so soon that hardly any has turned."""
    group = train_group(scene(False), BOUNDS, seed=1)
    linked = replay(group, BOUNDS, seed=2)
    assert max(linked["errors"].fnr, linked["errors"].fdr) <= 0.1
    monkeypatch.setattr(Search, "consider_links", without_links)
    found = replay(group, BOUNDS, seed=2)
    assert found["labels"] + found["asked"] > 0.9
    assert found["errors"] is None or found["errors"].fnr <= 0.1


def test_objects_that_stand_still_are_linked(alike):
    found = replay(alike, BOUNDS, seed=2)
    assert found["link"]
    assert "earlier frame" in found["plan"]
    assert found["linked"] > 0.2
    assert max(found["errors"].fnr, found["errors"].fdr) <= 0.1


def test_what_links_cost_is_counted(alike, monkeypatch):
    """Labels around turns and seconds of pictures, whether a link comes out or not."""
    inquiries = []

    def kept(frames):
        inquiries.append(StoredInquiry(frames))
        return inquiries[-1]

    monkeypatch.setattr(cascade_replays, "StoredInquiry", kept)
    found = replay(alike, BOUNDS, seed=2)
    monkeypatch.setattr(Search, "consider_links", without_links)
    without = replay(alike, BOUNDS, seed=2)
    with_links, unused = inquiries
    assert with_links.seconds > 0
    assert with_links.labelled
    assert not unused.labelled
    n = len(alike.frames.present)
    assert without["labels"] < found["labels"] <= without["labels"] + len(with_links.labelled) / n
    assert not without["link"]
    assert not without["linked"]


def test_links_end_with_their_segment_and_begin_anew_at_labels(alike):
    """As the executor has them: cut at key frames, each about 100 frames long."""
    frames, n = alike.frames, len(alike.frames.present)
    forever = EarlierFrameStage(EarlierFrame(None), threshold=1e9, delay=n)
    labelled = np.array([7, 130])
    left = np.ones(n, np.bool_)
    left[[3, *labelled]] = False
    found = anchors(frames, forever, left, labelled)
    segments = list(EveryFrame().plan(frames.index, np.arange(n)).segments())
    assert [segment.ordinals[0] for segment in segments[:3]] == [0, 120, 240]
    assert found[:8].tolist() == [0, 0, 0, 3, 0, 0, 0, 7]
    assert (found[8:120] == 7).all()
    assert (found[120:130] == 120).all()
    assert (found[130:240] == 130).all()
    for segment in segments[2:]:
        assert (found[segment.ordinals] == segment.ordinals[0]).all()


def test_linked_frames_are_as_their_anchors(alike, monkeypatch):
    """With links that take no notice of turns, replays break their bounds."""
    bold = EarlierFrameStage(EarlierFrame(None), threshold=1e9, delay=200)
    plain = Search.decide
    monkeypatch.setattr(Search, "decide", lambda self: replace(plain(self), stages=(), link=bold))
    found = replay(alike, BOUNDS, seed=2)
    assert found["linked"] > 0.7
    assert found["labels"] + found["asked"] + found["linked"] == pytest.approx(1)
    assert found["errors"].fnr > 0.1


def test_training_and_selection_share_no_frame(group, monkeypatch):
    seen = []
    plain = cascade_replays.Group.evidence

    def watched(self, blocks):
        evidence = plain(self, blocks)
        seen.append(evidence.ordinals[~evidence.training])
        return evidence

    monkeypatch.setattr(cascade_replays.Group, "evidence", watched)
    replay(group, BOUNDS, seed=2)
    assert not np.intersect1d(seen[-1], group.labelled).size


def test_thresholds_that_are_too_bold_are_found_out(group, monkeypatch):
    """Without margins and with half of the frames called absent, replays break their bounds."""
    monkeypatch.setattr(
        cascade_replays,
        "answers",
        lambda group, stages: np.where(np.arange(len(group.frames.present)) % 2, 0, -1),
    )
    assert replay(group, BOUNDS, seed=2)["errors"].fnr > 0.1


def test_differences_by_block_are_those_of_the_picture():
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (3, 32, 32, 3), np.uint8)
    frames = stored(pictures, np.zeros(3, bool), FPS)
    reference = np.full((32, 32), 100, np.float32)
    blocks = frames.differences(np.arange(3), reference)
    assert blocks.shape == (3, GRID[0] * GRID[1])
    squared = (luma(pictures) - reference) ** 2
    assert blocks.mean(axis=1) == pytest.approx(squared.mean(axis=(1, 2)), rel=1e-5)
    # Blocks of GRID are 1.6 pixels wide: the first has all of a pixel and 0.6 of the next.
    weights = np.outer([1, 0.6], [1, 0.6]) / 1.6**2
    assert blocks[:, 0] == pytest.approx((squared[:, :2, :2] * weights).sum(axis=(1, 2)), rel=1e-5)


def test_means_by_block_are_those_of_the_picture():
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (3, 32, 32, 3), np.uint8)
    means = stored(pictures, np.zeros(3, bool), FPS).means
    assert means.shape == (3, GRID[0] * GRID[1])
    assert means.mean(axis=1) == pytest.approx(luma(pictures).mean(axis=(1, 2)), rel=1e-5)
    weights = np.outer([0.4, 1, 0.2], [1, 0.6]) / 1.6**2  # second row, first column
    expected = (luma(pictures)[:, 1:4, :2] * weights).sum(axis=(1, 2))
    assert means[:, GRID[1]] == pytest.approx(expected, rel=1e-5)


def test_broken_bounds_are_counted_and_told(group):
    runs = [replay(group, BOUNDS, seed) for seed in range(2)]
    found = cascades.summary(runs, 0.1)
    assert (found["cascades"], found["breaking"]) == (2, 0)
    strict = cascades.summary(runs, -1.0)
    assert strict["breaking"] == 2
    assert strict["breaking_with_link"] == found["with_link"] == sum(run["link"] for run in runs)
    asked = {
        "footage": "a-b-c",
        "label": "bus",
        "min_score": 0.8,
        "bound": 0.01,
        "frames": 18_000,
        "presence": 0.33,
        "replays": 2,
    }
    results = {"questions": [asked | found]}
    (row,) = cascades.rows(results)
    assert (row["object"], row["broken"], row["without"]) == ("bus ≥ 0.8", "0 of 2", "954 s")
    assert "no question" in cascades.lines(results)[0]
    assert "bus in a-b breaks" in cascades.lines({"questions": [asked | strict]})[0]


def test_what_links_do_is_told_apart(alike):
    runs = [replay(alike, BOUNDS, seed) for seed in range(2)]
    runs.append(runs[0] | {"link": False, "linked": 0.0})
    found = cascades.summary(runs, 0.1)
    assert (found["cascades"], found["with_link"], found["breaking_with_link"]) == (3, 2, 0)
    assert found["linked"] == pytest.approx((runs[0]["linked"] + runs[1]["linked"]) / 2)
    about = {"footage": "a-b-c", "label": "bus", "min_score": None, "bound": 0.01}
    about |= {"frames": 18_000, "presence": 0.33, "replays": 3}
    strict = about | cascades.summary(runs, -1.0)
    (row,) = cascades.rows({"questions": [strict]})
    assert (row["with a link"], row["of these broken"]) == ("2 of 3", "2 of 2")
    assert row["linked by it"] == f"{found['linked']:.1%}"
    told = cascades.lines({"questions": [strict]})
    assert told[1] == "bus in a-b breaks bounds of 1% in more than 20% of the cascades with a link"
