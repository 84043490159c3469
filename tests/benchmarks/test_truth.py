"""Truth belongs to pixels: it is written once, and refused where frames or network are others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import data
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from clips import LABELS, Visit, make_clip

from benchmarks import footage, truth
from benchmarks.data import full_spec
from benchmarks.encoding import encode_pieces, written
from benchmarks.moments import MODEL, moments_of
from benchmarks.noscope import DEFAULT, standard
from benchmarks.truth import BLOCK, OtherPixelsError, Truth, check, find_out, truth_of, truth_path
from vqe.models.load import load_reference
from vqe.models.reference import ReferenceNetwork
from vqe.video.index import VideoIndex
from vqe.video.indexing import build_index

FRAMES = 430  # not a multiple of BLOCK


def brightness(frames):
    """A detector: the mean of a frame's upper half is its bus, of the lower half its truck."""
    half = frames.shape[1] // 2
    upper, lower = frames[:, :half].mean(axis=(1, 2, 3)), frames[:, half:].mean(axis=(1, 2, 3))
    box = (0, 0, 8, 8)
    return [
        [("bus", u / 256, *box), ("truck", v / 256, *box)]
        for u, v in zip(upper.tolist(), lower.tolist(), strict=True)
    ]


def network(function: Callable[..., object] = brightness) -> ReferenceNetwork:
    return load_reference(function, labels=LABELS, device="cpu", min_score=0.3)


@pytest.fixture
def index(tmp_path: Path) -> VideoIndex:
    clip = make_clip(tmp_path / "a.mp4", FRAMES, fps=10, size=(64, 48), visits=[Visit(100, 200)])
    return build_index(str(clip.path), lambda: None)


@pytest.fixture
def found(index: VideoIndex) -> Truth:
    return find_out(index, network(), "callable:brightness", threads=2)


