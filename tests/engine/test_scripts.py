"""Several statements in one call, and the names that they make."""

from __future__ import annotations

import datetime
import threading
import time

import pytest
from clips import Oracle, make_clip

import vqe

SQL = "SELECT frame FROM clip WHERE contains('bus') EXACT"


def test_the_result_is_that_of_the_last(con, oracle):
    result = con.sql("SELECT 1 AS one, frame FROM clip; SELECT frame AS last FROM clip LIMIT 2;")
    assert result.to_arrow_table().to_pydict() == {"last": [0, 1]}
    assert oracle.frames_seen == []


def test_queries_before_the_last_run_to_their_end_and_the_last_when_it_is_consumed(con, oracle):
    result = con.sql(f"{SQL}; {SQL}")
    assert sorted(oracle.frames_seen) == list(range(120))
    result.to_arrow_table()
    assert len(oracle.frames_seen) == 240  # this oracle's labels are not kept


def test_settings_hold_from_the_next_statement_on(con):
    result = con.sql("SET batch_size = 50; SELECT * FROM clip; SET batch_size = 100")
    assert result.to_arrow_table().to_pylist() == [{"name": "batch_size", "value": "100"}]
    result = con.sql("SET batch_size = 50; SELECT * FROM clip")
    con.sql("SET batch_size = 10")
    assert [batch.num_rows for batch in result] == [50, 50, 20]


def test_parameters_are_numbered_through(con, clip):
    sql = "CREATE VIDEO gate AS ?; SELECT frame FROM gate WHERE frame < ?"
    assert con.sql(sql, [clip.path, 2]).to_arrow_table().num_rows == 2
    named = "CREATE OR REPLACE VIDEO gate AS $path; SELECT frame FROM $name WHERE frame < $n"
    params = {"path": str(clip.path), "name": "gate", "n": 3}
    assert con.sql(named, params).to_arrow_table().num_rows == 3
    for wrong, message in (
        ([clip.path], "no value for parameter \\$2"),
        ([clip.path, 1, 2], "\\$3 is given, but not used"),
    ):
        with pytest.raises(vqe.BindError, match=message):
            con.sql(sql.replace("CREATE", "CREATE OR REPLACE"), wrong)


def test_an_error_points_into_the_whole_text(con):
    sql = "SET seed = 3;\nSELECT frame FROM clip;\n  DROP VIDEO clp; SELECT frame FROM clip"
    with pytest.raises(vqe.BindError) as raised:
        con.sql(sql)
    assert raised.value.offset == sql.index("clp")
    assert raised.value.sql == sql
    assert "  DROP VIDEO clp; SELECT frame FROM clip\n" + " " * 15 + "^" in str(raised.value)
    assert con.settings.seed == 3  # what came before was done


def test_nothing_is_done_where_one_cannot_be_read(con):
    with pytest.raises(vqe.ParseError):
        con.sql("SET seed = 3; SLECT frame FROM clip")
    assert con.settings.seed == 0


def test_a_name_stands_for_a_moment_too(con, clip):
    start = datetime.datetime(2024, 5, 1, 8)
    for starting_at in (start, "2024-05-01 08:00", start.replace(tzinfo=datetime.UTC)):
        con.register("gate", clip.path, starting_at=starting_at)
        first = con.sql("SELECT time FROM gate LIMIT 1").to_arrow_table()["time"][0].as_py()
        assert first == start.replace(tzinfo=None)
    con.register("gate", clip.path, starting_at=start.date())
    first = con.sql("SELECT time FROM gate WHERE time = ?", [start.date()]).to_arrow_table()
    assert first["time"].to_pylist() == [datetime.datetime(2024, 5, 1)]
    con.sql("CREATE OR REPLACE VIDEO gate AS ? STARTING AT ?", [str(clip.path), start])
    last = con.sql("SELECT time, timestamp FROM gate WHERE frame = 119").to_arrow_table()
    assert last["time"][0].as_py() == start + last["timestamp"][0].as_py()
    for wrong in ("noon", 5, datetime.time(8)):
        with pytest.raises(vqe.ConfigError, match="starting_at"):
            con.register("gate", clip.path, starting_at=wrong)
        with pytest.raises(vqe.BindError, match="date and time"):
            con.sql("CREATE VIDEO other AS ? STARTING AT ?", [str(clip.path), wrong])
    for year in (1, 1899, 2200, 9999):
        with pytest.raises(vqe.ConfigError, match="possible are 1900 to 2199"):
            con.register("gate", clip.path, starting_at=datetime.datetime(year, 1, 1))


def test_a_range_of_time_is_all_that_is_read(con, clip, oracle):
    con.register("gate", clip.path, starting_at="2024-05-01 08:00")
    sql = "SELECT FRAMES FROM gate WHERE contains('bus') AND time {} EXACT"
    result = con.sql(sql.format(">= '2024-05-01 08:00:09'"))
    assert result.to_arrow_table()["frame"].to_pylist() == list(range(90, 95))
    assert sorted(oracle.frames_seen) == list(range(90, 120))
    assert "timestamp 9s.." in repr(con.sql(sql.format(">= '2024-05-01 08:00:09'")))
    in_index = con.sql(sql.format("IN ('2024-05-01 08:00:03', '2024-05-01 08:00:10')"))
    assert in_index.to_arrow_table()["frame"].to_pylist() == [30]


