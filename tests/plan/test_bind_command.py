"""Statements that are no queries: what they come to, and what is said of the others."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from language import YOLO, FakeCatalog

from vqe.errors import BindError, ModelError, VideoNotFoundError, VqeError
from vqe.plan.binder import bind
from vqe.plan.catalog import ModelInfo
from vqe.plan.commands import (
    AddVideo,
    AnalyzeVideo,
    Copy,
    DescribeColumns,
    DescribeModel,
    DropVideo,
    Show,
)
from vqe.plan.nodes import Filter, Project
from vqe.plan.parameters import Parameters
from vqe.schema import VIDEO_SCHEMA
from vqe.sql.parser import parse


def command_of(sql: str, params: Any = None) -> Any:
    (statement,) = parse(sql)
    return bind(statement, FakeCatalog(), params, default_model="yolo")


MOMENT_US = 1_714_550_400_000_000  # 2024-05-01 08:00


@pytest.mark.parametrize(
    ("sql", "params", "command"),
    [
        ("CREATE VIDEO a AS 'clip.mp4'", None, AddVideo("a", "clip.mp4")),
        (
            'CREATE OR REPLACE VIDEO "A b" AS ?',
            [Path("video")],
            AddVideo("A b", "video", None, True),
        ),
        (
            "CREATE VIDEO a AS $p STARTING AT $s",
            {"p": "clip.mp4", "s": datetime.datetime(2024, 5, 1, 8)},
            AddVideo("a", "clip.mp4", MOMENT_US),
        ),
        (
            "CREATE VIDEO a AS 'video' STARTING AT '2024-05-01T08:00'",
            None,
            AddVideo("a", "video", MOMENT_US),
        ),
        ("DROP VIDEO a", None, DropVideo("a")),
        ("DROP VIDEO IF EXISTS a", None, DropVideo("a", True)),
        ("SHOW VIDEOS", None, Show("videos")),
        ("SHOW MODELS", None, Show("models")),
        ("DESCRIBE video", None, DescribeColumns(VIDEO_SCHEMA)),
        ("DESCRIBE ?", ["clip.mp4"], DescribeColumns(VIDEO_SCHEMA)),
        ("DESCRIBE yolo", None, DescribeModel(YOLO)),
        (
            "DESCRIBE SELECT frame AS f FROM video",
            None,
            DescribeColumns(pa.schema([("f", pa.int64())])),
        ),
    ],
)
def test_commands(sql: str, params: Any, command: Any) -> None:
    assert command_of(sql, params) == command


def test_what_is_analyzed_is_what_a_query_would_ask() -> None:
    condition = "contains('bus') AND frame < 9 FNR WITHIN 2% BUDGET 9 CALLS"
    command = command_of(f"ANALYZE VIDEO video FOR {condition}")
    (query,) = parse(f"SELECT FRAMES FROM video WHERE {condition}")
    bound: Any = bind(query, FakeCatalog(), default_model="yolo")
    assert command == AnalyzeVideo(bound.plan)
    assert isinstance(bound.plan, Project)
    assert isinstance(bound.plan.child, Filter)


@pytest.mark.parametrize(
    ("path", "format"),
    [
        ("a.parquet", "parquet"),
        ("a.b.CSV", "csv"),
        ("a.json", "json"),
        ("a.ndjson", "json"),
        ("c/d.arrow", "arrow"),
    ],
)
def test_the_end_of_the_name_is_the_format(path: str, format: str) -> None:
    command = command_of(f"COPY (SELECT frame FROM video) TO '{path}'")
    assert isinstance(command, Copy)
    assert (command.path, command.format) == (path, format)


ERRORS: dict[str, tuple[type[VqeError], str]] = {
    "CREATE VIDEO a AS 'clp.mp4'": (VideoNotFoundError, "no such video 'clp.mp4' | 'clp"),
    "CREATE VIDEO a AS 'video' STARTING AT 'noon'": (BindError, "'noon' is not a date | 'noon'"),
    "DESCRIBE 'onnx:x'": (ModelError, "unknown model 'onnx:x' | 'onnx"),
    "DESCRIBE SELECT frme FROM video": (BindError, "unknown column 'frme' | frme | did you"),
    "ANALYZE VIDEO vido FOR keyframe": (VideoNotFoundError, "no such video 'vido' | vido"),
    "ANALYZE VIDEO video FOR keyframe": (BindError, "there is nothing to choose: the con | keyf"),
    "ANALYZE VIDEO video FOR contains('bus') EXACT": (BindError, "there is nothing to | EXACT"),
    "ANALYZE VIDEO video FOR contains('bsu')": (BindError, "unknown label 'bsu' | 'bsu' | did you"),
    "ANALYZE VIDEO (SELECT frame FROM video) FOR keyframe": (
        BindError,
        "ANALYZE VIDEO takes | (SEL",
    ),
    "ANALYZE VIDEO video FOR frame": (BindError, "WHERE must be true or false | frame | compare"),
    "COPY (SELECT frame FROM video) TO 'a'": (BindError, "the end of 'a' names no | 'a' | known"),
    "COPY (SELECT frame FROM video) TO 'a.cvs'": (BindError, "the end of | 'a.c | did you mean '."),
    "COPY (SELECT frme FROM video) TO 'a.csv'": (BindError, "unknown column | frme | did you"),
}


@pytest.mark.parametrize("sql", ERRORS)
def test_what_is_refused(sql: str) -> None:
    kind, text = ERRORS[sql]
    message, place, hint = [*text.split(" | "), ""][:3]
    with pytest.raises(kind) as raised:
        command_of(sql)
    error = raised.value
    assert error.message.startswith(message)
    assert error.sql == sql
    assert error.offset is not None
    assert sql[error.offset :].startswith(place)
    assert error.hint.startswith(hint)


def test_what_is_neither_a_video_nor_a_model() -> None:
    class Catalog(FakeCatalog):
        def model(self, spec: str | None) -> ModelInfo:
            raise BindError("unknown model", hint="did you mean 'video'?")

    (statement,) = parse("DESCRIBE vido")
    with pytest.raises(BindError, match="'vido' is neither a video nor a model") as raised:
        bind(statement, Catalog())
    assert raised.value.offset == 9
    assert raised.value.hint == "did you mean 'video'?"


def test_text_holds_no_bytes() -> None:
    (statement,) = parse("COPY (SELECT frame FROM video) TO 'a.parquet'")
    command: Any = bind(statement, FakeCatalog())

    class Picture(Project):
        @property
        def schema(self) -> pa.Schema:
            return pa.schema([("image", pa.binary())])

    plan = Picture(command.plan.columns, command.plan.child)
    assert Copy(plan, "a.parquet").format == "parquet"
    for path in ("a.csv", "a.json"):
        with pytest.raises(BindError, match="cannot hold column 'image' of bytes"):
            Copy(plan, path)


def test_a_script_uses_parameters_together() -> None:
    first, second = parse("CREATE VIDEO a AS ?; SET seed = ?")
    parameters = Parameters(["video", 3, 4])
    bind(first, FakeCatalog(), parameters, more=True)
    with pytest.raises(BindError, match=r"\$3 is given, but not used"):
        bind(second, FakeCatalog(), parameters)
