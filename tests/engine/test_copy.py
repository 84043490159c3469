"""COPY: rows become a file, or nothing does."""

from __future__ import annotations

import json
import os
import stat

import duckdb
import pyarrow as pa
import pytest
from clips import Oracle, make_clip, spoil
from pyarrow.parquet import ParquetFile, read_table

import vqe
from vqe.commands import copying
from vqe.commands.copying import copy
from vqe.executor.query import Query
from vqe.plan.binder import Bound, bind
from vqe.planner.resources import Resources
from vqe.runtime.context import Context
from vqe.sql.parser import parse

SQL = "SELECT FRAMES FROM clip WHERE contains('bus') EXACT"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory, with nothing in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["bus.parquet", "bus.csv", "bus.json", "bus.arrow", "BUS.Parquet"])
def test_the_rows_are_those_of_the_query(con, folder, name):
    expected = con.sql(SQL).to_arrow_table()
    result = con.sql(f"COPY ({SQL}) TO '{name}'")
    assert result.to_arrow_table().to_pylist() == [{"file": name, "rows": 40}]
    assert os.listdir(folder) == [name]
    if name.endswith("arrow"):
        with pa.ipc.open_file(name) as file:
            frames = file.read_all()["frame"].to_pylist()
    else:
        reader = "read_parquet" if name.lower().endswith("parquet") else "read_" + name[4:]
        if name.endswith(("csv", "json")):
            reader += "_auto"
        frames = [row[0] for row in duckdb.sql(f"SELECT frame FROM {reader}('{name}')").fetchall()]
    assert frames == expected["frame"].to_pylist()


def test_it_happens_at_once_and_the_path_may_be_a_parameter(con, folder):
    con.sql("COPY (SELECT frame FROM clip WHERE frame < ?) TO ?", [3, folder / "first.parquet"])
    assert read_table("first.parquet")["frame"].to_pylist() == [0, 1, 2]


def test_the_file_says_what_its_rows_are_worth(con, folder):
    sql = f"COPY ({SQL}) TO 'bus.parquet'"
    con.sql(sql)
    assert read_table("bus.parquet").schema.metadata[b"vqe.model"] == b"oracle"
    behind = ParquetFile("bus.parquet").metadata.metadata
    metadata = {key.decode(): text.decode() for key, text in behind.items()}
    assert metadata["vqe.query"] == sql
    assert metadata["vqe.model"] == "oracle"
    assert metadata["vqe.accuracy"] == "EXACT"
    assert json.loads(metadata["vqe.measured"])[0]["plan"] == "no cascade"
    con.sql(f"COPY ({SQL}) TO 'bus.arrow'")
    with pa.ipc.open_file("bus.arrow") as file:
        assert file.schema.metadata[b"vqe.model"] == b"oracle"


def test_what_is_seen_in_the_frames(con, folder):
    """Lists of structs in every format; pictures where bytes can be."""
    sql = "SELECT frame, detections('bus') AS seen, image(width => 32) AS picture FROM clip"
    sql += " WHERE frame IN (0, 20) EXACT"
    for name in ("seen.parquet", "seen.json", "seen.arrow", "seen.csv"):
        columns = "*" if name.endswith(("parquet", "arrow")) else "frame, seen"
        text = sql.replace(", image(width => 32) AS picture", "") if columns != "*" else sql
        con.sql(f"COPY ({text}) TO '{name}'")
    pictures = read_table("seen.parquet")["picture"].to_pylist()
    assert all(picture.startswith(b"\xff\xd8\xff") for picture in pictures)
    for name in ("seen.parquet", "seen.json"):
        nothing, bus = duckdb.sql(f"SELECT seen FROM '{name}' ORDER BY frame").fetchall()
        assert nothing == ([],)
        assert [found["label"] for found in bus[0]] == ["bus"]
    (as_text,) = duckdb.sql("SELECT seen FROM 'seen.csv' WHERE frame = 20").fetchall()
    assert json.loads(as_text[0])[0]["label"] == "bus"
    with pytest.raises(vqe.BindError, match="csv is text, and cannot hold column 'picture'"):
        con.sql(f"COPY ({sql}) TO 'other.csv'")


