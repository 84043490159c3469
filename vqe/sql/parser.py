"""Text to statements."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from importlib.resources import files
from typing import cast

from lark import Lark, Token, Tree, UnexpectedInput
from lark.exceptions import VisitError
from lark.lark import PostLex

from vqe.errors import ParseError, VqeError
from vqe.sql.statement_builder import StatementBuilder
from vqe.sql.statements import Statement
from vqe.sql.syntax_errors import translate


def parse(sql: str) -> tuple[Statement, ...]:
    """The statements of `sql`, at least one.

    Raises ParseError, which points at the place, where the text leaves the dialect.
    """
    try:
        trees = cast(list[Tree[Token]], _lark().parse(sql).children)
        _check_depth(trees, sql)
        builder = StatementBuilder(sql)  # one for all: parameters are numbered through
        return tuple(builder.transform(tree) for tree in trees)
    except UnexpectedInput as error:
        raise translate(error, sql) from None
    except VisitError as error:
        if isinstance(error.orig_exc, VqeError):
            raise error.orig_exc from None
        if isinstance(error.orig_exc, RecursionError):
            raise _too_deep(sql, 0) from None
        raise
    except RecursionError:
        raise _too_deep(sql, 0) from None


DEEPEST = 200
"""Levels of the parse tree: whoever walks a statement may recurse."""


def _check_depth(trees: list[Tree[Token]], sql: str) -> None:
    waiting = [(tree, 1) for tree in trees]
    while waiting:
        tree, depth = waiting.pop()
        if depth > DEEPEST:
            raise _too_deep(sql, tree.meta.start_pos)
        waiting += [(child, depth + 1) for child in tree.children if isinstance(child, Tree)]


def _too_deep(sql: str, offset: int) -> ParseError:
    return ParseError("the statement is nested too deeply", sql=sql, offset=offset)


@functools.cache
def _lark() -> Lark:
    grammar = files("vqe.grammar").joinpath("vqe.lark").read_text(encoding="utf-8")
    return Lark(
        grammar,
        parser="lalr",
        postlex=_WholeWords(),
        propagate_positions=True,
        maybe_placeholders=True,
    )


class _WholeWords(PostLex):
    """Lets the lexer match a name everywhere: without it `form` is the keyword FOR and an m."""

    always_accept = ("NAME",)

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        return stream
