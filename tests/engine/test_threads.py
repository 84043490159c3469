"""One connection in several threads, several connections, and what ends them from outside."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from clips import Oracle
from probes import decoding_threads, is_open

import vqe

EXACT = "SELECT FRAMES FROM clip WHERE contains('bus') EXACT"
BUS = [*range(20, 45), *range(80, 95)]
TRUCK = [*range(50, 70)]


@pytest.fixture(autouse=True)
def hasty_switches() -> Iterator[None]:
    """Threads take turns so often that a race has a chance to show."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def at_once(*tasks: Callable[[], Any]) -> list[Any]:
    """What the tasks return, begun at the same moment in a thread each."""
    start = threading.Barrier(len(tasks))

    def run(task: Callable[[], Any]) -> Any:
        start.wait(30)
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return [done.result(120) for done in [pool.submit(run, task) for task in tasks]]


def frames(con: vqe.Connection, sql: str, params: Any = None) -> list[int]:
    return con.sql(sql, params).to_arrow_table()["frame"].to_pylist()


def test_queries_of_all_kinds_on_one_connection(con, clip):
    con.register_model("known", Oracle(clip, fingerprint="known"))
    known = "SELECT FRAMES FROM clip WHERE contains(?) USING MODEL known"
    tasks = [
        lambda: frames(con, f"{known} EXACT", ["bus"]),
        lambda: frames(con, f"{known} EXACT", ["truck"]),
        lambda: frames(con, EXACT + " USING MODEL oracle"),
        lambda: frames(con, "SELECT frame FROM clip WHERE frame % 10 = 0"),
        lambda: con.sql(f"EXPLAIN {known}", ["bus"]).to_arrow_table().num_rows > 0,
        lambda: con.execute("SELECT frame FROM clip LIMIT 3").fetchall(),
    ]
    for _ in range(3):
        exact, trucks, again, tenths, explained, first = at_once(*tasks)
        assert (exact, trucks, again) == (BUS, TRUCK, BUS)
        assert tenths == list(range(0, 120, 10))
        assert explained
        assert first == [(0,), (1,), (2,)]
    assert decoding_threads() == []


def test_a_cascade_is_chosen_by_several_threads_at_once(con, clip):
    con.register_model("known", Oracle(clip, fingerprint="known"))
    sql = "SELECT FRAMES FROM clip WHERE contains('bus') FNR WITHIN 10% USING MODEL known"
    answers = at_once(*[lambda: frames(con, sql)] * 4)
    for answer in answers:
        assert len(set(answer) ^ set(BUS)) <= 8


def test_names_and_settings_change_while_others_read(con, clip):
    stop = threading.Event()

    def change() -> None:
        for i in range(10_000):
            con.register(f"view {i % 50}", clip.path)
            con.register_model(f"model {i % 50}", Oracle(clip))
            con.sql("SET batch_size = ?", [1 + i % 7])
            if stop.is_set():
                return

    def read() -> list[list[int]]:
        try:
            return [frames(con, EXACT + " USING MODEL oracle") for _ in range(4)]
        finally:
            stop.set()

    _, answers = at_once(change, read)
    assert answers == [BUS] * 4


def test_a_model_is_loaded_once_by_threads_that_need_it_at_once(con, clip):
    loaded = []

    class Slow(Oracle):
        @property
        def fingerprint(self) -> str:  # asked for when the model is loaded
            loaded.append(threading.get_ident())
            time.sleep(0.05)
            return "slow"

    con.register_model("slow", Slow(clip))
    assert loaded == []
    assert at_once(*[lambda: frames(con, EXACT + " USING MODEL slow")] * 4) == [BUS] * 4
    assert len(loaded) == 1


def test_connections_share_a_model(connect, clip):
    oracle = Oracle(clip)
    cons = [connect() for _ in range(4)]
    for con in cons:
        con.register_model("shared", oracle)
    sql = EXACT + " USING MODEL shared"
    assert at_once(*[lambda con=con: frames(con, sql) for con in cons]) == [BUS] * 4


