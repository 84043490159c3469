"""EXPLAIN touches no pixels; EXPLAIN ANALYZE runs and measures."""

from __future__ import annotations

import json
import re
from dataclasses import asdict

import numpy as np
import pytest
from clips import Oracle, Visit, make_clip

import vqe
from vqe.planner import cascade, preview
from vqe.planner.cost import NetworkCost
from vqe.planner.sampling import draw_portions, n_labels
from vqe.video.costs import DecodeCosts
from vqe.video.fingerprint import fingerprint
from vqe.video.indexing import build_index
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
    assert "ReferenceScan 'clip' frames 10..120: decode frame set → oracle" in plan
    for part in ("decode", "frames in", "decided", "seconds", "110", "total:", "for 40 rows"):
        assert part in plan
    assert "asked about 110 frames" in plan


def test_explain_after_the_run(con):
    result = con.sql(SQL)
    result.to_arrow_table()
    assert "total:" in result.explain()
    assert "for 40 rows" in result.explain()


def test_formats(con, oracle, capsys):
    result = con.sql(SQL)
    assert json.loads(result.explain("json"))["totals"] is None
    assert result.explain(format="table")["verdict"].to_pylist() == ["chosen", "chosen"]
    result.to_arrow_table()
    told = json.loads(result.explain("json"))
    assert told["totals"]["rows"] == 40
    assert told["totals"]["cpu_seconds"] > 0
    assert result.explain("TABLE")["frames"].to_pylist()[-1] == 110
    for wrong, hint in (
        ("jsn", "did you mean 'json'"),
        ("xml", "formats: text"),
        (None, "must be"),
    ):
        with pytest.raises(vqe.ConfigError, match=hint):
            result.explain(wrong)
    assert len(oracle.frames_seen) == 110
    con.sql(f"EXPLAIN ANALYZE (FORMAT json) {SQL}").show()
    assert json.loads(capsys.readouterr().out)["totals"]["rows"] == 40
    table = con.sql(f"EXPLAIN (FORMAT table) {SQL}").to_arrow_table()
    assert table["step"].to_pylist() == ["decode", "oracle"]


def test_no_path_beyond_what_the_user_wrote(con, clip):
    con.sql(SQL).to_arrow_table()
    for format in ("text", "table", "json"):
        told = con.sql(f"EXPLAIN ANALYZE (FORMAT {format}) {SQL}").to_arrow_table()
        assert str(clip.path.parent) not in str(told.to_pylist())


def test_exact_has_a_prediction_once_all_costs_are_known(con, clip, monkeypatch):
    sql = SQL + " EXACT"
    assert con.sql(sql).explain("table")["predicted_seconds"].to_pylist() == [None, None]
    for module in (cascade, preview):
        known = NetworkCost(0.5, cores=2)
        monkeypatch.setattr(module, "known_network_cost", lambda *_, known=known: known)
    costs = DecodeCosts(0.0, 0.25, 0.25, 0.25, reference_share=1.0, seek=0.0)
    con._store.decode_costs.keep(fingerprint(str(clip.path)), asdict(costs))
    result = con.sql(sql)
    before = result.explain("table")
    assert before["predicted_seconds"].to_pylist() == [30.0, 55.0]  # of 120 and 110 frames
    assert before["predicted_cpu_seconds"].to_pylist() == [30.0, 110.0]
    result.to_arrow_table()
    assert result.explain("table")["predicted_seconds"].to_pylist() == [30.0, 55.0]
    assert json.loads(result.explain("json"))["totals"]["predicted_cpu_seconds"] > 139


def test_show_prints_the_whole_plan(con, capsys):
    con.sql("EXPLAIN " + SQL).show()
    assert "too few to learn from" in capsys.readouterr().out


def test_an_explain_prints_itself_and_a_notebook_keeps_its_columns(con, oracle):
    sql = "EXPLAIN SELECT frames FROM clip WHERE contains('bus')"
    assert repr(con.sql(sql)).startswith("Project")
    html = con.sql(sql)._repr_html_()
    assert re.match("<pre [^>]*>Project", html)
    assert html.count("\n") > 5
    assert not oracle.frames_seen
    assert "not run yet" in repr(con.sql(sql.replace("EXPLAIN", "EXPLAIN ANALYZE")))


def test_explain_shows_well_as_the_last_line_of_a_cell(con):
    told = con.sql(SQL).explain()
    assert repr(told) == told == str(told)
    assert "\n" in repr(told)
    assert told._repr_html_().startswith("<pre ")
    assert "&lt;" in con.sql(SQL + " AND pts < 9").explain()._repr_html_()


@pytest.fixture
def remembering(connect, oracle):
    """A connection that keeps the labels of its oracle."""
    oracle.fingerprint = "oracle"
    return connect()