def test_another_start_is_another_question(con, clip, tmp_path):
    sql = "SELECT frame FROM gate WHERE time < '2024-05-01 08:00:01'"
    for second, frames in ((0, 10), (59, 0), (-1, 20)):
        start = datetime.datetime(2024, 5, 1, 8) + datetime.timedelta(seconds=second)
        con.register("gate", clip.path, starting_at=start)
        assert con.sql(sql).to_arrow_table().num_rows == frames


def test_names_are_the_same_in_any_case(con, clip, oracle):
    con.register("Gate", clip.path)
    assert con.sql("SELECT frame FROM gATE LIMIT 1").to_arrow_table().num_rows == 1
    con.sql('DROP VIDEO "GATE"')
    with pytest.raises(vqe.VideoNotFoundError):
        con.sql("SELECT frame FROM Gate")
    con.sql(f"{SQL} USING MODEL ORACLE").to_arrow_table()
    con.register_model("ORACLE", oracle)  # in place of `oracle`
    assert con.sql("SHOW MODELS").to_arrow_table()["name"].to_pylist() == ["ORACLE"]


def test_a_listing_tells_what_cannot_be_read(con, tmp_path):
    path = tmp_path / "gone.mp4"
    make_clip(path, 5)
    con.register("gone", path)
    path.unlink()
    rows = con.sql("SHOW VIDEOS").to_arrow_table().to_pylist()
    problems = {row["name"]: row["problem"] for row in rows}
    assert problems["clip"] is None
    assert "no such file" in problems["gone"]


def test_a_listing_loads_no_model(con, tmp_path):
    (tmp_path / "empty.onnx").touch()
    con.register_model("empty", f"onnx:{tmp_path}/empty.onnx")
    rows = con.sql("SHOW MODELS").to_arrow_table().to_pylist()
    assert [(row["name"], row["model"], row["labels"]) for row in rows] == [
        ("empty", f"onnx:{tmp_path}/empty.onnx", None),
        ("oracle", "Oracle", None),
    ]
    assert [row["default"] for row in rows] == [False, False]
    con.sql("SET model = Oracle")
    assert con.sql("SHOW MODELS").to_arrow_table()["default"].to_pylist() == [False, True]


def test_a_model_that_cannot_be_loaded_is_a_model_all_the_same(con, tmp_path):
    (tmp_path / "gone.onnx").touch()
    con.register_model("missing", f"onnx:{tmp_path}/gone.onnx")
    (tmp_path / "gone.onnx").unlink()
    with pytest.raises(vqe.ModelError, match="there is no file"):
        con.sql("DESCRIBE missing")


def test_what_is_listed_of_files_that_differ(con, tmp_path):
    make_clip(tmp_path / "a.mp4", 30, fps=10)
    make_clip(tmp_path / "b.mkv", 10, fps=5, size=(96, 80))
    con.sql("DROP VIDEO clip; CREATE VIDEO both AS ?", [f"{tmp_path}/*.m*"])
    (row,) = con.sql("SHOW VIDEOS").to_arrow_table().to_pylist()
    assert (row["files"], row["frames"]) == (2, 40)
    assert row["duration"] == datetime.timedelta(seconds=5)
    assert row["codec"] == "h264"
    assert row["width"] is row["height"] is row["fps"] is None


@pytest.mark.parametrize(
    "sql", [f"COPY ({SQL}) TO 'bus.parquet'", f"{SQL}; SELECT frame FROM clip"]
)
def test_another_thread_may_interrupt(con, clip, tmp_path, monkeypatch, sql):
    monkeypatch.chdir(tmp_path)
    begun, ended = threading.Event(), []

    class Waiting(Oracle):
        def __call__(self, frames):
            begun.set()
            time.sleep(0.02)
            return super().__call__(frames)

    con.register_model("waiting", Waiting(clip))

    def run():
        try:
            con.sql(f"SET model = waiting; {sql}")
        except vqe.VqeError as error:
            ended.append(error)

    lazy = con.sql("SELECT frame FROM clip")
    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(10)
    con.interrupt()
    thread.join(10)
    assert [type(error) for error in ended] == [vqe.QueryCancelledError]
    assert list(tmp_path.iterdir()) == []
    con.interrupt()  # nothing is at work
    assert lazy.to_arrow_table().num_rows == 120


def test_one_of_many_threads_gets_a_name(con, clip):
    outcomes = []

    def create():
        try:
            con.sql("CREATE VIDEO gate AS ?", [str(clip.path)])
            outcomes.append("made")
        except vqe.BindError:
            outcomes.append("taken")

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made", *["taken"] * 7]