def test_the_default_connection_is_made_once(clip, monkeypatch):
    monkeypatch.setattr("vqe.api._shared", None)
    made = []
    connect = vqe.connect

    def slow_connect():
        made.append(connect())
        time.sleep(0.05)
        return made[-1]

    monkeypatch.setattr("vqe.api.connect", slow_connect)
    sql = f"SELECT frame FROM {clip.sql} LIMIT 1"

    def ask() -> int:
        return vqe.query(sql).to_arrow_table().num_rows

    assert at_once(*[ask] * 6) == [1] * 6
    assert len(made) == 1


@pytest.mark.slow
@pytest.mark.parametrize("end", ["cancel", "close"])
@pytest.mark.parametrize("accuracy", ["EXACT", "", "CONFIDENCE 90%"])
def test_ends_at_any_moment_leave_nothing_behind(connect, clip, oracle, end, accuracy):
    con = connect()
    oracle.seconds = 0.001
    rng = random.Random(f"{end} {accuracy}")
    ended = 0
    for _ in range(8):
        result = con.sql(f"SELECT FRAMES FROM clip WHERE contains('bus') {accuracy}")
        timer = threading.Timer(rng.uniform(0, 0.15), getattr(result, end))
        timer.start()
        try:
            result.to_arrow_table()
        except vqe.ExecutionError:  # QueryCancelledError is one
            ended += 1
        timer.join()
        result.close()
        assert not is_open(clip.path)
        assert decoding_threads() == []
    assert ended > 0


def test_closing_a_connection_leaves_results_that_run(con, clip):
    result = con.sql(EXACT)
    batches = iter(result)
    found = next(batches)["frame"].to_pylist()
    closer = threading.Thread(target=con.close)
    closer.start()
    closer.join()
    assert [*found, *(i for batch in batches for i in batch["frame"].to_pylist())] == BUS
    with pytest.raises(vqe.ExecutionError, match="connection is closed"):
        con.sql(EXACT)
    with pytest.raises(vqe.ExecutionError, match="connection is closed"):
        con.execute(EXACT)


def test_interrupt_ends_what_runs_and_nothing_else(con, clip, oracle):
    oracle.seconds = 0.01
    waiting, other = con.sql(EXACT), vqe.connect(device="cpu", batch_size=10)
    other.register("clip", clip.path)
    read = iter(other.sql("SELECT frame FROM clip"))
    next(read)
    timer = threading.Timer(0.2, con.interrupt)
    timer.start()
    with pytest.raises(vqe.QueryCancelledError):
        con.sql(EXACT).to_arrow_table()
    timer.join()
    assert len(oracle.frames_seen) < 120
    oracle.seconds = 0
    assert waiting.to_arrow_table()["frame"].to_pylist() == BUS  # it had not begun
    assert sum(batch.num_rows for batch in read) == 110
    assert decoding_threads() == []


def test_interrupt_ends_a_statement_that_writes(con, clip, oracle, tmp_path):
    oracle.seconds = 0.01
    timer = threading.Timer(0.2, con.interrupt)
    timer.start()
    with pytest.raises(vqe.QueryCancelledError):
        con.sql(f"COPY ({EXACT}) TO ?", [tmp_path / "bus.csv"])
    timer.join()
    assert list(tmp_path.iterdir()) == []


def test_a_result_that_is_read_by_one_thread_and_shown_by_another(con):
    result = con.sql(EXACT)
    tables = at_once(result.to_arrow_table, lambda: repr(result), result._repr_html_)
    assert tables[0]["frame"].to_pylist() == BUS
    assert "<table" in tables[2]


def test_iterating_is_for_one_thread_only(con):
    result = con.sql(EXACT)

    def read() -> int | str:
        try:
            return sum(batch.num_rows for batch in result)
        except vqe.ExecutionError as error:
            return error.message

    assert sorted(at_once(read, read, read), key=str) == [
        len(BUS),
        *["this result was iterated already"] * 2,
    ]
