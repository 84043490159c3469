"""LIMIT pulls no more than it needs."""

from __future__ import annotations

import pytest
from probes import is_open, prefetch_threads


def test_limit_takes_the_first_rows(con, clip, oracle):
    result = con.sql("SELECT FRAMES FROM clip WHERE contains('bus') LIMIT 30 EXACT")
    frames = result.to_arrow_table()["frame"].to_pylist()
    assert frames == [*range(20, 45), *range(80, 85)]


@pytest.mark.parametrize(("accuracy", "most"), [("EXACT", 32), ("", 15 + 32)])
def test_limit_stops_the_work(con, clip, oracle, accuracy, most):
    result = con.sql(f"SELECT FRAMES FROM clip WHERE contains('bus') LIMIT 2 {accuracy}")
    assert result.to_arrow_table()["frame"].to_pylist() == [20, 21]
    # The batch that holds them is asked as a whole; nothing behind it is. Without EXACT the first
    # 15 frames, half of what learning may cost, are a batch of their own.
    assert len(oracle.frames_seen) <= most
    assert result.profile.reference_calls == len(oracle.frames_seen)
    assert not is_open(clip.path)
    assert prefetch_threads() == []


@pytest.mark.parametrize("accuracy", ["EXACT", ""])
def test_limit_zero_asks_nothing(con, clip, oracle, accuracy):
    result = con.sql(f"SELECT FRAMES FROM clip WHERE contains('bus') LIMIT 0 {accuracy}")
    table = result.to_arrow_table()
    assert (table.num_rows, table.schema) == (0, result.schema)
    assert oracle.frames_seen == []
    assert not is_open(clip.path)


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
