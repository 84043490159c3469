"""Results: streaming, closing, cancelling, and what they convert to."""

from __future__ import annotations

import gc
import sys
import threading

import pandas as pd
import pyarrow as pa
import pytest
from probes import decoding_threads, is_open

from vqe.errors import ConfigError, ExecutionError, QueryCancelledError
from vqe.video import reader

SQL = "SELECT FRAMES FROM clip WHERE contains('bus') EXACT"
BUS = [*range(20, 45), *range(80, 95)]


def test_nothing_runs_before_the_rows_are_asked_for(con, oracle):
    result = con.sql(SQL)
    assert "not run yet" in repr(result)
    assert result.schema.names[0] == "video"
    assert oracle.frames_seen == []


def test_rows_stream_before_the_end_is_reached(con, oracle):
    batches = iter(con.sql(SQL))
    first = next(batches)
    assert first["frame"].to_pylist()[0] == 20
    assert len(oracle.frames_seen) < 120
    assert [i for batch in (first, *batches) for i in batch["frame"].to_pylist()] == BUS


@pytest.fixture
def no_reading_ahead(monkeypatch):
    """Decoding waits for the consumer: a clip of these tests would be decoded at once."""
    monkeypatch.setattr(reader, "READ_AHEAD_BYTES", 1)


@pytest.mark.usefixtures("no_reading_ahead")
def test_closing_early_ends_thread_and_file(con, clip, oracle):
    result = con.sql(SQL)
    next(iter(result))
    assert is_open(clip.path)
    assert len(decoding_threads()) >= 1
    result.close()
    assert not is_open(clip.path)
    assert decoding_threads() == []
    asked = len(oracle.frames_seen)
    assert asked < 120
    result.close()  # again does no harm


@pytest.mark.usefixtures("no_reading_ahead")
def test_leaving_the_with_block_closes(con, clip):
    with con.sql(SQL) as result:
        for _ in result:
            break
        assert is_open(clip.path)
    assert not is_open(clip.path)
    assert decoding_threads() == []


def test_a_closed_result_gives_no_rows(con, oracle):
    result = con.sql(SQL)
    result.close()
    assert "closed" in repr(result)
    with pytest.raises(ExecutionError, match="this result is closed"):
        iter(result)
    assert oracle.frames_seen == []


def test_a_result_that_was_left_early_is_closed(con):
    result = con.sql(SQL)
    next(iter(result))
    assert "running" in repr(result)
    result.close()
    assert "closed" in repr(result)
    with pytest.raises(ExecutionError, match="this result is closed"):
        result.to_arrow_table()


def test_closing_from_another_thread_stops_the_query(con, clip, oracle):
    oracle.seconds = 0.01
    result = con.sql(SQL)
    timer = threading.Timer(0.2, result.close)
    timer.start()
    with pytest.raises(QueryCancelledError):
        result.to_arrow_table()
    timer.join()
    assert len(oracle.frames_seen) < 120
    assert not is_open(clip.path)


def close_elsewhere(result):
    thread = threading.Thread(target=result.close)
    thread.start()
    thread.join()


@pytest.mark.parametrize("sql", [SQL, "SELECT frame FROM clip"])
@pytest.mark.parametrize("taken", [0, 1])
def test_closing_between_two_batches_is_no_end_of_the_rows(connect, sql, taken):
    result = connect(batch_size=10).sql(sql)
    batches = iter(result)
    for _ in range(taken):
        next(batches)
    close_elsewhere(result)
    with pytest.raises(ExecutionError, match="this result is closed"):
        next(batches)
    assert "closed" in repr(result)


def test_asking_for_rows_while_another_thread_closes(con, monkeypatch):
    result = con.sql("SELECT frame FROM clip")
    closing, asked = threading.Event(), threading.Event()
    rows = result._planned.run()

    def slow_to_close():
        try:
            yield next(rows)
            yield next(rows)
        finally:
            closing.set()
            assert asked.wait(10)

    monkeypatch.setattr(result._planned, "run", slow_to_close)
    batches = iter(result)
    next(batches)
    thread = threading.Thread(target=result.close)
    thread.start()
    assert closing.wait(10)
    with pytest.raises(ExecutionError, match="this result is closed"):
        next(batches)
    asked.set()
    thread.join()
    assert "closed" in repr(result)


def test_a_table_of_a_part_of_the_rows_is_not_remembered(connect, monkeypatch):
    result = connect(batch_size=10).sql(SQL)
    start = result._start

    def closing_start():
        batches = start()

        def stream():
            yield next(batches)
            close_elsewhere(result)
            yield from batches

        return stream()

    monkeypatch.setattr(result, "_start", closing_start)
    for _ in range(2):
        with pytest.raises(ExecutionError, match="this result is closed"):
            result.to_arrow_table()
        monkeypatch.undo()


def test_closing_after_the_last_batch_takes_nothing_away(con):
    result = con.sql("SELECT frame FROM clip")
    assert sum(batch.num_rows for batch in result) == 120
    close_elsewhere(result)
    assert "iterated" in repr(result)
    table = con.sql("SELECT frame FROM clip")
    rows = table.to_arrow_table()
    close_elsewhere(table)
    assert table.to_arrow_table() is rows


