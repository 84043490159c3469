"""Collects `.slt` files; each query runs as written, and once more with EXACT."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import chdir
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from clips import Clip, Oracle, Visit, make_clip
from slt import Record, read, show, types_fit

import vqe
from vqe.sql import ast
from vqe.sql.parser import parse
from vqe.sql.unparse import unparse

SIGHTS = ("contains(", "objects(")
ACCURACY = ("EXACT", "WITHIN", "PER ")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix == ".slt":
        return File.from_parent(parent, path=file_path)
    return None


class File(pytest.File):
    def collect(self) -> Iterator[pytest.Item]:
        for record in read(self.path):
            yield Query.from_parent(self, name=f"line {record.line}", record=record, exact=False)
            *_, last = record.sql.lower().split(";")
            is_query = last.lstrip().startswith("select")
            visual = is_query and record.error is None and any(s in last for s in SIGHTS)
            chosen = any(word in record.sql.upper() for word in ACCURACY)
            if visual and not chosen and "estimate" not in record.options:
                yield Query.from_parent(
                    self, name=f"line {record.line} EXACT", record=record, exact=True
                )


class Query(pytest.Item):
    def __init__(self, *, record: Record, exact: bool, **options: Any) -> None:
        super().__init__(**options)
        self.record = record
        self.sql = _exact(record.sql) if exact else record.sql

    def runtest(self) -> None:
        clip = _clip(self.config)
        with chdir(clip.path.parent):
            self._run(clip)

    def _run(self, clip: Clip) -> None:
        con = vqe.connect(device="cpu")
        con.register("clip", str(clip.path))
        con.register_model("oracle", Oracle(clip))
        if self.record.error is not None:
            with pytest.raises(vqe.VqeError) as raised:
                con.sql(self.sql, model="oracle").to_arrow_table()
            assert self.record.error in str(raised.value)
            return
        table = con.sql(self.sql, model="oracle").to_arrow_table()
        if self.record.rows is None:
            return
        assert types_fit(self.record.types, table.schema), table.schema
        rows, expected = show(table), list(self.record.rows)
        if "rowsort" in self.record.options:
            rows, expected = sorted(rows), sorted(expected)
        assert rows == expected

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        return f"{self.sql}\n\n{excinfo.exconly()}"

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.record.line - 1, self.name


def _exact(sql: str) -> str:
    """The statements with EXACT where the last one, a query, reads the video."""
    *before, query = parse(sql)
    assert isinstance(query, ast.Query)
    return "; ".join([*map(unparse, before), unparse(_reading_exactly(query))])


def _reading_exactly(query: ast.Query) -> ast.Query:
    if isinstance(query.source, ast.Subquery):
        return replace(query, source=ast.Subquery(_reading_exactly(query.source.query)))
    return replace(query, clauses=(*query.clauses, ast.Exact()))


_CLIP: pytest.StashKey[Clip] = pytest.StashKey()


def _clip(config: pytest.Config) -> Clip:
    """Sixty frames, ten a second: a bus in 10..19, a truck in 15..29, a bus in 40..44, and a second
    one in 42..44.

    Beside it, yard/east.mp4 and yard/west.mp4 hold the first 20 and 45 frames.
    """
    if _CLIP not in config.stash:
        factory: pytest.TempPathFactory = config._tmp_path_factory  # type: ignore[attr-defined]
        visits = (Visit(10, 20), Visit(15, 30, "truck"), Visit(40, 45), Visit(42, 45))
        path = factory.mktemp("slt") / "clip.mp4"
        config.stash[_CLIP] = make_clip(path, 60, visits=visits, gop=20)
        (path.parent / "yard").mkdir()
        for name, frames in (("east", 20), ("west", 45)):
            make_clip(path.parent / "yard" / f"{name}.mp4", frames, visits=visits, gop=20)
    return config.stash[_CLIP]