def test_it_holds_what_the_network_says(index: VideoIndex, found: Truth) -> None:
    assert found.frames == FRAMES
    assert len(found.digests) == -(-FRAMES // BLOCK)
    for batch in truth._read(index, np.arange(FRAMES), threads=1):
        for row, ordinal in enumerate(batch.frames.ordinals.tolist()):
            seen = {name: score for name, score, *_ in brightness(batch.frames.rgb(row)[None])[0]}
            for label, score in seen.items():
                assert found.scores(label)[ordinal] == pytest.approx(score, abs=1.01e-4)
    assert not found.scores("cat").any()
    assert not found.scores("no such label").any()


def test_scores_are_rounded_down_so_that_thresholds_hold(index: VideoIndex) -> None:
    def near(frames):
        return [[("bus", 0.3, 0, 0, 1, 1), ("truck", 0.29999, 0, 0, 1, 1)]] * len(frames)

    found = find_out(index, network(near), "callable:near", threads=1)
    assert found.min_score == 0.3
    assert found.present("bus").all()
    assert not found.present("truck").any()


def test_it_survives_a_file(found: Truth, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "t.parquet"
    found.write(path)
    read = Truth.read(path, "kept")
    assert (read.model, read.device, read.min_score) == (found.model, found.device, found.min_score)
    assert read.source == "kept"
    assert np.array_equal(read.digests, found.digests)
    for label in LABELS:
        assert np.array_equal(read.scores(label), found.scores(label))
    assert pq.read_schema(path).names == ["frame", "label", "score"]


def test_it_does_not_depend_on_threads(index: VideoIndex, found: Truth) -> None:
    alone = find_out(index, network(), "callable:brightness", threads=1)
    assert np.array_equal(alone.digests, found.digests)
    assert alone.seen.equals(found.seen)


def test_a_fresh_sample_agrees(index: VideoIndex, found: Truth) -> None:
    checks = [check(found, index, network(), "bus") for _ in range(2)]
    for done in checks:
        assert done.blocks == 8
        assert done.frames >= 4 * done.blocks
        assert done.positives > 0
        assert done.disagreements == 0
        assert done.largest_difference < 2e-4
    assert checks[0].seed != checks[1].seed


def test_other_pixels_are_noticed(found: Truth, tmp_path: Path) -> None:
    other = make_clip(tmp_path / "b.mp4", FRAMES, fps=10, size=(64, 48), visits=[Visit(99, 200)])
    index = build_index(str(other.path), lambda: None)
    with pytest.raises(OtherPixelsError, match="frames are others"):
        check(found, index, network(), "bus")


def test_another_length_is_noticed(found: Truth, index: VideoIndex) -> None:
    with pytest.raises(OtherPixelsError, match="not 430"):
        check(replace(found, frames=431), index, network(), "bus")


def test_another_network_is_noticed(found: Truth, index: VideoIndex) -> None:
    def other(frames):
        return [
            [(name, min(score + 0.1, 1), *box) for name, score, *box in one]
            for one in brightness(frames)
        ]

    with pytest.raises(OtherPixelsError, match="scores differ by 0"):
        check(found, index, network(other), "bus")


def test_a_truth_that_lacks_an_object_is_noticed(found: Truth, index: VideoIndex) -> None:
    without = found.seen.filter(pc.not_equal(found.seen["label"], "bus"))
    with pytest.raises(OtherPixelsError, match="scores differ"):
        check(replace(found, seen=without), index, network(), "bus")


def test_other_answers_are_noticed(found: Truth, index: VideoIndex) -> None:
    score = found.seen["score"].to_numpy() - np.uint16(150)
    lower = found.seen.set_column(2, "score", pa.array(score))
    between = float(np.median(found.scores("bus"))) - 0.0075
    with pytest.raises(OtherPixelsError, match="another answer"):
        check(replace(found, seen=lower, min_score=between), index, network(), "bus")


def test_another_fingerprint_is_noticed(found: Truth, index: VideoIndex) -> None:
    with pytest.raises(OtherPixelsError, match="another network"):
        check(replace(found, fingerprint="other"), index, network(), "bus")


def test_half_of_the_sample_has_the_object() -> None:
    present = np.zeros(10_000, np.bool_)
    present[4000:4020] = present[7777] = True
    blocks = truth._sample(present, np.random.default_rng(0))
    assert {80, 155} <= set(blocks.tolist())
    assert len(blocks) == len(set(blocks.tolist())) == truth.SAMPLED_BLOCKS


def test_nothing_seen_at_all(index: VideoIndex, tmp_path: Path) -> None:
    empty = find_out(index, network(lambda frames: [[] for _ in frames]), "callable:blind", 1)
    empty.write(tmp_path / "t.parquet")
    assert not Truth.read(tmp_path / "t.parquet", "kept").present("bus").any()


def test_a_truth_is_made_once_and_kept(
    index: VideoIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(truth, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(truth, "COMMITTED", tmp_path / "committed")
    asked = DEFAULT[0]
    monkeypatch.setitem(footage.SCENES, "person", replace(asked.of, label="bus"))
    sources = []
    for _ in range(2):
        made, _ = truth_of(asked, index, network(), "callable:brightness", 1)
        sources.append(made.source)
    truth_path(asked, "callable:brightness", tmp_path / "kept").rename(tmp_path / "moved")
    path = truth_path(asked, "callable:brightness", tmp_path / "committed")
    path.parent.mkdir()
    (tmp_path / "moved").rename(path)
    made, _ = truth_of(asked, index, network(), "callable:brightness", 1)
    assert [*sources, made.source] == ["made here", "kept", "committed"]


def test_what_is_committed_is_about_the_standard_footage() -> None:
    files = {path.name for path in truth.COMMITTED.glob("*")}
    possible = {truth_path(one, MODEL, truth.COMMITTED).name: one for one in standard()}
    assert files <= set(possible)
    assert truth_path(DEFAULT[0], MODEL, truth.COMMITTED).name in files
    for name in files:
        one = possible[name]
        kept = Truth.read(truth.COMMITTED / name, "committed")
        assert (kept.model, kept.frames) == (MODEL, one.frames)
        assert kept.present(one.of.label).mean() == pytest.approx(one.presence, rel=0.4)
        assert (truth.COMMITTED / name).stat().st_size < 2_000_000


@pytest.mark.data
@pytest.mark.slow
def test_the_beginning_of_the_default_footage_is_the_same_here(tmp_path: Path) -> None:
    """Its pictures and its encoding depend on no machine: a committed digest says so."""
    from benchmarks.drawing import Clip, Drawing

    (one,) = DEFAULT
    data.video(one.of.clip)
    network = load_reference(full_spec(MODEL))
    drawing = Drawing(Clip(one.of, one.width, one.height), one.timeline, one.noise, one.seed)
    length = footage.PIECE_GOPS * one.profile.gop
    path = tmp_path / "piece.mp4"
    with written(path) as container:
        pieces = [lambda: drawing.pictures(0, length)]
        encode_pieces(container, pieces, moments_of(one.scene).fps, one.profile)
    index = build_index(str(path), lambda: None)
    committed = Truth.read(truth_path(one, MODEL, truth.COMMITTED), "committed")
    beginning = replace(committed, frames=length, digests=committed.digests[: length // BLOCK])
    seen = committed.seen.filter(pc.less(committed.seen["frame"], length))
    done = check(replace(beginning, seen=seen), index, network, one.of.label)
    assert done.disagreements <= 1