def test_iterating_twice_raises(con):
    result = con.sql(SQL)
    assert sum(batch.num_rows for batch in result) == len(BUS)
    for again in (iter, lambda r: r.to_arrow_table(), lambda r: r.to_arrow_reader()):
        with pytest.raises(ExecutionError, match="iterated already"):
            again(result)
    assert "iterated" in repr(result)
    assert "iterated" in result._repr_html_()


@pytest.mark.usefixtures("no_reading_ahead")
def test_a_forgotten_result_closes_its_file_at_once(con, clip):
    batches = iter(con.sql(SQL))
    next(batches)
    assert is_open(clip.path)
    del batches
    assert not is_open(clip.path)


@pytest.mark.usefixtures("no_reading_ahead")
def test_a_forgotten_result_that_has_refused_rows_closes_its_file_in_silence(
    con, clip, monkeypatch
):
    complaints = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    result = con.sql(SQL)
    for _ in result:
        break
    with pytest.raises(ExecutionError, match="iterated already") as caught:
        result.to_arrow_table()
    del result, caught
    assert not is_open(clip.path)
    assert complaints == []


@pytest.mark.usefixtures("no_reading_ahead")
def test_a_result_that_is_collected_while_it_refers_to_itself_is_silent(con, clip, monkeypatch):
    complaints = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    result = con.sql(SQL)
    next(iter(result))
    result._fate.refusal = result.to_arrow_table  # a cycle, which ends as its stream is closed
    del result
    gc.collect()
    assert not is_open(clip.path)
    assert complaints == []


def test_a_table_is_remembered(con, oracle):
    result = con.sql(SQL)
    table = result.to_arrow_table()
    asked = len(oracle.frames_seen)
    assert result.to_arrow_table() is table
    assert result.to_pandas()["frame"].tolist() == BUS
    assert result.to_arrow_reader().read_all() == table
    assert pa.table(result) == table
    assert [i for batch in result for i in batch["frame"].to_pylist()] == BUS
    assert len(oracle.frames_seen) == asked


def test_a_reader_streams(con, oracle):
    reader = con.sql(SQL).to_arrow_reader()
    assert reader.schema.names == ["video", "frame", "timestamp", "pts", "score", "decided_by"]
    reader.read_next_batch()
    assert len(oracle.frames_seen) < 120
    reader.read_all()


def test_the_arrow_stream_protocol(con):
    assert pa.table(con.sql(SQL))["frame"].to_pylist() == BUS
    empty = con.sql("SELECT FRAMES FROM clip WHERE contains('cat') EXACT")
    table = pa.table(empty)
    assert (table.num_rows, table.schema) == (0, empty.schema)


def test_to_pandas(con):
    frame = con.sql(SQL).to_pandas()
    assert isinstance(frame, pd.DataFrame)
    assert frame["frame"].tolist() == BUS
    assert frame["timestamp"].iloc[0] == pd.Timedelta(seconds=2)
    assert str(frame["decided_by"].dtype) == "category"


def test_show_and_html(con, capsys, oracle):
    result = con.sql(SQL)
    assert "not run yet; show() prints its rows>" in repr(result)
    assert oracle.frames_seen == []
    assert "<table" in con.sql(SQL)._repr_html_()
    with pytest.raises(ConfigError, match="whole number from 0, got -1"):
        result.show(max_rows=-1)
    result.show(max_rows=4)
    printed = capsys.readouterr().out
    assert "20" in printed
    assert "94" in printed
    assert "<table" in result._repr_html_()
    assert "decided_by" in repr(result)


@pytest.mark.parametrize("accuracy", ["EXACT", ""])
def test_cancelling_from_another_thread(con, clip, oracle, accuracy):
    oracle.seconds = 0.01
    result = con.sql(f"SELECT FRAMES FROM clip WHERE contains('bus') {accuracy}")
    timer = threading.Timer(0.1, result.cancel)
    timer.start()
    with pytest.raises(QueryCancelledError, match="was cancelled"):
        result.to_arrow_table()
    timer.join()
    assert len(oracle.frames_seen) < 120
    assert not is_open(clip.path)
    assert decoding_threads() == []


def test_cancelling_one_query_leaves_others_alone(con):
    cancelled, other = con.sql(SQL), con.sql(SQL)
    cancelled.cancel()
    for _ in range(2):
        with pytest.raises(QueryCancelledError):
            cancelled.to_arrow_table()
    assert other.to_arrow_table().num_rows == len(BUS)


def test_an_error_of_the_model_ends_thread_and_file(con, clip):
    def broken(frames):
        raise ValueError("out of paint")

    broken.labels = ("bus",)
    con.register_model("broken", broken)
    result = con.sql("SELECT FRAMES FROM clip WHERE contains('bus') EXACT USING MODEL broken")
    with pytest.raises(Exception, match="out of paint"):
        result.to_arrow_table()
    assert not is_open(clip.path)
    assert decoding_threads() == []


def test_queries_in_several_threads(con):
    tables = {}

    def run(i):
        tables[i] = con.sql(SQL).to_arrow_table()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [tables[i]["frame"].to_pylist() for i in range(4)] == [BUS] * 4
