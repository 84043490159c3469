from __future__ import annotations

import datetime

import pyarrow as pa
import pytest

from vqe.display.tables import table_html, table_text
from vqe.display.values import duration_text, float_text, html_value, text_value


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


def test_columns_in_the_middle_give_way_first() -> None:
    header = table_text(frames_table(3), width=45).splitlines()[0].split()
    assert header == ["video", "frame", "…", "decided_by"]


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
