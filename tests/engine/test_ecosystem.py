"""Results in the hands of DuckDB, Polars, pandas and Parquet."""

from __future__ import annotations

import json
import sys
import threading

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from clips import Oracle
from probes import is_open

import vqe

SQL = "SELECT FRAMES FROM clip WHERE contains('bus') EXACT"
BUS = [*range(20, 45), *range(80, 95)]


def test_duckdb_finds_a_result_by_its_name(con, oracle):
    result = con.sql(SQL)  # noqa: F841 - the next line names it
    rows = duckdb.sql("SELECT count(*), min(timestamp), any_value(decided_by) FROM result")
    ((n, first, decided_by),) = rows.fetchall()
    assert (n, first.total_seconds(), decided_by) == (len(BUS), 2.0, "reference")
    assert len(oracle.frames_seen) == 120


def test_duckdb_reads_a_result_as_often_as_it_likes(con, oracle):
    result = con.sql(SQL)
    relation = duckdb.from_arrow(result)
    assert relation.columns == result.schema.names
    assert oracle.frames_seen == []  # so far only the columns were asked for
    assert relation.filter("frame < 22").fetchall()[0][1] == 20
    assert len(relation.fetchall()) == len(BUS)
    joined = duckdb.sql("SELECT count(*) FROM result a JOIN result b ON a.frame = b.frame + 1")
    assert joined.fetchall() == [(len(BUS) - 2,)]
    assert len(oracle.frames_seen) == 120
    assert result.to_arrow_table()["frame"].to_pylist() == BUS
    assert len(oracle.frames_seen) == 120


def test_polars_reads_a_result(con, oracle):
    result = con.sql(SQL)
    frame = pl.DataFrame(result)
    assert frame["frame"].to_list() == BUS
    assert frame["timestamp"].dtype == pl.Duration("us")
    assert result.to_polars().equals(frame)
    assert pl.from_arrow(result).struct.unnest().equals(frame)  # a stream is a series to Polars
    assert pl.from_arrow(result.to_arrow_table()).equals(frame)
    assert len(oracle.frames_seen) == 120


def test_a_stream_gives_its_first_rows_before_the_last_are_found(con, oracle):
    stream = pa.RecordBatchReader.from_stream(con.sql(SQL))
    assert stream.read_next_batch()["frame"].to_pylist()[0] == 20
    assert len(oracle.frames_seen) < 120


def test_a_second_stream_begins_with_the_rows_that_the_first_has_read(con, oracle):
    result = con.sql(SQL)
    first = pa.RecordBatchReader.from_stream(result)
    first.read_next_batch()
    first.close()
    assert pa.table(result)["frame"].to_pylist() == BUS
    assert [i for batch in result for i in batch["frame"].to_pylist()] == BUS
    assert "decided_by" in repr(result)
    assert "<table" in result._repr_html_()
    assert len(oracle.frames_seen) == 120


