"""Odd files, values and models: what leaves vqe is an error of ours, or what was asked for."""

from __future__ import annotations

import os
import re

import numpy as np
import pytest
from clips import Oracle

import vqe

SQL = "SELECT FRAMES FROM clip WHERE contains('bus') EXACT"
SURROGATE = "\udcff"
BUS = ("bus", 0.9, 10, 10, 50, 50)


def odd_file(folder, kind):
    path = folder / "odd.mp4"
    match kind:
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("no video at all\n" * 100)
        case "noise":
            path.write_bytes(bytes(range(256)) * 20)
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "circle":
            path.symlink_to(path)
        case "nowhere":
            path.symlink_to(folder / "gone.mp4")
    return path


KINDS = ("empty", "text", "noise", "folder", "pipe", "circle", "nowhere")


@pytest.mark.parametrize("kind", KINDS)
def test_files_that_are_no_videos(con, tmp_path, kind):
    path = odd_file(tmp_path, kind)
    with pytest.raises(vqe.VideoError) as raised:
        con.sql("SELECT frame FROM ?", [path])
    assert raised.value.offset == 18
    with pytest.raises(vqe.VideoError):
        con.register("odd", path)


PATHS = ("", ".", "/", "a\0b.mp4", "a" * 5000, f"{SURROGATE}.mp4", "clip\n.mp4", "~", "[")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ascii(path[:9]))
def test_paths_that_lead_nowhere(con, path):
    with pytest.raises(vqe.VideoError) as raised:
        con.sql("SELECT frame FROM ?", [path])
    str(raised.value).encode()  # can be printed


@pytest.mark.parametrize("change", ["removed", "emptied", "a folder"])
@pytest.mark.parametrize("action", ["rows", "explain"])
def test_a_file_that_changes_before_it_is_read(con, clip, tmp_path, change, action):
    path = tmp_path / "changing.mp4"
    path.write_bytes(clip.path.read_bytes())
    result = con.sql("SELECT frame FROM ? WHERE contains('bus')", [path])
    path.unlink()
    if change == "emptied":
        path.write_bytes(b"")
    elif change == "a folder":
        path.mkdir()
    with pytest.raises(vqe.VideoError):
        result.to_arrow_table() if action == "rows" else result.explain()


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT '{SURROGATE}' AS x FROM clip",
        f"SELECT video = '{SURROGATE}' AS x FROM clip",
        f'SELECT frame AS "{SURROGATE}" FROM clip',
        f"SELECT FRAMES FROM clip WHERE contains('{SURROGATE}')",
        f"SELECT FRAMES FROM clip USING MODEL '{SURROGATE}'",
        f"CREATE VIDEO \"{SURROGATE}\" AS 'x.mp4'",
        f"COPY (SELECT frame FROM clip) TO '{SURROGATE}.csv'",
    ],
)
def test_text_that_cannot_be_encoded(con, sql):
    with pytest.raises(vqe.VqeError) as raised:
        con.sql(sql)
    str(raised.value).encode()


def test_a_comment_may_hold_anything(con):
    result = con.sql(f"SELECT frame FROM clip LIMIT 2 -- {SURROGATE} \0")
    assert result.to_arrow_table().num_rows == 2


def test_null_bytes_are_text(con):
    table = con.sql("SELECT 'a\0b' AS x, ? AS \"\0\" FROM clip LIMIT 1", ["\0"]).to_arrow_table()
    assert table.to_pylist() == [{"x": "a\0b", "\0": "\0"}]


class UnspeakableError(Exception):
    def __str__(self):
        raise RuntimeError


def raising(error):
    def detect(frames):
        raise error

    return detect


MODELS = {
    "nothing": lambda frames: None,
    "a number": lambda frames: 5,
    "a generator": lambda frames: ([] for _ in frames),
    "a dict": lambda frames: dict.fromkeys(range(len(frames)), ()),
    "numbers": lambda frames: [1.5] * len(frames),
    "nones": lambda frames: [None] * len(frames),
    "too many": lambda frames: [[]] * (len(frames) + 1),
    "a flat list": lambda frames: [BUS] * len(frames),
    "a score of nan": lambda frames: [[("bus", float("nan"), 1, 1, 2, 2)]] * len(frames),
    "a box of nan": lambda frames: [[("bus", 0.9, float("nan"), 1, 2, 2)]] * len(frames),
    "an empty box": lambda frames: [[("bus", 0.9, 9, 9, 1, 1)]] * len(frames),
    "a huge label": lambda frames: [[(2**70, 0.9, 1, 1, 2, 2)]] * len(frames),
    "a list for a label": lambda frames: [[(["bus"], 0.9, 1, 1, 2, 2)]] * len(frames),
    "an array of zeros": lambda frames: np.zeros((len(frames), 1, 6)),
    "no memory": raising(MemoryError()),
    "deep": raising(RecursionError("deep")),
    "stopped": raising(StopIteration()),
    "unspeakable": raising(UnspeakableError()),
}


@pytest.mark.parametrize("kind", MODELS)
def test_models_that_return_nonsense(con, kind):
    con.register_model("odd", MODELS[kind], labels=["bus"])
    with pytest.raises(vqe.ModelError) as raised:
        con.sql(SQL, model="odd").to_arrow_table()
    assert re.search(r"callable odd|network 'odd'", str(raised.value))


def test_boxes_beyond_the_frame_are_cut_off(con):
    def everywhere(frames):
        return [[("bus", 0.9, -float("inf"), -1e300, 1e300, float("inf"))]] * len(frames)

    con.register_model("everywhere", everywhere, labels=["bus"])
    assert con.sql(SQL, model="everywhere").to_arrow_table().num_rows == 120


@pytest.mark.parametrize(
    "options",
    [
        *({"labels": labels} for labels in ([], "bus", 3, [None], ["a", "a"], iter(()))),
        *({"min_score": score} for score in (float("nan"), "x", 2, [0.5])),
    ],
)
def test_options_of_a_model(con, clip, options):
    with pytest.raises(vqe.ModelError, match=next(iter(options))):
        con.register_model("odd", Oracle(clip), **options)
    assert "odd" not in con.sql("SHOW MODELS").to_arrow_table()["name"].to_pylist()


def test_labels_may_come_from_a_generator(con):
    con.register_model("odd", lambda frames: [[BUS]] * len(frames), labels=iter(["bus"]))
    assert con.sql(SQL, model="odd").to_arrow_table().num_rows == 120


@pytest.mark.parametrize("max_rows", [-1, "x", None, 2.5])
def test_rows_to_show(con, max_rows):
    with pytest.raises(vqe.ConfigError, match="whole number from 0"):
        con.sql("SELECT frame FROM clip").show(max_rows)


FAR = "SELECT time + INTERVAL '9999999 days' AS far FROM late LIMIT 2"


def test_moments_beyond_the_calendar(con, clip, tmp_path, capsys):
    con.register("late", clip.path, starting_at="2199-12-31 23:59:58")
    con.sql(FAR).show()
    assert "29579" in capsys.readouterr().out
    assert "29579" in con.sql(FAR)._repr_html_()
    assert con.sql(FAR).to_arrow_table().num_rows == con.sql(FAR).to_pandas().shape[0] == 2
    with pytest.raises(vqe.ExecutionError, match="column far holds a value"):
        con.execute(FAR).fetchall()
    for format in ("csv", "json", "parquet", "arrow"):
        con.sql(f"COPY ({FAR}) TO ?", [tmp_path / f"far.{format}"])
        assert (tmp_path / f"far.{format}").stat().st_size > 0
