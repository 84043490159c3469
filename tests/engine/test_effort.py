"""Queries that may not spend what they like: BUDGET and DEADLINE."""

from __future__ import annotations

import time

import numpy as np
import pytest
from clips import Oracle, Visit, make_clip, spoil

import vqe
from vqe.statistics.units import count_errors

FRAMES, FPS = 6000, 10
BOUNDS = "FNR WITHIN 2% FDR WITHIN 2%"


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory):
    """Ten minutes with a bus now and then, for 15 to 25 seconds."""
    rng = np.random.default_rng(4)
    visits, start = [], 100
    while start < FRAMES - 400:
        stop = start + int(rng.integers(150, 250))
        visits.append(Visit(start, stop))
        start = stop + int(rng.integers(100, 600))
    path = tmp_path_factory.mktemp("effort") / "long.mp4"
    return make_clip(path, FRAMES, size=(96, 80), gop=60, visits=visits)


def ask(clip, end, *, seconds=0.002, con=None, oracle=None, **settings):
    oracle = oracle or Oracle(clip, fingerprint="oracle", seconds=seconds)
    if con is None:
        con = vqe.connect(device="cpu", **settings)
        con.register_model("oracle", oracle)
    result = con.sql(f"SELECT FRAMES FROM {clip.sql} WHERE contains('bus') {end}")
    return con, oracle, result


