"""LIMIT n GAP d: found without the rest, and confirmed."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from clips import Oracle, Visit, make_clip

import vqe
from vqe.planner import visual_scans
from vqe.planner.index_cases import cases_of

FRAMES, FPS = 6000, 10


@pytest.fixture(scope="module")
def rare(tmp_path_factory):
    """Ten minutes with six short visits of a bus."""
    visits = [Visit(start, start + 60) for start in (700, 1500, 2900, 3600, 4400, 5500)]
    path = tmp_path_factory.mktemp("gap") / "rare.mp4"
    return make_clip(path, FRAMES, size=(96, 80), gop=20, visits=visits)


@pytest.fixture
def answered(rare):
    def answered(tail, columns="FRAMES", **settings):
        oracle = Oracle(rare)
        with vqe.connect(device="cpu", **settings) as con:
            con.register_model("oracle", oracle)
            sql = f"SELECT {columns} FROM {rare.sql} WHERE contains('bus') {tail}"
            result = con.sql(sql)
            return oracle, result, result.to_arrow_table()

    return answered


def assert_confirmed(rare, oracle, table, gap):
    frames = table["frame"].to_numpy()
    assert rare.present("bus")[frames].all()
    assert np.all(np.diff(frames) >= gap)
    assert set(frames.tolist()) <= set(oracle.frames_seen)
    assert set(table["decided_by"].to_pylist()) == {"reference"}
    assert table["score"].null_count == 0
    assert max(Counter(oracle.frames_seen).values()) == 1


def test_few_frames_are_asked_about(rare, answered):
    oracle, result, table = answered("LIMIT 3 GAP INTERVAL '30 seconds'")
    assert table.num_rows == 3
    assert_confirmed(rare, oracle, table, 300)
    # One frame in seventeen shows a bus, so that 3 of them cost about 50 calls if they are drawn.
    assert len(oracle.frames_seen) <= 40
    assert "found in order of promise" in result.profile.reason
    assert result.profile.labels_to_plan == len(oracle.frames_seen)


@pytest.mark.slow
def test_all_of_them_are_found_where_more_are_wanted(rare, answered):
    oracle, result, table = answered("LIMIT 9 GAP INTERVAL '30 seconds'")
    assert table.num_rows == 6
    assert_confirmed(rare, oracle, table, 300)
    # Only after the bounds were met: the scan has been planned as for any other query.
    assert "around every change" in result.profile.reason
    assert len(oracle.frames_seen) < FRAMES / 4


@pytest.mark.slow
def test_rows_that_were_filled_in_are_confirmed(rare, answered):
    oracle, _, table = answered("LIMIT 30 GAP 20 FRAMES")
    assert_confirmed(rare, oracle, table, 20)
    assert table.num_rows == 18


def test_what_is_left_out_by_other_conditions_is_not_found(rare, answered):
    oracle, _, table = answered("AND 100 / (frame - 1000) > 0 LIMIT 2 GAP 100 FRAMES")
    assert_confirmed(rare, oracle, table, 100)
    assert (table["frame"].to_numpy() > 1000).all()


def test_a_budget_ends_the_search_and_nothing_unconfirmed_is_returned(rare, answered):
    with pytest.warns(vqe.AccuracyWarning):
        oracle, _, table = answered("LIMIT 6 GAP 30 FRAMES BUDGET 12 CALLS")
    assert len(oracle.frames_seen) <= 12
    assert table.num_rows < 6
    frames = table["frame"].to_numpy()
    assert rare.present("bus")[frames].all()
    assert set(frames.tolist()) <= set(oracle.frames_seen)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_rows(rare, answered):
    one, two = (answered("LIMIT 4 GAP 50 FRAMES", "frame")[2] for _ in range(2))
    assert one.equals(two)


def test_exact_is_found_the_same_way(rare, answered):
    oracle, _, table = answered("LIMIT 2 GAP 500 FRAMES EXACT")
    assert_confirmed(rare, oracle, table, 500)
    assert len(oracle.frames_seen) <= 40


@pytest.mark.parametrize(
    ("condition", "frames"),
    [
        ("contains('bus')", [20, 40, 80]),
        ("CASE WHEN frame < 60 THEN contains('bus') ELSE contains('truck') END", [20, 40, 60]),
    ],
)
def test_cases_are_worked_out_once(con, monkeypatch, condition, frames):
    """The search does not find enough, a scan follows, and its rows are confirmed."""
    calls = []

    def counting(*args):
        calls.append(args)
        return cases_of(*args)

    monkeypatch.setattr(visual_scans, "cases_of", counting)
    sql = f"SELECT FRAMES FROM clip WHERE {condition} USING MODEL oracle LIMIT 9 GAP 20 FRAMES"
    assert con.sql(sql).to_arrow_table()["frame"].to_pylist() == frames
    assert len(calls) == 1
