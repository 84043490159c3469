"""The cursor of Python's DB-API 2.0."""

from __future__ import annotations

import datetime
import threading
import warnings

import pandas as pd
import pyarrow as pa
import pytest
from clips import Oracle, read_number
from probes import is_open

import vqe
from vqe.cursor import Cursor
from vqe.result import Result

SQL = "SELECT FRAMES FROM clip WHERE contains('bus') EXACT"
SECOND = datetime.timedelta(seconds=1)


def cursor_on(table):
    return Cursor(lambda sql, params: Result(None, table)).execute("")


def test_the_module_tells_its_dialect():
    assert (vqe.apilevel, vqe.threadsafety, vqe.paramstyle) == ("2.0", 2, "qmark")


DATABASE_ERRORS = ("DataError", "OperationalError", "IntegrityError", "InternalError")
DATABASE_ERRORS += ("ProgrammingError", "NotSupportedError")


def test_the_module_has_the_errors_of_the_db_api():
    assert issubclass(vqe.Warning, Exception)
    assert not issubclass(vqe.Warning, vqe.Error)
    for name in ("InterfaceError", "DatabaseError"):
        assert issubclass(getattr(vqe, name), vqe.Error)
    for name in DATABASE_ERRORS:
        assert issubclass(getattr(vqe, name), vqe.DatabaseError)
    assert "Warning" not in vqe.__all__  # `from vqe import *` leaves the builtin alone


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("SELEC frame FROM clip", "ProgrammingError"),
        ("SELECT frme FROM clip", "ProgrammingError"),
        ("SELECT frame FROM 'nowhere.mp4'", "OperationalError"),
        ("SELECT frame FROM clip WHERE contains('bus') USING MODEL 'onnx:no'", "OperationalError"),
        ("SELECT 100 // frame FROM clip", "DataError"),
        ("SELECT frame FROM 'rtsp://camera'", "NotSupportedError"),
    ],
)
def test_tools_tell_errors_apart(con, sql, error):
    with pytest.raises(getattr(vqe, error)):
        con.execute(sql).fetchall()


def test_there_are_no_transactions(con):
    rows = con.execute(SQL)
    con.commit()
    con.rollback()
    assert len(rows.fetchall()) == 40


def test_pandas_reads_a_query(con):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "pandas only supports SQLAlchemy", UserWarning)
        table = pd.read_sql("SELECT frame FROM clip WHERE frame < ?", con, params=[3])
    assert table["frame"].to_list() == [0, 1, 2]


def test_rows_are_tuples_of_python_values(con):
    cursor = con.execute(SQL)
    assert cursor.fetchone() == ("clip", 20, 2 * SECOND, *cursor_tail(con))
    assert len(cursor.fetchall()) == 39
    assert (cursor.fetchone(), cursor.fetchmany(), cursor.fetchall()) == (None, [], [])


def cursor_tail(con):
    table = con.sql(SQL).to_arrow_table()
    return tuple(table[name][0].as_py() for name in ("pts", "score", "decided_by"))


def test_rows_come_in_portions(con):
    cursor = con.cursor().execute("SELECT frame FROM clip")
    assert cursor.arraysize == 1
    assert cursor.fetchmany() == [(0,)]
    assert cursor.fetchmany(2) == [(1,), (2,)]
    cursor.arraysize = 3
    assert cursor.fetchmany() == [(3,), (4,), (5,)]
    assert cursor.fetchmany(0) == []
    assert next(cursor) == (6,)
    assert [i for (i,) in cursor] == list(range(7, 120))
    for size in (-1, "x", 1.5):
        with pytest.raises(vqe.ConfigError, match="whole number"):
            cursor.fetchmany(size)


def test_the_description(con):
    cursor = con.cursor()
    assert (cursor.description, cursor.rowcount) == (None, -1)
    cursor.execute("SELECT frame, timestamp AS shown FROM clip")
    names = [column[0] for column in cursor.description]
    types = [column[1] for column in cursor.description]
    assert names == ["frame", "shown"]
    assert types == ["int64", "duration[us]"]
    assert all(len(column) == 7 for column in cursor.description)
    assert cursor.rowcount == -1


def test_parameters_of_each_style(con):
    for sql, params in (
        ("SELECT frame FROM clip WHERE frame = ?", [7]),
        ("SELECT frame FROM clip WHERE frame = $1", (7,)),
        ("SELECT frame FROM clip WHERE frame = $i", {"i": 7}),
    ):
        assert con.execute(sql, params).fetchall() == [(7,)]


def test_a_cursor_runs_one_statement_after_the_other(con, clip):
    cursor = con.execute(SQL)
    cursor.fetchone()
    assert cursor.execute("SELECT frame FROM clip LIMIT 2").fetchall() == [(0,), (1,)]
    assert not is_open(clip.path)  # the first query was left
    assert cursor.execute("SET seed = 3").fetchall() == [("seed", "3")]
    with pytest.raises(vqe.ParseError):
        cursor.execute("SELCT")
    with pytest.raises(vqe.ExecutionError, match=r"call execute\(\) first"):
        cursor.fetchone()


def test_nothing_runs_before_rows_are_fetched(con, oracle):
    cursor = con.execute(SQL)
    assert oracle.frames_seen == []
    cursor.fetchone()
    assert 0 < len(oracle.frames_seen) < 120


def test_a_closed_cursor(con, clip):
    with con.execute(SQL) as cursor:
        cursor.fetchone()
    assert not is_open(clip.path)
    for use in (
        cursor.fetchone,
        cursor.fetchall,
        lambda: cursor.execute(SQL),
        lambda: next(cursor),
    ):
        with pytest.raises(vqe.ExecutionError, match="this cursor is closed"):
            use()
    cursor.close()  # again does no harm


def test_cancelling_from_another_thread(con, oracle):
    oracle.seconds = 0.01
    cursor = con.execute(SQL)
    timer = threading.Timer(0.1, cursor.cancel)
    timer.start()
    with pytest.raises(vqe.QueryCancelledError):
        cursor.fetchall()
    timer.join()
    assert len(oracle.frames_seen) < 120


def test_executemany_is_refused(con):
    with pytest.raises(vqe.UnsupportedError, match="executemany"):
        con.cursor().executemany("SELECT frame FROM clip WHERE frame = ?", [[1], [2]])


def test_nested_values_and_moments():
    found = [{"label": "bus", "score": 0.5}]
    table = pa.table(
        {
            "time": pa.array([1_000_000, None], pa.timestamp("us")),
            "detections": [found, []],
            "image": [b"\xff\xd8", None],
        }
    )
    assert cursor_on(table).fetchall() == [
        (datetime.datetime(1970, 1, 1, 0, 0, 1), found, b"\xff\xd8"),
        (None, [], None),
    ]


def test_a_moment_that_python_cannot_hold():
    table = pa.table({"time": pa.array([2**62], pa.timestamp("us"))})
    with pytest.raises(vqe.ExecutionError, match="column time holds a value"):
        cursor_on(table).fetchall()


def test_an_error_comes_after_the_rows_before_it(con, clip):
    class Failing(Oracle):
        def __call__(self, frames):
            if read_number(frames[0]) > 60:
                raise ValueError("out of paint")
            return super().__call__(frames)

    con.register_model("failing", Failing(clip))
    cursor = con.execute(f"{SQL} USING MODEL failing")
    assert [row[1] for row in cursor.fetchmany(25)] == list(range(20, 45))
    for _ in range(2):
        with pytest.raises(vqe.ModelError, match="out of paint"):
            cursor.fetchone()
