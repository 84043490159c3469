from __future__ import annotations

import datetime

import pyarrow as pa
import pytest

from vqe.commands.listing import VIDEOS
from vqe.display.tables import table_html, table_text
from vqe.display.values import duration_text, float_text, html_value, text_value
from vqe.executor.explain_table import SCHEMA as EXPLAINED
from vqe.schema import EVENTS_SCHEMA


def frames_table(n: int) -> pa.Table:
    return pa.table(
        {
            "video": pa.array(["crossing.mp4"] * n, pa.string()),
            "frame": pa.array(range(n), pa.int64()),
            "timestamp": pa.array([i * 40_000 for i in range(n)], pa.duration("us")),
            "score": pa.array([None if i % 2 else 0.9134 for i in range(n)], pa.float32()),
            "decided_by": pa.array(["reference"] * n, pa.string()).dictionary_encode(),
        }
    )


def test_a_short_table() -> None:
    assert table_text(frames_table(2), width=100).splitlines() == [
        "video          frame      timestamp    score   decided_by",
        "─────────────────────────────────────────────────────────",
        "crossing.mp4       0   00:00:00.000   0.9134   reference",
        "crossing.mp4       1   00:00:00.040        –   reference",
        "2 rows",
    ]


def test_a_long_table_shows_its_first_and_last_rows() -> None:
    lines = table_text(frames_table(12_345), max_rows=5, width=100).splitlines()
    shown = [line.split()[1] for line in lines[2:-1]]
    assert shown == ["0", "1", "2", "…", "12,343", "12,344"]
    assert lines[-1] == "12,345 rows (5 shown)"


@pytest.mark.parametrize("width", [100, 60, 45, 30, 16])
def test_no_line_is_wider_than_asked_for(width: int) -> None:
    text = table_text(frames_table(30), width=width)
    assert max(len(line) for line in text.splitlines()[:-1]) <= width


def test_columns_in_the_middle_of_unknown_tables_give_way_first() -> None:
    rows = [{f"column_{letter}": 1_000_000_000 for letter in "abcdef"}]
    header = table_text(rows, width=45).splitlines()[0].split()
    assert header == ["column_a", "…", "column_f"]


def events_table(start_us: int = 300_000_000, time: datetime.datetime | None = None) -> pa.Table:
    row = (
        *("crossing.mp4", 12, 1500, 1560),
        *(start_us, start_us + 6_000_000, 6_000_000, 60, 0.98, time),
    )
    columns = [
        pa.array([value], field.type) for value, field in zip(row, EVENTS_SCHEMA, strict=True)
    ]
    return pa.table(columns, schema=EVENTS_SCHEMA)


def test_events_keep_their_times_in_eighty_columns() -> None:
    assert table_text(events_table(), width=80).splitlines() == [
        "               start_   stop_                                              max_",
        "video           frame   frame      start       stop   duration   frames   score",
        "───────────────────────────────────────────────────────────────────────────────",
        "crossing.mp4    1,500   1,560   00:05:00   00:05:06   00:00:06       60    0.98",
        "1 row; no room for event; nothing in time",
    ]


@pytest.mark.parametrize("width", [80, 70])
@pytest.mark.parametrize("moment", [None, datetime.datetime(2024, 5, 1, 8, 4, 59)])
def test_when_an_event_was_is_shown_before_anything_else(
    width: int, moment: datetime.datetime | None
) -> None:
    lines = table_text(events_table(299_900_000, moment), width=width).splitlines()
    assert max(map(len, lines)) <= width
    row = next(line for line in lines if "00:04:59.900" in line)
    assert "00:05:05.900" in row
    assert moment is None or str(moment) in row


def test_columns_without_values_are_left_out_before_any_other() -> None:
    table = pa.table({"n": [1], "score": pa.nulls(1, pa.float32()), "a_label": ["x" * 12]})
    assert table_text(table, width=40).splitlines()[-1] == "1 row"
    lines = table_text(table, width=23).splitlines()
    assert lines[0].split() == ["n", "a_label"]
    assert lines[-1] == "1 row; nothing in score"


def test_many_columns_that_are_left_out_are_counted() -> None:
    table = pa.table({f"score_{i}": pa.nulls(2, pa.float32()) for i in range(9)} | {"n": [1, 2]})
    assert table_text(table, width=40).splitlines()[-1] == "2 rows; nothing in 9 columns"


def test_names_are_broken_where_values_are_narrower() -> None:
    rows = [{"predicted_cpu_seconds": 1.5, "predicted_frames": 123_456_789_012_345}]
    assert table_text(rows, width=33).splitlines()[:4] == [
        "predicted_",
        "      cpu_",
        "   seconds      predicted_frames",
        "────────────────────────────────",
    ]