def fnr(clip, table):
    answer = np.isin(np.arange(FRAMES), table["frame"].to_numpy())
    return count_errors(clip.present("bus"), answer, np.arange(FRAMES) // FPS).fnr


@pytest.mark.slow
def test_a_budget_that_suffices_changes_nothing(long_clip):
    _, free, result = ask(long_clip, BOUNDS)
    rows = result.to_arrow_table()
    _, oracle, limited = ask(long_clip, f"{BOUNDS} BUDGET {len(free.frames_seen)} CALLS")
    assert limited.to_arrow_table() == rows
    assert limited.profile.shortfall is None
    assert sorted(oracle.frames_seen) == sorted(free.frames_seen)


@pytest.mark.parametrize("calls", [1, 12, 40, 150])
def test_a_budget_is_never_exceeded_and_what_it_comes_to_is_told(long_clip, calls):
    _, oracle, result = ask(long_clip, f"FNR WITHIN 0.1% FDR WITHIN 0.1% BUDGET {calls} CALLS")
    with pytest.warns(vqe.AccuracyWarning, match=rf"BUDGET {calls} CALLS ended with"):
        table = result.to_arrow_table()
    assert len(oracle.frames_seen) == calls == result.profile.reference_calls
    shortfall = result.profile.shortfall
    assert shortfall.labels == calls
    assert shortfall.bounds == {"FNR": 0.001, "FDR": 0.001}
    assert not shortfall.proved
    for shown in (result.explain(), repr(result), result._repr_html_()):
        assert f"BUDGET {calls} CALLS ended" in shown
    # What was asked about is spread over the video, however little it is.
    assert calls == 1 or np.ptp(oracle.frames_seen) > FRAMES / 2
    if calls == 150:
        assert fnr(long_clip, table) < 0.1


@pytest.mark.slow
def test_more_budget_goes_on_with_the_labels_of_less(long_clip):
    con, oracle, result = ask(long_clip, f"{BOUNDS} BUDGET 60 CALLS")
    with pytest.warns(vqe.AccuracyWarning):
        result.to_arrow_table()
    _, _, again = ask(long_clip, f"{BOUNDS} BUDGET 2000 CALLS", con=con, oracle=oracle)
    assert fnr(long_clip, again.to_arrow_table()) <= 0.02
    assert again.profile.shortfall is None
    assert len(oracle.frames_seen) == len(set(oracle.frames_seen))


@pytest.mark.slow
def test_what_a_budget_proves_is_told_although_it_is_not_what_was_asked_for(long_clip):
    end = "FNR WITHIN 3% FDR WITHIN 3% CONFIDENCE 95% BUDGET 900 CALLS"
    con, oracle, result = ask(long_clip, end)
    with pytest.warns(vqe.AccuracyWarning, match="they prove FNR at most"):
        result.to_arrow_table()
    shortfall = result.profile.shortfall
    assert result.profile.certificate is None
    assert shortfall.proved
    assert all(0.03 < reached < 1 for reached in shortfall.reached.values())
    assert len(oracle.frames_seen) <= 900
    # The draws are kept: with more to spend the proof goes on, and asks about nothing twice.
    end = end.replace("BUDGET 900 CALLS", "")
    _, _, proved = ask(long_clip, end, con=con, oracle=oracle)
    proved.to_arrow_table()
    assert proved.profile.certificate is not None
    assert len(oracle.frames_seen) == len(set(oracle.frames_seen))


@pytest.mark.slow
def test_a_cascade_stays_within_its_budget(long_clip):
    end = "FNR WITHIN 10% FDR WITHIN 10% PER FRAME BUDGET 4500 CALLS"
    _, oracle, result = ask(long_clip, end, fill=False)
    table = result.to_arrow_table()
    assert len(oracle.frames_seen) <= 4500
    assert result.profile.shortfall is None
    assert fnr(long_clip, table) <= 0.1


@pytest.mark.slow
@pytest.mark.parametrize("per", ["", "PER FRAME"])
def test_a_deadline_is_kept(long_clip, per):
    seconds = 2.0
    end = f"FNR WITHIN 0.1% FDR WITHIN 0.1% {per} DEADLINE INTERVAL '{seconds} seconds'"
    _, _, result = ask(long_clip, end, seconds=0.01)
    clock = time.perf_counter()
    with pytest.warns(vqe.AccuracyWarning, match="DEADLINE INTERVAL '2 seconds' ended"):
        table = result.to_arrow_table()
    # Twice of it is the machine's: other work may stop us in the middle of a batch.
    assert time.perf_counter() - clock < 2 * seconds
    assert table.num_rows > 0
    assert result.profile.shortfall.labels > 20


def test_a_plan_without_a_cascade_is_within_its_budget(tmp_path):
    """A short clip is not worth learning from: all frames, or as many as may be asked about."""
    clip = make_clip(tmp_path / "short.mp4", 60, visits=[Visit(10, 40)])
    con, oracle, result = ask(clip, f"{BOUNDS} BUDGET 60 CALLS")
    assert result.to_arrow_table()["frame"].to_pylist() == list(range(10, 40))
    assert set(result.to_arrow_table()["decided_by"].to_pylist()) == {"reference"}
    con, oracle, result = ask(clip, BOUNDS)
    oracle.fingerprint = "another"
    for _ in range(2):
        _, _, result = ask(clip, f"{BOUNDS} BUDGET 20 CALLS", con=con, oracle=oracle)
        with pytest.warns(vqe.AccuracyWarning):
            frames = result.to_arrow_table()["frame"].to_numpy()
        assert set(range(12, 38)) <= set(frames) <= set(range(8, 42))
        assert 0 < result.profile.reference_calls <= 20
    assert len(oracle.frames_seen) == len(set(oracle.frames_seen)) == 40


@pytest.mark.slow
@pytest.mark.parametrize("limit", ["BUDGET 300 CALLS", "DEADLINE INTERVAL '1 second'"])
def test_exact_is_no_way_out_of_a_limit(long_clip, limit):
    """No proof is cheaper than EXACT here, and the limit forbids both."""
    end = f"FNR WITHIN 0.05% FDR WITHIN 0.05% PER FRAME CONFIDENCE 95% {limit}"
    _, oracle, result = ask(long_clip, end, seconds=0.005)
    with pytest.warns(vqe.AccuracyWarning):
        result.to_arrow_table()
    assert len(oracle.frames_seen) <= 300
    assert result.profile.certificate is None
    assert result.profile.shortfall is not None


@pytest.mark.parametrize("end", [f"{BOUNDS} CONFIDENCE 95%", BOUNDS])
def test_the_smallest_budget(long_clip, end):
    _, oracle, result = ask(long_clip, f"{end} BUDGET 1 CALLS")
    with pytest.warns(vqe.AccuracyWarning, match="unknown"):
        result.to_arrow_table()
    assert len(oracle.frames_seen) == 1


def test_fewer_calls_than_files(tmp_path):
    for name, first in (("a", 100), ("b", 150), ("c", 200)):
        clip = make_clip(tmp_path / f"{name}.mp4", 900, gop=60, visits=[Visit(first, 500)])
    oracle = Oracle(clip)
    con = vqe.connect(device="cpu")
    con.register_model("oracle", oracle)
    result = con.sql(
        f"SELECT FRAMES FROM '{tmp_path}/*.mp4' WHERE contains('bus') {BOUNDS} BUDGET 2 CALLS"
    )
    with pytest.warns(vqe.AccuracyWarning):
        result.to_arrow_table()
    assert len(oracle.frames_seen) == 2
    assert sorted(video.shortfall.labels for video in result.profile.videos) == [0, 1, 1]


def test_damage_is_not_filled_in(tmp_path):
    clip = make_clip(tmp_path / "damaged.mp4", 120, visits=[Visit(10, 40)])
    spoil(clip.path, slice(50, 60))
    _, _, result = ask(clip, f"{BOUNDS} BUDGET 100 CALLS")
    with pytest.raises(vqe.VideoError, match="frames that cannot be decoded"):
        result.to_arrow_table()


def test_several_files_share_a_budget(tmp_path):
    for name, first in (("a", 100), ("b", 150), ("c", 200)):
        visits = [Visit(start, start + 200) for start in range(first, 1900, 500)]
        clip = make_clip(tmp_path / f"{name}.mp4", 2000, size=(96, 80), gop=60, visits=visits)
    oracle = Oracle(clip, fingerprint="oracle")
    con = vqe.connect(device="cpu")
    con.register_model("oracle", oracle)
    result = con.sql(
        f"SELECT FRAMES FROM '{tmp_path}/*.mp4' WHERE contains('bus') {BOUNDS} BUDGET 90 CALLS"
    )
    with pytest.warns(vqe.AccuracyWarning):
        result.to_arrow_table()
    assert len(oracle.frames_seen) == 90
    labels = [video.shortfall.labels for video in result.profile.videos]
    assert labels == [30, 30, 30]
