"""LIMIT pulls no more than it needs."""

from __future__ import annotations

import pytest
from clips import Oracle
from probes import decoding_threads, is_open

import vqe


def test_limit_takes_the_first_rows(con, clip, oracle):
    result = con.sql("SELECT FRAMES FROM clip WHERE contains('bus') LIMIT 30 EXACT")
    frames = result.to_arrow_table()["frame"].to_pylist()
    assert frames == [*range(20, 45), *range(80, 85)]


@pytest.mark.parametrize(("accuracy", "most"), [("EXACT", 24), ("", 15 + 32)])
def test_limit_stops_the_work(con, clip, oracle, accuracy, most):
    result = con.sql(f"SELECT FRAMES FROM clip WHERE contains('bus') LIMIT 2 {accuracy}")
    assert result.to_arrow_table()["frame"].to_pylist() == [20, 21]
    # The batch that holds them is asked as a whole; nothing behind it is. Without EXACT the first
    # 15 frames, half of what learning may cost, are a batch of their own.
    assert len(oracle.frames_seen) <= most
    assert result.profile.reference_calls == len(oracle.frames_seen)
    assert not is_open(clip.path)
    assert decoding_threads() == []


def test_explain_analyze_tells_what_the_leading_frames_took(con, oracle):
    sql = "SELECT FRAMES FROM clip WHERE contains('bus') AND frame >= 20 LIMIT 2"
    result = con.sql(sql)
    assert result.to_arrow_table()["frame"].to_pylist() == [20, 21]
    assert result.profile.reason == "the leading frames hold all rows of LIMIT 2"
    decode, asked = result.explain("table").to_pylist()
    assert decode["step"] == "decode"
    assert decode["frames"] >= len(oracle.frames_seen)
    assert asked["frames"] == asked["decided"] == len(oracle.frames_seen) > 0


def test_limit_reads_as_many_frames_as_the_network_takes_at_once(con, oracle):
    sql = "SELECT FRAMES FROM clip WHERE contains('bus') AND frame >= 20 {} EXACT"
    assert con.sql(sql.format("LIMIT 2")).to_arrow_table()["frame"].to_pylist() == [20, 21]
    assert oracle.frames_seen == [20, 21, 22, 23]  # a callable on the CPU takes four
    # Without a LIMIT frames are decoded in larger batches, whatever the network takes.
    oracle.frames_seen.clear()
    next(iter(con.sql(sql.format(""))))
    assert len(oracle.frames_seen) == 32


def test_known_rows_do_not_wait_for_unknown_ones(clip):
    oracle = Oracle(clip, fingerprint="known")
    con = vqe.connect(device="cpu")
    con.register("clip", str(clip.path))
    con.register_model("oracle", oracle)
    for known in ("frame < 30", "frame BETWEEN 40 AND 85"):
        con.sql(f"SELECT FRAMES FROM clip WHERE contains('bus') AND {known} EXACT").to_arrow_table()
    asked = len(oracle.frames_seen)
    sql = "SELECT FRAMES FROM clip WHERE contains('bus') LIMIT {} EXACT"
    result = con.sql(sql.format(10))
    assert result.to_arrow_table()["frame"].to_pylist() == list(range(20, 30))
    assert len(oracle.frames_seen) == asked
    assert result.profile.stages[0].frames_in == 0  # nothing was decoded either
    # Those behind the first gap leave with it, before the second gap is looked at.
    result = con.sql(sql.format(30))
    assert result.to_arrow_table()["frame"].to_pylist() == [*range(20, 45), *range(80, 85)]
    assert oracle.frames_seen[asked:][:10] == list(range(30, 40))
    assert len(oracle.frames_seen) - asked <= 12  # up to the end of the batch of four


@pytest.mark.parametrize("accuracy", ["EXACT", ""])
def test_limit_zero_asks_nothing(con, clip, oracle, accuracy):
    result = con.sql(f"SELECT FRAMES FROM clip WHERE contains('bus') LIMIT 0 {accuracy}")
    table = result.to_arrow_table()
    assert (table.num_rows, table.schema) == (0, result.schema)
    assert oracle.frames_seen == []
    assert not is_open(clip.path)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT frame FROM clip WHERE contains('bus') ORDER BY frame LIMIT 0 {}",
        "SELECT frame FROM clip WHERE contains('bus') ORDER BY objects('bus') LIMIT 0 {}",
        "SELECT EVENTS FROM clip WHERE contains('bus') LIMIT 0 {}",
        "SELECT count(*) AS n FROM clip WHERE contains('bus') GROUP BY keyframe LIMIT 0 {}",
        "SELECT frame FROM clip WHERE contains('bus') LIMIT 0 GAP 5 FRAMES {}",
    ],
)
@pytest.mark.parametrize("accuracy", ["EXACT", "", "BUDGET 30 CALLS"])
def test_limit_zero_asks_nothing_whatever_it_stands_on(con, oracle, sql, accuracy):
    result = con.sql(sql.format(accuracy))
    table = result.to_arrow_table()
    assert (table.num_rows, table.schema) == (0, result.schema)
    assert oracle.frames_seen == []
    assert result.profile.frames_decoded == 0
    assert result.explain()


def test_limit_zero_below_an_aggregate(con, oracle):
    sql = "SELECT count(*) AS n FROM (SELECT frame FROM clip WHERE contains('bus') LIMIT 0)"
    assert con.sql(sql).to_arrow_table().to_pylist() == [{"n": 0}]
    assert oracle.frames_seen == []


def test_limit_over_what_is_seen_in_rows(con, oracle):
    sql = "SELECT frame, n FROM (SELECT frame, objects('bus') AS n FROM clip) WHERE n {}"
    assert con.sql(sql.format("= 0 LIMIT 1")).to_arrow_table()["frame"].to_pylist() == [0]
    assert oracle.frames_seen == [0, 1, 2, 3]  # a callable on the CPU takes four
    oracle.frames_seen.clear()
    assert con.sql(sql.format("> 0 LIMIT 2")).to_arrow_table()["frame"].to_pylist() == [20, 21]
    assert oracle.frames_seen == list(range(28))  # 4, 8 and 16 of them


def test_limit_beyond_the_rows(con):
    result = con.sql("SELECT FRAMES FROM clip WHERE contains('truck') LIMIT 1000")
    assert result.to_arrow_table()["frame"].to_pylist() == list(range(50, 70))


def test_limit_over_a_filter(con):
    sql = "SELECT frame FROM clip WHERE contains('bus') AND frame % 2 = 0 LIMIT 5"
    assert con.sql(sql).to_arrow_table()["frame"].to_pylist() == [20, 22, 24, 26, 28]


def test_limit_without_pixels(con, oracle):
    sql = "SELECT frame FROM clip WHERE frame >= 7 LIMIT 3"
    assert con.sql(sql).to_arrow_table()["frame"].to_pylist() == [7, 8, 9]
    assert oracle.frames_seen == []


def test_limit_leaves_cases_alone_that_lie_behind_its_rows(con, oracle):
    condition = "frame < 60 AND contains('bus') OR frame >= 60 AND objects('bus') = 1"
    result = con.sql(f"SELECT frame FROM clip WHERE {condition} LIMIT 2 EXACT")
    assert result.to_arrow_table()["frame"].to_pylist() == [20, 21]
    assert max(oracle.frames_seen) < 24