def test_small_batches_are_joined(con, folder, monkeypatch):
    monkeypatch.setattr(copying, "ROWS", 50)
    con.sql("SET batch_size = 7; COPY (SELECT frame FROM clip) TO 'all.parquet'")
    file = ParquetFile("all.parquet")
    sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    assert sizes == [56, 56, 8]
    assert file.read()["frame"].to_pylist() == list(range(120))


def test_a_file_that_was_there_is_replaced_only_by_a_complete_one(con, folder):
    con.sql("COPY (SELECT frame FROM clip) TO 'bus.csv'")
    before = (folder / "bus.csv").read_bytes()
    with pytest.raises(vqe.ExecutionError, match="divide by zero"):
        con.sql("COPY (SELECT 1 // (frame - 100) AS x FROM clip) TO 'bus.csv'")
    assert (folder / "bus.csv").read_bytes() == before
    con.sql("COPY (SELECT frame FROM clip LIMIT 1) TO 'bus.csv'")
    assert (folder / "bus.csv").read_text() == '"frame"\n0\n'
    assert os.listdir(folder) == ["bus.csv"]


def test_the_file_has_the_usual_permissions(con, folder):
    (folder / "other").write_text("")
    con.sql("COPY (SELECT frame FROM clip) TO 'bus.csv'")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert len(modes) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
@pytest.mark.parametrize("format", ["parquet", "csv", "json", "arrow"])
def test_nothing_is_left_of_a_query_that_fails(con, folder, format, error):
    def model(frames):
        assert [path.suffix for path in folder.iterdir()] == [".part"]
        raise error

    con.register_model("failing", model, labels=["bus"])
    with pytest.raises((vqe.ModelError, error)):
        con.sql(f"COPY ({SQL} USING MODEL failing) TO 'bus.{format}'")
    assert os.listdir(folder) == []


def test_nothing_is_left_of_a_query_that_is_cancelled(con, clip, folder):
    context = Context()

    class Cancelling(Oracle):
        def __call__(self, frames):
            context.cancelled.set()
            return super().__call__(frames)

    con.register_model("cancelling", Cancelling(clip))
    (statement,) = parse(SQL)
    bound = bind(statement, con._catalog, default_model="cancelling")
    assert isinstance(bound, Bound)
    plan = vqe.optimizer.optimize(bound.plan)
    resources = Resources(con._store, con._catalog.network)
    with pytest.raises(vqe.QueryCancelledError):
        copy(Query(plan, resources, context), "bus.parquet", "parquet")
    assert os.listdir(folder) == []


def test_a_damaged_video(con, tmp_path, folder):
    clip = make_clip(tmp_path / "damaged.mp4", 60, gop=12)
    spoil(clip.path, slice(30, 33))
    sql = "COPY (SELECT FRAMES FROM 'damaged.mp4' WHERE NOT contains('bus') EXACT) TO 'x.parquet'"
    with pytest.raises(vqe.DamagedVideoError):
        con.sql(sql, model=Oracle(clip))
    assert os.listdir(folder) == ["damaged.mp4"]
    with pytest.warns(vqe.DamagedVideoWarning):
        con.sql(f"SET on_damage = 'skip'; {sql}", model=Oracle(clip))
    assert 0 < read_table("x.parquet").num_rows < 60


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere/bus.csv", "there is no such folder"),
        ("folder.csv", "it is a folder"),
        ("a\0b.csv", "null byte"),
        ("x" * 300 + ".csv", "File name too long"),
    ],
)
def test_what_cannot_be_written_is_told_before_the_query_runs(con, folder, oracle, path, message):
    (folder / "folder.csv").mkdir()
    with pytest.raises(vqe.ExecutionError, match=message):
        con.sql(f"COPY ({SQL}) TO ?", [path])
    assert oracle.frames_seen == []
    assert os.listdir(folder) == ["folder.csv"]


def test_a_full_disk(con, folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(copying.os, "fsync", full)
    with pytest.raises(vqe.ExecutionError, match=r"'bus.csv' cannot be written: No space left"):
        con.sql(f"COPY ({SQL}) TO 'bus.csv'")
    assert os.listdir(folder) == []


def test_a_link_is_followed(con, folder):
    (folder / "store").mkdir()
    (folder / "bus.csv").symlink_to("store/today.csv")
    con.sql("COPY (SELECT frame FROM clip LIMIT 1) TO 'bus.csv'")
    assert (folder / "bus.csv").is_symlink()
    assert (folder / "store/today.csv").read_text() == '"frame"\n0\n'
