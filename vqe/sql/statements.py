"""The statements as frozen values, as the parser yields them; queries are in `vqe.sql.ast`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal as OneOf

from vqe.sql.ast import Clause, Expression, Literal, Located, Name, Parameter, Query, Source

Text = Literal | Parameter
"""A string, or a parameter that stands for one."""


@dataclass(frozen=True)
class _Stated(Located):
    """A statement that knows the text it is part of; its offsets count from the start of that."""

    sql: str = field(default="", compare=False, repr=False, kw_only=True)


@dataclass(frozen=True)
class Explain(_Stated):
    """`EXPLAIN [ANALYZE] [(RULES, FORMAT format)] query`; None is a FORMAT that was left out."""

    query: Query
    analyze: bool = False
    format: Name | None = None
    rules: bool = False


@dataclass(frozen=True)
class CreateVideo(_Stated):
    """`CREATE [OR REPLACE] VIDEO name AS path [STARTING AT moment]`."""

    name: Name
    path: Text
    starting_at: Text | None = None
    replace: bool = False


@dataclass(frozen=True)
class DropVideo(_Stated):
    """`DROP VIDEO [IF EXISTS] name`."""

    name: Name
    if_exists: bool = False


@dataclass(frozen=True)
class Show(_Stated):
    """`SHOW VIDEOS`, `SHOW MODELS` or `SHOW SETTINGS`."""

    what: OneOf["videos", "models", "settings"]


@dataclass(frozen=True)
class Describe(_Stated):
    """`DESCRIBE` of a video, a model or a query."""

    subject: Source


@dataclass(frozen=True)
class AnalyzeVideo(_Stated):
    """`ANALYZE VIDEO source FOR condition`, with clauses on accuracy and effort."""

    source: Source
    condition: Expression
    clauses: tuple[Clause, ...] = ()


@dataclass(frozen=True)
class Copy(_Stated):
    """`COPY (query) TO path`."""

    query: Query
    path: Text


@dataclass(frozen=True)
class Set(_Stated):
    """`SET name = value`; a Name as the value is a word without quotes."""

    name: Name
    value: Literal | Name | Parameter


Command = CreateVideo | DropVideo | Show | Describe | AnalyzeVideo | Copy | Set
"""Statements that are carried out at once."""

Statement = Query | Explain | Command
