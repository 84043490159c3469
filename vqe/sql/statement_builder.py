"""From lark's parse tree to statements: one method per rule of the grammar's first part."""

# ruff: noqa: D102 - the grammar documents the rules

from __future__ import annotations

from typing import Any

from lark import Token, v_args
from lark.tree import Meta

from vqe.sql import ast
from vqe.sql.builder import Builder
from vqe.sql.statements import (
    AnalyzeVideo,
    Copy,
    CreateVideo,
    Describe,
    DropVideo,
    Explain,
    Set,
    Show,
    Text,
)

Option = Token | ast.Name
"""A word such as ANALYZE, or the name of a FORMAT."""


@v_args(meta=True, inline=True)
class StatementBuilder(Builder):
    """The builder of whole statements."""

    def explain(
        self,
        meta: Meta,
        analyze: Token | None,
        options: tuple[Option, ...] | None,
        query: ast.Query,
    ) -> Explain:
        given: dict[str, Option] = {} if analyze is None else {"ANALYZE": analyze}
        for option in options or ():
            name = "FORMAT" if isinstance(option, ast.Name) else option.type
            if name in given:
                place = option.offset if isinstance(option, ast.Name) else option.start_pos
                raise self._error(f"{name} stands twice", place or 0)
            given[name] = option
        format_ = given.get("FORMAT")
        return Explain(
            query,
            "ANALYZE" in given,
            format_ if isinstance(format_, ast.Name) else None,
            "RULES" in given,
            offset=meta.start_pos,
            sql=self.sql,
        )

    def explain_options(self, _: Meta, *options: Option) -> tuple[Option, ...]:
        return options

    def format(self, _: Meta, name: ast.Name) -> ast.Name:
        return name

    def create_video(
        self, meta: Meta, replace: bool | None, name: ast.Name, path: Text, starting: Text | None
    ) -> CreateVideo:
        return CreateVideo(name, path, starting, bool(replace), offset=meta.start_pos, sql=self.sql)

    def or_replace(self, _: Meta) -> bool:
        return True

    def starting(self, _: Meta, moment: Text) -> Text:
        return moment

    def drop_video(self, meta: Meta, if_exists: bool | None, name: ast.Name) -> DropVideo:
        return DropVideo(name, bool(if_exists), offset=meta.start_pos, sql=self.sql)

    def if_exists(self, _: Meta) -> bool:
        return True

    def show_videos(self, meta: Meta) -> Show:
        return Show("videos", offset=meta.start_pos, sql=self.sql)

    def show_models(self, meta: Meta) -> Show:
        return Show("models", offset=meta.start_pos, sql=self.sql)

    def show_settings(self, meta: Meta) -> Show:
        return Show("settings", offset=meta.start_pos, sql=self.sql)

    def describe(self, meta: Meta, subject: ast.Source | ast.Query) -> Describe:
        if isinstance(subject, ast.Query):
            subject = ast.Subquery(subject, offset=subject.offset)
        return Describe(subject, offset=meta.start_pos, sql=self.sql)

    def analyze_video(
        self, meta: Meta, source: ast.Source, condition: ast.Expression, *clauses: Any
    ) -> AnalyzeVideo:
        return AnalyzeVideo(source, condition, clauses, offset=meta.start_pos, sql=self.sql)

    def copy(self, meta: Meta, query: ast.Query, path: Text) -> Copy:
        return Copy(query, path, offset=meta.start_pos, sql=self.sql)

    def set(self, meta: Meta, name: ast.Name, _: Token, value: Any) -> Set:
        return Set(name, value, offset=meta.start_pos, sql=self.sql)
