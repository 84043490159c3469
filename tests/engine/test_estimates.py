"""ERROR WITHIN: what a sample of frames says about all of them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from clips import Oracle, Visit, make_clip

import vqe

FRAMES = 3000


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    rng = np.random.default_rng(9)
    starts = np.sort(rng.integers(0, FRAMES - 100, 40)).tolist()
    visits = [Visit(start, start + int(rng.integers(20, 90))) for start in starts]
    return make_clip(
        tmp_path_factory.mktemp("busy") / "busy.mp4", FRAMES, size=(96, 80), visits=visits
    )


def buses(clip):
    count = np.zeros(FRAMES)
    for visit in clip.visits:
        count[visit.start : visit.stop] += 1
    return count


@pytest.fixture
def answered(busy):
    def answered(sql, **settings):
        oracle = Oracle(busy)
        with vqe.connect(device="cpu", **settings) as con:
            con.register_model("oracle", oracle)
            con.register("busy", str(busy.path))
            result = con.sql(sql)
            return oracle, result, result.to_arrow_table()

    return answered


def test_an_average_from_a_part_of_the_frames(busy, answered):
    sql = "SELECT avg(objects('bus')) AS mean FROM busy ERROR WITHIN 0.1"
    oracle, result, table = answered(sql)
    assert abs(table["mean"][0].as_py() - buses(busy).mean()) <= 0.1
    assert len(oracle.frames_seen) < FRAMES / 4
    assert max(Counter(oracle.frames_seen).values()) == 1
    (estimate,) = result.profile.estimates
    assert estimate.sampled == len(oracle.frames_seen) == result.profile.reference_calls
    assert estimate.rows == FRAMES
    assert 0 < estimate.half_width <= 0.1
    assert "estimated avg(" in result.explain()
    assert "Estimate avg(" in result.explain()


def test_each_group_keeps_the_error(busy, answered):
    sql = (
        "SELECT frame // 1000 AS part, avg(objects('bus')) AS mean, count(*) AS n, "
        "sum(objects('bus')) AS total FROM busy WHERE frame % 2 = 0 GROUP BY part "
        "ORDER BY part ERROR WITHIN 50"
    )
    _, result, table = answered(sql)
    assert table["part"].to_pylist() == [0, 1, 2]
    assert table["n"].to_pylist() == [500, 500, 500]
    truth = buses(busy)[::2].reshape(3, 500)
    assert np.abs(table["total"].to_numpy() - truth.sum(axis=1)).max() <= 50
    assert np.abs(table["mean"].to_numpy() - truth.mean(axis=1)).max() <= 50 / 500
    assert {one.groups for one in result.profile.estimates} == {3}


def test_the_seed_decides_what_is_drawn(answered):
    sql = "SELECT avg(objects('bus')) AS mean FROM busy ERROR WITHIN 0.2"
    one, two, other = (answered(sql, seed=seed)[2] for seed in (1, 1, 2))
    assert one.equals(two)
    assert not one.equals(other)


def test_a_budget_ends_the_drawing(answered):
    sql = "SELECT avg(objects('bus')) FROM busy ERROR WITHIN 0.01 BUDGET 80 CALLS"
    with pytest.warns(vqe.AccuracyWarning, match=r"is known within .* the effort ended"):
        oracle, result, _ = answered(sql)
    assert len(oracle.frames_seen) <= 80
    assert result.profile.estimates[0].half_width > 0.01


def test_without_it_every_frame_is_asked_about(busy, answered):
    oracle, _, table = answered("SELECT avg(objects('bus')) AS mean FROM busy WHERE frame < 300")
    assert table["mean"][0].as_py() == pytest.approx(buses(busy)[:300].mean())
    assert sorted(oracle.frames_seen) == list(range(300))


@pytest.mark.slow
def test_values_that_are_null_do_not_count(busy, answered):
    present = np.flatnonzero(buses(busy))
    sql = "SELECT avg(CASE WHEN contains('bus') THEN frame END) AS mean FROM busy ERROR WITHIN 100"
    off = []
    for seed in range(6):
        _, result, table = answered(sql, seed=seed)
        off.append(abs(table["mean"][0].as_py() - present.mean()))
        assert result.profile.estimates[0].half_width <= 100
    assert sum(one > 100 for one in off) <= 1


def test_what_is_rare_is_not_none(busy, answered):
    sql = "SELECT sum(CASE WHEN frame = 7 AND NOT contains('cat') THEN 1 END) AS n FROM busy "
    _, result, table = answered(sql + "ERROR WITHIN 200")
    assert abs(table["n"][0].as_py() - 1) <= 200
    assert 0 < result.profile.estimates[0].half_width <= 200
    _, _, whole = answered(sql + "WHERE frame < 40 ERROR WITHIN 0.5")
    assert whole["n"].to_pylist() == [1]  # all forty were drawn
    _, _, nothing = answered(sql + "WHERE frame BETWEEN 10 AND 50 ERROR WITHIN 0.5")
    assert nothing["n"].to_pylist() == [None]


def test_a_deadline_ends_the_drawing(busy):
    oracle = Oracle(busy, seconds=0.01)
    with vqe.connect(device="cpu") as con:
        con.register_model("oracle", oracle)
        sql = f"SELECT avg(objects('bus')) FROM {busy.sql} ERROR WITHIN 0.001"
        with pytest.warns(vqe.AccuracyWarning, match="effort ended"):
            con.sql(f"{sql} DEADLINE INTERVAL '1 second'").to_arrow_table()
    assert 16 <= len(oracle.frames_seen) <= 120


def test_a_budget_is_kept_by_the_select_list(busy):
    oracle = Oracle(busy)
    with vqe.connect(device="cpu") as con:
        con.register_model("oracle", oracle)
        sql = f"SELECT frame, objects('bus') AS n FROM {busy.sql} WHERE frame < 50"
        with pytest.warns(vqe.AccuracyWarning, match="nulls"):
            table = con.sql(f"{sql} BUDGET 10 CALLS").to_arrow_table()
    assert len(oracle.frames_seen) == 10
    assert table["n"].null_count == 40
    assert table["n"].to_pylist()[:10] == buses(busy)[:10].tolist()


def test_the_estimate_does_not_depend_on_the_rules(answered):
    sql = (
        "SELECT keyframe, avg(objects('bus')) AS mean FROM busy GROUP BY keyframe "
        "HAVING NOT keyframe ERROR WITHIN 0.2"
    )
    _, result, table = answered(sql)
    _, other, same = answered(sql, disabled_rules="push_filter_through_annotate")
    assert table.equals(same)
    assert result.profile.estimates == other.profile.estimates