def test_two_threads_read_one_result(con, oracle):
    result = con.sql(SQL)
    tables = {}

    def read(i):
        tables[i] = pa.table(result) if i % 2 else result.to_arrow_table()

    threads = [threading.Thread(target=read, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [tables[i]["frame"].to_pylist() for i in range(6)] == [BUS] * 6
    assert len(oracle.frames_seen) == 120


def test_every_stream_has_the_error_in_its_place(con, clip):
    def broken(frames):
        raise ValueError("out of paint")

    con.register_model("broken", broken, labels=["bus"])
    result = con.sql(SQL, model="broken")
    with pytest.raises(duckdb.Error, match="out of paint"):
        duckdb.sql("SELECT * FROM result").fetchall()
    for read in (result.to_arrow_table, result.to_polars):
        with pytest.raises(vqe.ModelError, match="out of paint"):
            read()
    assert not is_open(clip.path)


def test_a_closed_result_gives_no_stream(con, clip):
    result = con.sql(SQL)
    pa.RecordBatchReader.from_stream(result).read_next_batch()
    result.close()
    assert not is_open(clip.path)
    with pytest.raises(vqe.ExecutionError, match="this result is closed"):
        pa.table(result)
    with pytest.raises(vqe.ExecutionError, match="this result is closed"):
        iter(result)


def test_a_requested_schema(con):
    sql = "SELECT frame FROM clip LIMIT 3"
    wanted = pa.schema([("frame", pa.int32())])
    stream = pa.RecordBatchReader.from_stream(con.sql(sql), wanted)
    assert stream.schema.field("frame").type == pa.int32()
    assert stream.read_all()["frame"].to_pylist() == [0, 1, 2]
    other = pa.schema([("number", pa.int32())])
    with pytest.raises(vqe.ConfigError, match="its columns are: frame"):
        con.sql(sql).__arrow_c_stream__(other.__arrow_c_schema__())
    assert pa.schema(con.sql(sql)).names == ["frame"]


def test_metadata_say_what_was_asked_and_what_was_measured(con, clip):
    con.register_model("known", Oracle(clip, fingerprint="known"))
    sql = SQL.replace("EXACT", "FNR WITHIN 2%")
    result = con.sql(sql, model="known")
    before = told(result.schema)
    assert (before["vqe.query"], before["vqe.model"]) == (sql, "known")
    assert before["vqe.fingerprint"] == con._catalog.model("known").network.fingerprint
    assert before["vqe.accuracy"] == "FNR WITHIN 2% PER INTERVAL '1 second'"
    assert before["vqe.version"] == vqe.__version__
    assert "vqe.measured" not in before
    after = told(result.to_arrow_table().schema)
    assert after.items() > before.items()
    assert told(result.schema) == after
    (video,) = json.loads(after["vqe.measured"])
    assert (video["video"], video["plan"]) == ("clip", result.profile.plan)
    rates = {error["measure"]: error["rate"] for error in video["errors"]}
    measured = result.profile.measured
    assert rates == ({} if measured is None else {r.measure: r.share for r in measured.rates})


def test_metadata_of_streams_are_those_that_are_known_at_their_start(con):
    for batch in con.sql("SELECT frame FROM clip LIMIT 3"):
        assert told(batch.schema) == told(con.sql("SELECT frame FROM clip LIMIT 3").schema)
    reader = con.sql(SQL).to_arrow_reader()
    assert told(reader.schema)["vqe.accuracy"] == "EXACT"
    assert told(reader.read_all().schema)["vqe.model"] == "oracle"


def test_a_query_without_a_model_has_metadata_of_its_own(con):
    known = told(con.sql("SELECT frame FROM clip LIMIT 3").schema)
    assert set(known) == {"vqe.query", "vqe.version"}
    assert con.sql("SET seed = 3").schema.metadata is None
    assert "vqe.fingerprint" not in told(con.sql(SQL).schema)  # the oracle has none


def test_parquet_keeps_the_metadata(con, tmp_path):
    result = con.sql(SQL)
    pq.write_table(result.to_arrow_table(), tmp_path / "bus.parquet")
    read = pq.read_table(tmp_path / "bus.parquet")
    assert read["frame"].to_pylist() == BUS
    assert told(read.schema) == told(result.schema)


def test_pandas_has_the_metadata_in_attrs(con):
    result = con.sql(SQL)
    frame = result.to_pandas()
    assert frame.attrs["vqe.query"] == SQL
    assert json.loads(frame.attrs["vqe.measured"])[0]["plan"] == "no cascade"
    assert frame.head(3).attrs == frame.attrs


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_a_package_that_is_missing_is_named(con, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(vqe.ConfigError, match=f"needs {package}") as raised:
        getattr(con.sql("SELECT frame FROM clip LIMIT 3"), f"to_{package}")()
    assert raised.value.hint == f"pip install 'vqe[{package}]'"


def told(schema):
    return {key.decode(): text.decode() for key, text in (schema.metadata or {}).items()}
