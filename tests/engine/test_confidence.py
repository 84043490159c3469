"""Queries whose bounds are proved: with a refinement, with a cascade, and over several files."""

from __future__ import annotations

import numpy as np
import pytest
from clips import Oracle, Visit, make_clip

import vqe
from vqe.statistics.units import count_errors

FRAMES, FPS = 6000, 10
SECONDS = 0.002


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory):
    """Ten minutes, a half of them with a bus, for 15 to 25 seconds at a time."""
    rng = np.random.default_rng(2)
    visits, start = [], 100
    while start < FRAMES - 400:
        stop = start + int(rng.integers(150, 250))
        visits.append(Visit(start, stop))
        start = stop + int(rng.integers(100, 300))
    path = tmp_path_factory.mktemp("confidence") / "long.mp4"
    return make_clip(path, FRAMES, size=(96, 80), gop=60, visits=visits)


def ask(clip, end, oracle=None, con=None, **settings):
    """The connection, its oracle, the result, and its rows."""
    oracle = oracle or Oracle(clip, fingerprint="oracle", seconds=SECONDS)
    if con is None:
        con = vqe.connect(device="cpu", **settings)
        con.register_model("oracle", oracle)
    result = con.sql(f"SELECT FRAMES FROM {clip.sql} WHERE contains('bus') {end}")
    return con, oracle, result, result.to_arrow_table()


WINDOWS = "FNR WITHIN 10% FDR WITHIN 10% CONFIDENCE 90%"


@pytest.fixture(scope="module")
def proved(long_clip):
    return ask(long_clip, WINDOWS)


@pytest.mark.slow
def test_windows_are_proved_by_units_drawn_by_chance(long_clip, proved):
    _, oracle, result, table = proved
    certificate = result.profile.certificate
    assert result.profile.plan == "refinement"
    assert certificate.units == FRAMES // FPS
    assert 0 < certificate.drawn < certificate.units - certificate.settled
    assert all(reached <= 0.1 for reached in certificate.reached.values())
    answer = np.isin(np.arange(FRAMES), table["frame"].to_numpy())
    found = count_errors(long_clip.present("bus"), answer, np.arange(FRAMES) // FPS)
    assert max(found.fnr, found.fdr) <= 0.1
    assert len(oracle.frames_seen) == len(set(oracle.frames_seen)) < FRAMES / 2
    assert set(table["decided_by"].to_pylist()) == {"reference", "fill"}


def test_it_says_what_is_proved_and_by_what(proved):
    text = proved[2].explain()
    assert "proved with 90% confidence: FNR within 10% (" in text
    assert "units drawn by chance: 0 of " in text


def test_the_same_answer_again_asks_nobody(long_clip, proved):
    con, oracle, result, table = proved
    n_asked = len(oracle.frames_seen)
    _, _, again, rows = ask(long_clip, WINDOWS, oracle, con)
    assert rows["frame"] == table["frame"]
    assert set(rows["decided_by"].to_pylist()) == {"cache", "fill"}
    assert len(oracle.frames_seen) == n_asked
    assert again.profile.certificate == result.profile.certificate


@pytest.mark.slow
def test_a_higher_confidence_draws_on(long_clip):
    con, oracle, result, _ = ask(long_clip, WINDOWS)
    n_asked = len(oracle.frames_seen)
    _, _, more, _ = ask(long_clip, WINDOWS.replace("90%", "99%"), oracle, con)
    first, second = result.profile.certificate, more.profile.certificate
    assert second.drawn > first.drawn
    assert second.settled == first.settled
    assert len(oracle.frames_seen) - n_asked <= 6 * (second.drawn - first.drawn)


@pytest.mark.slow
def test_the_first_rows_of_a_proved_answer(long_clip, proved):
    _, _, _, table = proved
    _, _, result, rows = ask(long_clip, f"{WINDOWS} LIMIT 7")
    assert rows["frame"] == table["frame"][:7]
    assert result.profile.certificate is not None


def test_explain_tells_the_floor_before_anything_is_asked(long_clip):
    con = vqe.connect(device="cpu")
    oracle = Oracle(long_clip)
    con.register_model("oracle", oracle)
    text = repr(con.sql(f"SELECT FRAMES FROM {long_clip.sql} WHERE contains('bus') {WINDOWS}"))
    assert "CONFIDENCE 90%" in text
    explained = con.sql(
        f"EXPLAIN SELECT FRAMES FROM {long_clip.sql} WHERE contains('bus') {WINDOWS}"
    ).to_arrow_table()
    lines = explained["plan"].to_pylist()
    assert any(
        "of 600 units" in line and "where 10% of them are positive" in line for line in lines
    )
    assert not oracle.frames_seen


@pytest.mark.slow
def test_frames_are_proved_by_a_cascade(long_clip):
    """It has several thresholds, and the cheapest proved ones are used."""
    _, oracle, result, table = ask(
        long_clip, "FNR WITHIN 10% FDR WITHIN 10% PER FRAME CONFIDENCE 90%", fill=False
    )
    certificate = result.profile.certificate
    assert certificate is not None, result.profile.reason
    assert "fill" not in table["decided_by"].to_pylist()
    answer = np.isin(np.arange(FRAMES), table["frame"].to_numpy())
    found = count_errors(long_clip.present("bus"), answer, np.arange(FRAMES))
    assert max(found.fnr, found.fdr) <= 0.1
    # How few depends on the models that are worth training, which a busy machine has fewer of.
    assert len(oracle.frames_seen) == len(set(oracle.frames_seen)) < FRAMES
    assert 1 <= certificate.plan <= certificate.plans


@pytest.mark.slow
def test_what_cannot_be_proved_for_less_is_answered_exactly(long_clip):
    """A bound of one in ten thousand frames allows no miss among six thousand."""
    _, oracle, result, table = ask(
        long_clip, "FNR WITHIN 0.01% FDR WITHIN 0.01% PER FRAME CONFIDENCE 95%"
    )
    assert result.profile.certificate is None
    assert result.profile.plan == "no cascade"
    assert sorted(oracle.frames_seen) == list(range(FRAMES))
    assert (table["frame"].to_numpy() == np.flatnonzero(long_clip.present("bus"))).all()


@pytest.mark.slow
def test_several_files_share_the_doubt(tmp_path):
    """Each is proved with more confidence, so that all are together with what was asked for."""
    for name in ("a", "b"):
        visits = [Visit(start, start + 200) for start in range(100, 2900, 500)]
        clip = make_clip(tmp_path / f"{name}.mp4", 3000, size=(96, 80), gop=60, visits=visits)
    oracle = Oracle(clip, fingerprint="oracle", seconds=SECONDS)
    con = vqe.connect(device="cpu")
    con.register_model("oracle", oracle)
    result = con.sql(f"SELECT FRAMES FROM '{tmp_path}/*.mp4' WHERE contains('bus') {WINDOWS}")
    result.to_arrow_table()
    certificates = [video.certificate for video in result.profile.videos]
    assert [round(certificate.confidence, 6) for certificate in certificates] == [0.95, 0.95]
    assert result.profile.certificate is None
