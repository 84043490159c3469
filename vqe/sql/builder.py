"""From lark's parse tree to queries: one method per rule of the grammar."""

# ruff: noqa: D102 - the grammar documents the rules

from __future__ import annotations

import math
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

from lark import Token, Transformer, v_args
from lark.tree import Meta

from vqe.errors import ParseError
from vqe.sql import ast
from vqe.sql.literals import parse_interval

_LARGEST = 2**63 - 1
_MOST_SHOWN = 40
_SYNONYMS = {"!=": "<>", "==": "="}


@v_args(meta=True, inline=True)
class Builder(Transformer[Token, Any]):
    """Builds the statements of `sql`, in their order; `?` are numbered through, from 1."""

    def __init__(self, sql: str) -> None:
        super().__init__()
        self.sql = sql
        self.n_question_marks = 0
        self.explicit_parameters = False

    def query(self, meta: Meta, *parts: Any) -> ast.Query:
        selection, source, where, group_by, having, *rest = parts
        return ast.Query(
            selection,
            source,
            where,
            group_by,
            having,
            order_by=next((part for part in rest if isinstance(part, ast.OrderBy)), None),
            limit=next((part for part in rest if isinstance(part, ast.Limit)), None),
            clauses=tuple(p for p in rest if not isinstance(p, ast.OrderBy | ast.Limit)),
            offset=meta.start_pos,
            sql=self.sql,
        )

    def select_frames(self, meta: Meta) -> ast.Frames:
        return ast.Frames(offset=meta.start_pos)

    def select_events(self, meta: Meta, *options: ast.Named | None) -> ast.Events:
        return ast.Events(tuple(filter(None, options)), offset=meta.start_pos)

    def select_star(self, meta: Meta, _: Token) -> ast.Star:
        return ast.Star(offset=meta.start_pos)

    def select_items(self, _: Meta, *items: ast.Item) -> tuple[ast.Item, ...]:
        return items

    def item(self, meta: Meta, value: ast.Expression, name: ast.Name | None) -> ast.Item:
        text = _on_one_line(self.sql[meta.start_pos : meta.end_pos])
        return ast.Item(value, name.name if name else None, text, offset=meta.start_pos)

    def subquery(self, meta: Meta, query: ast.Query) -> ast.Subquery:
        return ast.Subquery(query, offset=meta.start_pos)

    def group_by(self, meta: Meta, *keys: ast.Expression) -> ast.GroupBy:
        return ast.GroupBy(keys, offset=meta.start_pos)

    def having(self, meta: Meta, condition: ast.Expression) -> ast.Having:
        return ast.Having(condition, offset=meta.start_pos)

    def order_by(self, meta: Meta, *keys: ast.Order) -> ast.OrderBy:
        return ast.OrderBy(keys, offset=meta.start_pos)

    def order(
        self, meta: Meta, key: ast.Expression, direction: Token | None, nulls: Any
    ) -> ast.Order:
        descending = direction is not None and direction.type == "DESC"
        return ast.Order(key, descending, nulls, offset=meta.start_pos)

    def nulls(self, _: Meta, place: Token) -> str:
        return place.type.lower()

    def limit(self, meta: Meta, count: Any, gap: ast.Gap | None) -> ast.Limit:
        return ast.Limit(count, gap, offset=meta.start_pos)

    def gap_frames(self, meta: Meta, count: ast.Expression) -> ast.Gap:
        return ast.Gap(count, "frames", offset=meta.start_pos)

    def gap_duration(self, meta: Meta, duration: ast.Expression) -> ast.Gap:
        return ast.Gap(duration, "duration", offset=meta.start_pos)

    def exact(self, meta: Meta) -> ast.Exact:
        return ast.Exact(offset=meta.start_pos)

    def bound(self, meta: Meta, measure: Token, value: Any) -> ast.Bound:
        return ast.Bound(cast(Any, measure.type), value, offset=meta.start_pos)

    def per(self, meta: Meta, interval: ast.Interval | None = None) -> ast.Per:
        return ast.Per(interval, offset=meta.start_pos)

    def confidence(self, meta: Meta, value: Any) -> ast.Confidence:
        return ast.Confidence(value, offset=meta.start_pos)

    def using_model(self, meta: Meta, model: Any) -> ast.UsingModel:
        return ast.UsingModel(model, offset=meta.start_pos)

    def budget(self, meta: Meta, calls: Any) -> ast.Budget:
        return ast.Budget(calls, offset=meta.start_pos)

    def deadline(self, meta: Meta, duration: Any) -> ast.Deadline:
        return ast.Deadline(duration, offset=meta.start_pos)

    def binary(
        self, _: Meta, left: ast.Expression, operator: Token, right: ast.Expression
    ) -> ast.Binary:
        symbol = _SYNONYMS.get(operator, operator.upper())
        return ast.Binary(symbol, left, right, offset=_offset(operator))

    def chain(self, meta: Meta, left: ast.Expression, *rest: Any) -> ast.Expression:
        for operator, right in zip(rest[::2], rest[1::2], strict=True):
            left = self.binary(meta, left, operator, right)
        return left

    def unary(self, meta: Meta, operator: Token, operand: ast.Expression) -> ast.Unary:
        return ast.Unary(operator.upper(), operand, offset=meta.start_pos)

    def between(
        self,
        meta: Meta,
        operand: ast.Expression,
        negation: Token | None,
        low: ast.Expression,
        high: ast.Expression,
    ) -> ast.Between:
        return ast.Between(operand, low, high, negation is not None, offset=meta.start_pos)

    def in_list(
        self,
        meta: Meta,
        operand: ast.Expression,
        negation: Token | None,
        *options: ast.Expression,
    ) -> ast.In:
        return ast.In(operand, options, negation is not None, offset=meta.start_pos)

    def is_null(self, meta: Meta, operand: ast.Expression, negation: Token | None) -> ast.IsNull:
        return ast.IsNull(operand, negation is not None, offset=meta.start_pos)

    def case(self, meta: Meta, operand: ast.Expression | None, *rest: Any) -> ast.Case:
        *whens, otherwise = rest
        return ast.Case(operand, tuple(whens), otherwise, offset=meta.start_pos)

    def when(self, _: Meta, condition: ast.Expression, value: ast.Expression) -> tuple[Any, Any]:
        return condition, value

    def function(self, meta: Meta, name: ast.Name, *arguments: Any) -> ast.Function:
        args = [a for a in arguments if a is not None and not isinstance(a, ast.Named)]
        named = [a for a in arguments if isinstance(a, ast.Named)]
        if named and args and args[-1].offset > named[0].offset:
            raise self._error(
                "an argument without a name follows a named one",
                args[-1].offset,
                "put the named arguments last",
            )
        return ast.Function(name.name.lower(), tuple(args), tuple(named), offset=meta.start_pos)

    def distinct_function(self, meta: Meta, name: ast.Name, *arguments: Any) -> ast.Function:
        return replace(self.function(meta, name, *arguments), distinct=True)

    def argument(self, meta: Meta, _: Token) -> ast.Star:
        return ast.Star(offset=meta.start_pos)

    def named(self, meta: Meta, name: ast.Name, value: ast.Expression) -> ast.Named:
        return ast.Named(name.name.lower(), value, offset=meta.start_pos)

    def column(self, _: Meta, name: ast.Name) -> ast.Name:
        return name

    def name(self, meta: Meta, token: Token) -> ast.Name:
        text = str(token)
        if token.type == "QUOTED_NAME":
            text = text[1:-1].replace('""', '"')
        if not text:
            raise self._error("a name cannot be empty", meta.start_pos)
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise self._error("this name has characters that are no valid text", meta.start_pos)
        return ast.Name(text, offset=meta.start_pos)

    def number(self, meta: Meta, token: Token) -> ast.Literal:
        if not token.isdecimal():
            value = float(token)
            if math.isinf(value):
                raise self._too_large(token)
            return ast.Literal(value, offset=meta.start_pos)
        return ast.Literal(self._whole(token, token), offset=meta.start_pos)

    def percent(self, meta: Meta, number: Token, _: Token) -> ast.Literal:
        try:
            share = float(Decimal(str(number)) / 100)
        except ArithmeticError:  # an exponent beyond all exponents
            share = math.inf
        if math.isinf(share):
            raise self._too_large(number)
        return ast.Literal(share, offset=meta.start_pos)

    def string(self, meta: Meta, token: Token) -> ast.Literal:
        return ast.Literal(_unquoted(token), offset=meta.start_pos)

    def true(self, meta: Meta) -> ast.Literal:
        return ast.Literal(True, offset=meta.start_pos)

    def false(self, meta: Meta) -> ast.Literal:
        return ast.Literal(False, offset=meta.start_pos)

    def null(self, meta: Meta) -> ast.Literal:
        return ast.Literal(None, offset=meta.start_pos)

    def interval(self, meta: Meta, amount: Token, unit: Token | None = None) -> ast.Interval:
        text = _unquoted(amount) if unit is None else f"{amount} {unit}"
        try:
            return ast.Interval(parse_interval(text), offset=meta.start_pos)
        except ValueError as error:
            raise self._error(str(error), _offset(amount)) from error

    def parameter(self, meta: Meta, token: Token) -> ast.Parameter:
        key: int | str = token[1:]
        if token == "?":
            self.n_question_marks += 1
            key = self.n_question_marks
        else:
            self.explicit_parameters = True
            if token[1:].isdecimal():
                key = self._whole(token[1:], token)
        if key == 0:
            raise self._error("parameters count from $1", meta.start_pos)
        if self.n_question_marks and self.explicit_parameters:
            raise self._error("a statement has either ? or $ parameters", meta.start_pos)
        return ast.Parameter(key, offset=meta.start_pos)

    def _whole(self, digits: str, token: Token) -> int:
        # Python refuses to read thousands of digits.
        if len(digits.lstrip("0")) > len(str(_LARGEST)) or int(digits.lstrip("0") or 0) > _LARGEST:
            raise self._too_large(token)
        return int(digits.lstrip("0") or 0)

    def _too_large(self, token: Token) -> ParseError:
        shown = token if len(token) <= _MOST_SHOWN else f"{token[:_MOST_SHOWN]}…"
        return self._error(f"{shown} is too large a number", _offset(token))

    def _error(self, message: str, offset: int, hint: str = "") -> ParseError:
        return ParseError(message, hint=hint, sql=self.sql, offset=offset)


_QUOTED_OR_SPACE = re.compile(
    r"""('(?:[^']|'')*'|"(?:[^"]|"")*")|(?:--[^\n]*|/\*.*?\*/|\s)+""", re.DOTALL
)


def _on_one_line(text: str) -> str:
    """The text with one space for each stretch of white space and comments outside of quotes."""
    return _QUOTED_OR_SPACE.sub(lambda found: found[1] or " ", text)


def _unquoted(token: Token) -> str:
    return str(token)[1:-1].replace("''", "'")


def _offset(token: Token) -> int:
    return cast(int, token.start_pos)