@pytest.mark.parametrize("accuracy", ["", " EXACT", " CONFIDENCE 95%"])
def test_nothing_is_left_to_ask_where_all_labels_are_stored(remembering, oracle, accuracy):
    remembering.sql("SELECT frames FROM clip WHERE contains('bus') EXACT").to_arrow_table()
    seen = len(oracle.frames_seen)
    result = remembering.sql(f"SELECT frames FROM clip WHERE contains('truck'){accuracy}")
    plan = result.explain()
    assert "120 stored labels answer" in plan
    assert "no cascade   0             0         0.0       all labels are stored" in plan
    for contradiction in ("not planned yet", "asks about", "≥", "a proof", "refinement"):
        assert contradiction not in plan
    result.to_arrow_table()
    assert len(oracle.frames_seen) == seen


def test_a_cascade_begins_with_a_first_portion_of_labels(tmp_path):
    clip = make_clip(tmp_path / "long.mp4", 1200, size=(96, 80), visits=[Visit(300, 900)])
    oracle = Oracle(clip)
    with vqe.connect(device="cpu", fill=False) as con:
        con.register_model("oracle", oracle)
        result = con.sql(f"SELECT frames FROM {clip.sql} WHERE contains('bus')")
        told = " ".join(result.explain().split())
        begins = r"begins with (\d+) labels, and takes more while they may pay, up to about (\d+)"
        first, most = map(int, re.search(begins, told).groups())
        assert f"cascade ≥ {first} " in told
        (portion, *_) = portions = list(
            draw_portions(build_index(str(clip.path), lambda: None), np.arange(1200), 1_000_000, 0)
        )
        assert first == n_labels(portion)
        assert 0.6 * most < sum(map(n_labels, portions)) < 1.1 * most  # ends of visits come beside
        assert not oracle.frames_seen


def test_stored_labels_are_told_beside_what_is_asked(tmp_path):
    clip = make_clip(tmp_path / "long.mp4", 600, size=(96, 80))
    with vqe.connect(device="cpu") as con:
        con.register_model("oracle", Oracle(clip, fingerprint="oracle"))
        sql = f"SELECT frames FROM {clip.sql} WHERE contains('truck')"
        (grid,) = map(int, re.findall(r"asks about (\d+) frames first", con.sql(sql).explain()))
        con.sql(f"{sql} AND frame < 100 EXACT").to_arrow_table()
        exact = con.sql(f"{sql} EXACT").explain()
        assert "oracle on each of 500 frames, beside 100 stored labels" in exact
        plan = con.sql(sql).explain()
        told = re.search(r"asks about (\d+) frames first.*, beside (\d+)\s+stored", plan)
        assert told is not None
        assert int(told[1]) + int(told[2]) == grid
        assert f"refinement   ≥ {told[1]} " in plan
        con.sql(f"{sql} AND keyframe EXACT").to_arrow_table()
        con.sql(f"{sql} AND frame = 599 EXACT").to_arrow_table()
        assert "labels of earlier queries tell where to ask" in con.sql(sql).explain()


@pytest.mark.parametrize(
    ("seconds", "possible"),
    [(0.001, []), (0.004, ["refinement"]), (0.1, ["refinement", "cascade"])],
)
def test_plans_that_could_not_save_enough_are_not_possible(
    tmp_path, monkeypatch, seconds, possible
):
    clip = make_clip(tmp_path / "long.mp4", 600, size=(96, 80))
    monkeypatch.setattr(preview, "known_network_cost", lambda *_: NetworkCost(seconds, cores=1))
    with vqe.connect(device="cpu") as con:
        con.register_model("oracle", Oracle(clip))
        result = con.sql(f"SELECT frames FROM {clip.sql} WHERE contains('truck')")
        plans = list(dict.fromkeys(result.explain("table")["plan"].to_pylist()))
        assert plans == [*possible, "no cascade"]
        told = "600 frames: all takes only 0.6 s" in result.explain()
        assert told == (not possible)


@pytest.mark.parametrize("explain", ["EXPLAIN", "EXPLAIN ANALYZE"])
def test_an_explanation_fits_into_eighty_columns(tmp_path, explain):
    """But for the lines of the operators, which are as long as the statement."""
    clip = make_clip(tmp_path / "long.mp4", 600, size=(96, 80), visits=[Visit(100, 300)])
    with vqe.connect(device="cpu") as con:
        con.register("long", str(clip.path))
        con.register_model("oracle", Oracle(clip, fingerprint="oracle", seconds=0.004))
        for accuracy in ("", " EXACT", " CONFIDENCE 95%"):
            lines = text(
                con.sql(f"{explain} SELECT frames FROM long WHERE contains('bus'){accuracy}")
            )
            told = [line for line in lines.splitlines() if "Scan 'long'" not in line]
            assert max(map(len, told)) <= 80
