"""ANALYZE VIDEO: what a question will be answered by is chosen before it is asked."""

from __future__ import annotations

import shutil

import pytest
from clips import Oracle, Visit, make_clip, spoil

import vqe

FRAMES = 1500
VISITS = (Visit(130, 290), Visit(480, 690), Visit(1000, 1160, "truck"), Visit(1210, 1400))
WHERE = "contains('bus') AND frame >= 20"
BOUNDS = "FNR WITHIN 5% FDR WITHIN 5%"
SECONDS = 0.004
"""What the oracle takes for a frame: decoding is cheap beside it, also on a busy machine."""


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("analysis") / "long.mp4"
    return make_clip(path, FRAMES, size=(96, 80), gop=50, visits=VISITS)


@pytest.fixture
def known(long_clip):
    """A connection that knows the clip as `long`, and its oracle, which has a fingerprint."""
    oracle = Oracle(long_clip, fingerprint="oracle", seconds=SECONDS)
    con = vqe.connect(device="cpu")
    con.register("long", long_clip.path)
    con.register_model("oracle", oracle)
    return con, oracle


def analyze(con, source="long", where=WHERE, bounds=BOUNDS):
    return con.sql(f"ANALYZE VIDEO {source} FOR {where} {bounds}").to_arrow_table().to_pylist()


@pytest.mark.slow
def test_the_query_starts_at_once(known):
    con, oracle = known
    (row,) = analyze(con)
    assert row["video"] == "long"
    assert row["plan"] == "refinement"
    assert row["labels"] == len(oracle.frames_seen) > 0
    assert row["seconds"] >= SECONDS * row["labels"]
    result = con.sql(f"SELECT FRAMES FROM long WHERE {WHERE} {BOUNDS}")
    rows = result.to_arrow_table()
    assert len(oracle.frames_seen) == row["labels"]  # nobody was asked any more
    assert result.profile.reference_calls == result.profile.labels_to_plan == 0
    assert result.profile.reason == "stored plan"
    missed = set(range(130, 290)) - set(rows["frame"].to_pylist())
    assert len(missed) <= 10


@pytest.mark.slow
def test_a_cascade_is_trained_ahead_of_time(long_clip):
    # The rest of the video must take long enough for a cascade to pay.
    oracle = Oracle(long_clip, fingerprint="oracle", seconds=4 * SECONDS)
    con = vqe.connect(device="cpu", fill=False)
    con.register("long", long_clip.path)
    con.register_model("oracle", oracle)
    (row,) = analyze(con)
    assert row["plan"] not in ("no cascade", "refinement")
    assert row["predicted_seconds"] > 0
    result = con.sql(f"SELECT FRAMES FROM long WHERE {WHERE} {BOUNDS}")
    result.to_arrow_table()
    assert result.profile.plan == row["plan"]
    assert result.profile.labels_to_plan == 0
    assert {"labelling", "training"}.isdisjoint(result.profile.phases)
    # What it asks for answers frames that no stage is sure of, each for the first time.
    assert len(set(oracle.frames_seen)) == len(oracle.frames_seen)


@pytest.mark.slow
def test_it_happens_at_once_and_once_only(known):
    con, oracle = known
    con.sql(f"ANALYZE VIDEO long FOR {WHERE} {BOUNDS}")
    asked = len(oracle.frames_seen)
    assert asked > 0
    (row,) = analyze(con)
    assert (row["reason"], row["labels"]) == ("stored plan", 0)
    assert len(oracle.frames_seen) == asked


@pytest.mark.slow
def test_a_proof_is_made_ahead_of_time_too(known):
    con, oracle = known
    bounds = "FNR WITHIN 20% FDR WITHIN 20% CONFIDENCE 90%"
    analyze(con, where="contains('bus')", bounds=bounds)
    asked = len(oracle.frames_seen)
    result = con.sql(f"SELECT FRAMES FROM long WHERE contains('bus') {bounds}")
    result.to_arrow_table()
    assert result.profile.certificate is not None
    assert len(oracle.frames_seen) == asked


def test_parameters_model_and_budget(known, long_clip):
    con, oracle = known
    other = Oracle(long_clip, fingerprint="other")
    con.register_model("other", other)
    sql = "ANALYZE VIDEO ? FOR contains(?) USING MODEL Other BUDGET 30 CALLS"
    with pytest.warns(vqe.AccuracyWarning):
        table = con.sql(sql, [long_clip.path, "bus"]).to_arrow_table()
    assert table["labels"].to_pylist() == [len(other.frames_seen)]
    assert 0 < len(other.frames_seen) <= 30
    assert oracle.frames_seen == []


def test_a_short_video_needs_no_plan(con, clip):
    oracle = Oracle(clip, fingerprint="short")
    con.register_model("oracle", oracle)
    (row,) = analyze(con, "clip", "contains('bus')", "")
    assert row["plan"] == "no cascade"
    assert row["labels"] == 0
    assert oracle.frames_seen == []


def test_each_file_of_a_pattern(clip, tmp_path):
    for name in ("a.mp4", "b.mp4"):
        shutil.copy(clip.path, tmp_path / name)
    spoil(tmp_path / "b.mp4", slice(0, 120))
    (tmp_path / "c.mp4").write_bytes(b"no video")
    con = vqe.connect(device="cpu", on_damage="skip")
    con.register_model("oracle", Oracle(clip, fingerprint="oracle"))
    with pytest.warns(vqe.DamagedVideoWarning, match="skipped"):
        rows = analyze(con, f"'{tmp_path}/*.mp4'", "contains('bus')", "")
    assert [row["video"] for row in rows] == [f"{tmp_path}/a.mp4", f"{tmp_path}/b.mp4"]
    con.sql("SET on_damage = 'raise'")
    with pytest.raises(vqe.VideoError, match=r"c\.mp4"):
        analyze(con, f"'{tmp_path}/*.mp4'", "contains('bus')", "")


def test_what_cannot_be_kept_is_not_begun(con, oracle):
    with pytest.raises(vqe.PlanError, match="fingerprint"):
        con.sql("ANALYZE VIDEO clip FOR contains('bus')")
    assert oracle.frames_seen == []
