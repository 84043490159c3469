"""EXPLAIN touches no pixels; EXPLAIN ANALYZE runs and measures."""

from __future__ import annotations

import pytest
from clips import Oracle

from vqe.video.reader import Reader

SQL = "SELECT FRAMES FROM clip WHERE contains('bus') AND frame >= 10"


def text(result):
    return "\n".join(result.to_arrow_table()["plan"].to_pylist())


@pytest.fixture
def no_decoding(monkeypatch):
    def read(*_):
        raise AssertionError("EXPLAIN decodes")

    monkeypatch.setattr(Reader, "read", read)


@pytest.mark.usefixtures("no_decoding")
def test_explain_touches_no_pixels(con, oracle):
    plan = text(con.sql("EXPLAIN " + SQL))
    assert "contains('bus'" in plan
    assert "oracle on each of 110 frames: too few to learn from" in plan
    assert "oracle on each of 110 frames" in text(con.sql(f"EXPLAIN {SQL} EXACT"))
    assert "the packet index answers" in text(con.sql("EXPLAIN SELECT * FROM clip"))
    assert oracle.frames_seen == []


@pytest.mark.usefixtures("no_decoding")
def test_result_explain_before_the_run(con, oracle):
    result = con.sql(SQL)
    assert "too few to learn from" in result.explain()
    assert oracle.frames_seen == []


def test_explain_shows_the_stored_plan(con, clip):
    con.register_model("oracle", Oracle(clip, fingerprint="oracle"))
    con.sql(SQL).to_arrow_table()
    assert "stored plan: no cascade → oracle" in text(con.sql("EXPLAIN " + SQL))
    assert "stored plan" not in text(con.sql("EXPLAIN " + SQL.replace("bus", "cat")))


def test_explain_analyze_runs_and_measures(con, oracle):
    plan = text(con.sql(f"EXPLAIN ANALYZE {SQL} EXACT"))
    assert len(oracle.frames_seen) == 110
    assert "CascadeScan 'clip' frames 10..120: decode frame set → oracle" in plan
    for part in ("decode", "frames in", "decided", "seconds", "110", "total:", "for 40 rows"):
        assert part in plan
    assert "asked about 110 frames" in plan


def test_explain_after_the_run(con):
    result = con.sql(SQL)
    result.to_arrow_table()
    assert "total:" in result.explain()
    assert "for 40 rows" in result.explain()


def test_show_prints_the_whole_plan(con, capsys):
    con.sql("EXPLAIN " + SQL).show()
    assert "too few to learn from" in capsys.readouterr().out
