"""What the `.slt` files expect of relational clauses is what DuckDB makes of the truth."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pytest
from clips import Visit, make_clip
from truth_table import TruthTable

SLT = Path(__file__).parents[1] / "slt"
sys.path.append(str(SLT))

from slt import Record, read, text_of  # noqa: E402 - beside the files that it reads

FILES = ("group_by", "order_by", "subqueries", "expressions")
RECORDS = [
    pytest.param(record, id=f"{name} line {record.line}")
    for name in FILES
    for record in read(SLT / f"{name}.slt")
    if record.error is None and not record.options & {"ours", "estimate"}
    if "EVENTS" not in record.sql and "SELECT FRAMES" not in record.sql
]


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> TruthTable:
    """Of the clip that the `.slt` files ask about."""
    visits = (Visit(10, 20), Visit(15, 30, "truck"), Visit(40, 45))
    path = tmp_path_factory.mktemp("duckdb") / "clip.mp4"
    n = 60
    return TruthTable(make_clip(path, n, visits=visits, gop=20)).knows(
        pts=pa.array([1600 * i for i in range(n)]), keyframe=[i % 20 == 0 for i in range(n)]
    )


@pytest.mark.parametrize("record", RECORDS)
def test_expected_rows_are_those_of_duckdb(record: Record, truth: TruthTable) -> None:
    rows = [" ".join(map(text_of, row)) for row in truth.rows(record.sql)]
    expected = list(record.rows)
    ordered = "ORDER BY" in record.sql or " BY " not in record.sql
    if "rowsort" in record.options or not ordered:
        rows, expected = sorted(rows), sorted(expected)
    assert rows == expected


def test_there_are_records_to_compare() -> None:
    assert len(RECORDS) > 80
