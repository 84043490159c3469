"""Statements that are no queries, bound: checked, and ready to be carried out.

`offset` is the place in the statement that an error points at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as OneOf

import pyarrow as pa

from vqe.errors import BindError, did_you_mean
from vqe.plan.catalog import ModelInfo
from vqe.plan.nodes import Node
from vqe.sql.ast import Located

CopyFormat = OneOf["parquet", "csv", "json", "arrow"]

SUFFIXES: dict[str, CopyFormat] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".json": "json",
    ".ndjson": "json",
    ".arrow": "arrow",
}
"""How COPY writes a file, by the end of its name."""


@dataclass(frozen=True)
class AddVideo(Located):
    """Makes a name stand for a path, which was checked; `replace`: it may be taken already."""

    name: str
    path: str
    start_us: int | None = None
    replace: bool = False


@dataclass(frozen=True)
class DropVideo(Located):
    """Forgets the name of a video."""

    name: str
    if_exists: bool = False


@dataclass(frozen=True)
class Show(Located):
    """Lists the registered videos or models, or the settings."""

    what: OneOf["videos", "models", "settings"]


@dataclass(frozen=True)
class DescribeColumns(Located):
    """Lists the columns of a relation."""

    columns: pa.Schema


@dataclass(frozen=True)
class DescribeModel(Located):
    """Lists the labels of a model."""

    model: ModelInfo


@dataclass(frozen=True)
class AnalyzeVideo(Located):
    """Chooses the cascade of every visual scan in `plan`, and keeps it."""

    plan: Node


@dataclass(frozen=True)
class Copy(Located):
    """Writes the rows of `plan` to a file."""

    plan: Node
    path: str

    def __post_init__(self) -> None:
        if self.format in ("csv", "json"):
            for column in self.plan.schema:
                if pa.types.is_binary(column.type):
                    raise BindError(
                        f"{self.format} is text, and cannot hold column '{column.name}' of bytes",
                        hint="write a .parquet or .arrow file, or leave the column out",
                    )

    @property
    def format(self) -> CopyFormat:
        """How the file is written."""
        for suffix, format_ in SUFFIXES.items():
            if self.path.lower().endswith(suffix):
                return format_
        known = ", ".join(SUFFIXES)
        name, dot, end = self.path.rpartition(".")
        hint = did_you_mean(dot + end, SUFFIXES) if name else ""
        raise BindError(
            f"the end of '{self.path}' names no format", hint=hint or f"known are: {known}"
        )


Command = AddVideo | DropVideo | Show | DescribeColumns | DescribeModel | AnalyzeVideo | Copy
