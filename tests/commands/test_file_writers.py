"""Every type that a result may have, in every format that COPY writes."""

from __future__ import annotations

import datetime
import io
import json
from datetime import timedelta
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow.parquet import read_table

from vqe.commands.file_writers import clock_text, writer
from vqe.plan.commands import SUFFIXES, CopyFormat

BOX = pa.struct([("label", pa.string()), ("score", pa.float32())])
SCHEMA = pa.schema(
    [
        ("frame", pa.int64()),
        ("timestamp", pa.duration("us")),
        ("time", pa.timestamp("us")),
        ("score", pa.float32()),
        ("share", pa.float64()),
        ("decided_by", pa.dictionary(pa.int8(), pa.string())),
        ("keyframe", pa.bool_()),
        ("detections", pa.list_(BOX)),
        ("nothing", pa.null()),
    ]
)
ROWS: list[dict[str, Any]] = [
    {
        "frame": 2**60,
        "timestamp": timedelta(hours=30, seconds=1, microseconds=5),
        "time": datetime.datetime(2024, 5, 1, 8),
        "score": 0.7,
        "share": 0.1,
        "decided_by": 'a "quoted", one',
        "keyframe": True,
        "detections": [{"label": "bus", "score": 0.5}, {"label": "é", "score": None}],
        "nothing": None,
    },
    {
        "frame": -1,
        "timestamp": timedelta(0),
        "time": datetime.datetime(2024, 5, 1, 8, 0, 0, 250000),
        "score": float("nan"),
        "share": float("inf"),
        "decided_by": "cache",
        "keyframe": False,
        "detections": [],
        "nothing": None,
    },
    dict.fromkeys(SCHEMA.names),
]


@pytest.fixture
def write(tmp_path):
    """Writes the rows in two batches; returns the path."""

    def write(format: CopyFormat, schema: pa.Schema = SCHEMA, rows: Any = ROWS) -> str:
        path = tmp_path / f"rows.{format}"
        with path.open("wb") as file, writer(format, file, schema) as written:
            for part in (rows[:1], rows[1:]):
                batch = pa.Table.from_pylist(part, schema=schema).combine_chunks()
                written.write_batch(batch.to_batches()[0])
        return str(path)

    return write


def test_parquet_and_arrow_keep_every_type(write):
    expected = str(pa.Table.from_pylist(ROWS, schema=SCHEMA).to_pylist())
    stored = read_table(write("parquet"))
    assert stored.schema.remove_metadata() == SCHEMA
    assert str(stored.to_pylist()) == expected
    with pa.ipc.open_file(write("arrow")) as file:
        at = SCHEMA.get_field_index("decided_by")
        assert file.schema == SCHEMA.set(at, pa.field("decided_by", pa.string()))
        assert str(file.read_all().to_pylist()) == expected


def test_duckdb_reads_parquet(write):
    sql = (
        f"SELECT epoch_us(time), timestamp, score, decided_by, detections FROM '{write('parquet')}'"
    )
    first, *_ = duckdb.sql(sql).fetchall()
    moment = datetime.datetime(2024, 5, 1, 8, tzinfo=datetime.UTC).timestamp()
    assert first[:2] == (moment * 1e6, 108_001_000_005)  # microseconds
    assert first[2] == pytest.approx(0.7)
    assert first[3:] == ('a "quoted", one', ROWS[0]["detections"])


@pytest.mark.parametrize("format", ["csv", "json"])
def test_duckdb_reads_text(write, format):
    table = duckdb.sql(
        f"SELECT frame, CAST(timestamp AS INTERVAL), time, score, share, decided_by, keyframe "
        f"FROM '{write(format)}'"
    )
    assert table.fetchall() == [
        (2**60, ROWS[0]["timestamp"], ROWS[0]["time"], 0.7, 0.1, 'a "quoted", one', True),
        (-1, timedelta(0), ROWS[1]["time"], None, None, "cache", False),
        (None,) * 7,
    ]


def test_times_are_recognised_without_being_told(write):
    schema = pa.schema([SCHEMA.field("timestamp"), SCHEMA.field("time")])
    rows = [{name: row[name] for name in schema.names} for row in ROWS[1:]]
    for format in ("csv", "json"):
        types = duckdb.sql(f"SELECT * FROM '{write(format, schema, rows)}'").types
        assert [str(type_) for type_ in types] == ["TIME", "TIMESTAMP"]


def test_pandas_reads_text(write):
    frames = (pd.read_csv(write("csv")), pd.read_json(write("json"), lines=True))
    for frame in frames:
        assert list(frame) == SCHEMA.names
        assert pd.to_timedelta(frame["timestamp"])[0] == ROWS[0]["timestamp"]
        assert pd.to_datetime(frame["time"])[1] == ROWS[1]["time"]
        assert frame["decided_by"][0] == 'a "quoted", one'
    as_json = frames[0]["detections"]
    assert json.loads(as_json[0]) == frames[1]["detections"][0] == ROWS[0]["detections"]
    assert as_json[1] == "[]"


def test_polars_reads_them_all(write):
    schema = pa.schema([SCHEMA.field(name) for name in ("frame", "timestamp", "decided_by")])
    rows = [{name: row[name] for name in schema.names} for row in ROWS]
    frames = (
        pl.read_parquet(write("parquet", schema, rows)),
        pl.read_ipc(write("arrow", schema, rows)),
        pl.read_ndjson(write("json", schema, rows)),
        pl.read_csv(write("csv", schema, rows)),
    )
    for frame in frames:
        assert frame["frame"].to_list() == [2**60, -1, None]
        assert frame["decided_by"].cast(pl.String).to_list()[0] == 'a "quoted", one'
    for frame in frames[:2]:
        assert frame["timestamp"].to_list() == [row["timestamp"] for row in rows]


def test_json_has_an_object_on_each_line(write):
    with open(write("json"), encoding="utf-8") as file:
        first, second, third = map(json.loads, file)
    assert list(first) == SCHEMA.names
    assert first["timestamp"] == "30:00:01.000005"
    assert first["time"] == "2024-05-01 08:00:00.000000"
    assert first["score"] == 0.7
    assert second["score"] is second["share"] is None
    assert third == dict.fromkeys(SCHEMA.names)


@pytest.mark.parametrize("format", sorted(set(SUFFIXES.values())))
def test_no_rows(format: CopyFormat):
    file = io.BytesIO()
    with writer(format, file, SCHEMA):
        pass
    assert (file.getvalue() == b"") == (format == "json")


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "00:00:00.000000"),
        (timedelta(microseconds=-1), "-00:00:00.000001"),
        (timedelta(minutes=59, seconds=59, microseconds=999_999), "00:59:59.999999"),
        (timedelta(days=5, hours=3), "123:00:00.000000"),
        (None, None),
    ],
)
def test_durations_as_clock_time(duration: timedelta | None, text: str | None):
    assert clock_text(pa.array([duration], pa.duration("us"))).to_pylist() == [text]
    if duration is not None and text is not None:
        assert pd.to_timedelta(text) == duration