def test_the_names_of_no_rows_are_broken_and_give_way() -> None:
    lines = table_text(events_table().slice(0, 0), width=60).splitlines()
    assert max(map(len, lines)) <= 60
    assert lines[-1] == "0 rows; no room for event, max_score, frames"


def test_an_explanation_keeps_its_steps_in_eighty_columns() -> None:
    values = {pa.string(): "difference", pa.bool_(): True, pa.int64(): 12_345}
    row = {field.name: [values.get(field.type, 0.0123)] for field in EXPLAINED}
    table = pa.table(row, schema=EXPLAINED)
    assert table_text(table, width=80).splitlines() == [
        "plan         verdict      reason       step         frames   seconds",
        "────────────────────────────────────────────────────────────────────",
        "difference   difference   difference   difference   12,345    0.0123",
        "1 row; no room for 15 columns",
    ]


def test_videos_keep_their_length_in_eighty_columns() -> None:
    moment = datetime.datetime(2024, 5, 1, 8)
    length = datetime.timedelta(minutes=20)
    values = ("crossing", "a/long/way/to/crossing.mp4", 1, 1280, 720, "h264", 10.0, 12_000, length)
    row = dict(zip(VIDEOS.names, ([value] for value in (*values, moment, None)), strict=True))
    lines = table_text(pa.table(row, schema=VIDEOS), width=80).splitlines()
    assert lines[0].split() == ["name", "path", "width", "fps", "frames", "duration", "starting_at"]
    assert lines[-1] == "1 row; no room for codec, files, height; nothing in problem"


def test_long_text_is_cut_before_columns_are_left_out() -> None:
    rows = [{"operator": "Filter", "note": "x" * 200, "rows": 1234}]
    lines = table_text(rows, width=60, footer=False).splitlines()
    assert lines[2].split() == ["Filter", lines[2].split()[1], "1,234"]
    assert lines[2].split()[1].endswith("x…")


def test_wide_characters_keep_the_columns_straight() -> None:
    lines = table_text([{"label": "猫", "n": 1}, {"label": "dog", "n": 2}], width=40).splitlines()
    assert lines[2:4] == ["猫      1", "dog     2"]


def test_the_indentation_of_a_plan_is_kept() -> None:
    rows = [{"operator": "Filter", "rows": 1}, {"operator": "└─ Scan", "rows": None}]
    lines = table_text(rows, width=40, footer=False).splitlines()
    assert lines[2:] == ["Filter        1", "└─ Scan       –"]


def test_no_rows() -> None:
    assert table_text(frames_table(0), width=100).splitlines()[-1] == "0 rows"
    assert table_text([], width=100).splitlines()[-1] == "0 rows"
    assert "<p>0 rows</p>" in table_html([])


def test_columns_may_share_a_name() -> None:
    table = pa.table([pa.array([1]), pa.array([2])], names=["n", "n"])
    assert table_text(table, width=40).splitlines()[2].split() == ["1", "2"]


def test_html_escapes_and_counts() -> None:
    text = table_html([{"<b>": "a & b", "n": n} for n in range(30)], max_rows=3)
    assert "&lt;b&gt;" in text
    assert "a &amp; b" in text
    assert text.count("<tr>") == 1 + 3 + 1  # the head, the rows, the gap
    assert "30 rows (3 shown)" in text


def test_html_shows_jpeg_as_a_picture() -> None:
    assert html_value(b"\xff\xd8\xff\xe0").startswith('<img src="data:image/jpeg;base64,')
    assert html_value(b"abc") == "3 bytes"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (True, "true"),
        (1234567, "1,234,567"),
        (datetime.timedelta(seconds=83.4), "00:01:23.400"),
        (datetime.datetime(2026, 1, 2, 3, 4, 5), "2026-01-02 03:04:05"),
        (datetime.datetime(2026, 1, 2, 3, 4, 5, 600_000), "2026-01-02 03:04:05.600"),
        ([{"label": "cat", "score": 0.5}], "[{label: cat, score: 0.5}]"),
        (b"\x00" * 2000, "2,000 bytes"),
        ("plain", "plain"),
    ],
)
def test_values(value: object, text: str) -> None:
    assert text_value(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1.0, "1"),
        (0.91342, "0.9134"),
        (0.00012, "0.00012"),
        (12.3456, "12.35"),
        (12345.6, "12,346"),
        (1e-9, "1.000e-09"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
    ],
)
def test_fractions(value: float, text: str) -> None:
    assert float_text(value) == text


def test_durations() -> None:
    assert duration_text(3_600_000_000 * 100) == "100:00:00.000"
    assert duration_text(-1_500_000) == "-00:00:01.500"
    assert duration_text(999_999) == "00:00:01.000"
