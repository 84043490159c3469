"""When the size of a packet may decide whether its frame is decoded."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from clips import Visit, make_clip

from vqe.video.indexing import build_index
from vqe.video.packet_gate import (
    LEAST_AUC,
    NEIGHBOURS,
    PacketGate,
    _auc,
    calibrate,
    relative_sizes,
)

FRAMES = 400


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """B-frames, key frames every 50."""
    path = tmp_path_factory.mktemp("gate") / "clip.mp4"
    return build_index(str(make_clip(path, FRAMES, size=(80, 48), gop=50, b_frames=2).path))


def with_sizes(index, size):
    return dataclasses.replace(index, size=np.asarray(size, np.int64))


def sizes_of_kinds(index, key=5000, anchor=800, b=60):
    return np.where(index.keyframe, key, np.where(index.out_of_turn, b, anchor))


def test_kinds_are_what_the_decoder_sees(index):
    assert index.keyframe.sum() == FRAMES // 50
    assert 0.5 < index.out_of_turn.mean() < 0.7
    assert not (index.out_of_turn & index.keyframe).any()


def test_each_packet_is_compared_with_its_own_kind(index):
    np.testing.assert_array_equal(
        relative_sizes(with_sizes(index, sizes_of_kinds(index))), np.ones(FRAMES)
    )


def test_the_ratio_is_that_to_the_median_of_the_neighbours(index):
    rng = np.random.default_rng(3)
    size = rng.integers(20, 2000, FRAMES)
    ratio = relative_sizes(with_sizes(index, size))
    for kind in (index.out_of_turn, ~index.out_of_turn):
        of_kind = np.flatnonzero(kind & ~index.keyframe)
        for place, i in enumerate(of_kind):
            start = min(max(0, place - NEIGHBOURS), len(of_kind) - 2 * NEIGHBOURS - 1)
            around = size[of_kind[start : start + 2 * NEIGHBOURS + 1]]
            assert ratio[i] == pytest.approx(size[i] / np.median(around)), i
    assert (ratio[index.keyframe] == 1).all()


def test_what_is_usual_may_drift(index):
    """The hours of the day have different sizes; a change stands out in each."""
    drift = np.linspace(1, 30, FRAMES)
    size = sizes_of_kinds(index) * drift
    changed = np.arange(20, FRAMES, 37)
    size[changed] *= 3
    ratio = relative_sizes(with_sizes(index, size))
    quiet = np.setdiff1d(np.arange(FRAMES), changed)
    not_key = changed[~index.keyframe[changed]]
    assert ratio[not_key].min() > 1.5 > ratio[quiet].max()


@pytest.mark.parametrize("n", [1, 2, 3, 7, 31, 32])
def test_short_videos(tmp_path, n):
    index = build_index(str(make_clip(tmp_path / "a.mkv", n, size=(80, 48), b_frames=2).path))
    ratio = relative_sizes(index)
    assert ratio.shape == (n,)
    assert np.isfinite(ratio).all()


def test_packets_of_no_bytes(index):
    assert np.isfinite(relative_sizes(with_sizes(index, np.zeros(FRAMES)))).all()


def test_a_gate_passes_key_frames_and_what_is_above_the_threshold(index):
    size = sizes_of_kinds(index)
    large = np.array([11, 12, 105, 333])
    size[large] *= 2
    gate = PacketGate(threshold=1.5, auc=1.0, sample=100)
    passed = gate.passes(with_sizes(index, size), np.arange(FRAMES))
    expected = set(large.tolist()) | set(np.flatnonzero(index.keyframe).tolist())
    assert set(np.flatnonzero(passed).tolist()) == expected
    some = np.array([10, 11, 50, 51])
    assert gate.passes(with_sizes(index, size), some).tolist() == [False, True, True, False]
    assert gate.passes(index, np.empty(0, np.int64)).shape == (0,)


def sample(index, seed=0, n=200):
    rng = np.random.default_rng(seed)
    ordinals = np.sort(rng.choice(FRAMES, n, replace=False))
    changed = rng.random(FRAMES) < 0.2
    return ordinals, changed


def test_calibration_where_sizes_tell(index):
    ordinals, changed = sample(index)
    size = sizes_of_kinds(index) * np.where(changed, 3.0, 1.0)
    told = with_sizes(index, size)
    gate = calibrate(told, ordinals, changed[ordinals])
    assert gate is not None
    assert gate.auc > 0.99
    assert gate.sample == (~index.keyframe[ordinals]).sum()
    passed = gate.passes(told, np.arange(FRAMES))
    assert passed[changed].all()
    assert passed[~changed & ~index.keyframe].mean() < 0.05


def test_no_more_changes_are_missed_than_was_said(index):
    rng = np.random.default_rng(5)
    ordinals, changed = sample(index, n=FRAMES)
    size = sizes_of_kinds(index) * np.where(changed, 2.0, 1.0) * rng.lognormal(0, 0.25, FRAMES)
    told = with_sizes(index, size)
    known = changed[ordinals] & ~index.keyframe[ordinals]
    thresholds = []
    for most_missed in (0.0, 0.01, 0.05, 0.2):
        gate = calibrate(told, ordinals, changed[ordinals], most_missed)
        assert gate is not None
        missed = ~gate.passes(told, ordinals)[known]
        assert missed.mean() <= most_missed
        thresholds.append(gate.threshold)
    assert thresholds == sorted(thresholds)
    assert thresholds[0] < thresholds[-1]


@pytest.mark.parametrize(
    ("factor", "why"), [(1.0, "says nothing"), (0.3, "says the opposite"), (1.1, "drowns")]
)
def test_no_gate_where_sizes_do_not_tell(index, factor, why):
    rng = np.random.default_rng(6)
    ordinals, changed = sample(index)
    size = sizes_of_kinds(index) * np.where(changed, factor, 1.0) * rng.lognormal(0, 0.4, FRAMES)
    assert calibrate(with_sizes(index, size), ordinals, changed[ordinals]) is None, why


def test_no_gate_without_both_kinds_of_frames(index):
    ordinals = np.arange(FRAMES)
    for changed in (np.zeros(FRAMES, np.bool_), np.ones(FRAMES, np.bool_)):
        assert calibrate(index, ordinals, changed) is None
    keys = np.flatnonzero(index.keyframe)
    assert calibrate(index, keys, np.arange(len(keys)) % 2 == 0) is None
    assert calibrate(index, ordinals[:0], np.empty(0, np.bool_)) is None


def test_auc_counts_pairs():
    rng = np.random.default_rng(8)
    for _ in range(20):
        score = rng.integers(0, 10, 40).astype(np.float64)
        positive = rng.random(40) < 0.3
        if positive.all() or not positive.any():
            continue
        pairs = [(p > n) + (p == n) / 2 for p in score[positive] for n in score[~positive]]
        assert _auc(score, positive) == pytest.approx(np.mean(pairs))
    assert _auc(np.array([1.0, 2, 3, 4]), np.array([False, False, True, True])) == 1.0


def test_on_a_real_encoder_visitors_are_told_from_noise(tmp_path):
    """Constant quality: packets grow while something moves."""
    visits = [Visit(60, 100), Visit(180, 230), Visit(300, 330)]
    clip = make_clip(
        tmp_path / "clip.mp4",
        FRAMES,
        size=(160, 120),
        gop=100,
        visits=visits,
        options={"crf": "28"},
    )
    index = build_index(str(clip.path))
    moving = clip.present("bus")
    gate = calibrate(index, np.arange(FRAMES), moving)
    if gate is not None:  # what the encoder makes of it is not ours to promise
        assert gate.auc >= LEAST_AUC
        missed = moving & ~gate.passes(index, np.arange(FRAMES))
        assert missed.sum() <= 0.01 * moving.sum() + 1
