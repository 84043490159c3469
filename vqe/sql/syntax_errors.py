"""lark's exceptions, retold in the words of the dialect."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import cast

from lark import Token, UnexpectedInput, UnexpectedToken

from vqe.errors import ParseError

WORDS = {
    "NAME": "a name",
    "QUOTED_NAME": "a name",
    "STRING": "a string",
    "NUMBER": "a number",
    "PARAMETER": "a parameter",
    "COMMA": "','",
    "LPAR": "'('",
    "RPAR": "')'",
    "EQUAL": "'='",
    "_ARROW": "'=>'",
    "SELECT": "SELECT",
    "EXPLAIN": "EXPLAIN",
    "AS": "AS",
    "FROM": "FROM",
    "WHERE": "WHERE",
    "GROUP": "GROUP BY",
    "HAVING": "HAVING",
    "ORDER": "ORDER BY",
    "LIMIT": "LIMIT",
    "EXACT": "EXACT",
    "USING": "USING MODEL",
    "IS": "IS NULL",
    "SEMICOLON": "';'",
    "COMPARISON": "a comparison",
    "MINUS": "an operator",
    "PERCENT": "an operator",
    "PLUS": "an operator",
    "SLASH": "an operator",
    "SLASHES": "an operator",
    "STAR": "an operator",
    "$END": "the end",
}
"""What a terminal is called, in the order of offering; other keywords come after these."""

EXPRESSION = {
    "NAME", "QUOTED_NAME", "STRING", "NUMBER", "PARAMETER", "LPAR", "CASE", "INTERVAL",
    "FALSE", "MINUS", "NOT", "NULL", "PLUS", "TRUE", "STAR",
}  # fmt: skip
"""What an expression may start with."""

MOST_OFFERED = 8


def translate(error: UnexpectedInput, sql: str) -> ParseError:
    """The ParseError that says what stands at the error, and what could stand there."""
    if not isinstance(error, UnexpectedToken):
        return _unreadable(sql, error.pos_in_stream or 0)
    accepted = set(cast(Collection[str], error.accepts or error.expected))
    if error.token.type == "$END":
        what = "there is no statement" if "EXPLAIN" in accepted else "the statement is unfinished"
        return ParseError(what, hint=_offer(accepted), sql=sql, offset=len(sql.rstrip()))
    hint = _correction(error.token, accepted) or _offer(accepted)
    message = f"unexpected {_quoted(error.token)}"
    return ParseError(message, hint=hint, sql=sql, offset=error.token.start_pos)


def _correction(given: Token, accepted: set[str]) -> str:
    """`did you mean …?` for a misspelled keyword or operator."""
    if given.type == "_ARROW" and "COMPARISON" in accepted:
        return "did you mean >=?"
    keywords = {t for t in accepted if t.isalpha() and WORDS.get(t, "").lower() != WORDS.get(t)}
    near = difflib.get_close_matches(given.upper(), sorted(keywords), n=1, cutoff=0.6)
    if given.type != "NAME" or len(given) < 3 or not near:
        return ""
    return f"did you mean {WORDS.get(near[0], near[0])}?"


def _offer(accepted: set[str]) -> str:
    """`expected a name, ',' or FROM`, for the names of terminals."""
    words = []
    if {"MINUS", "NUMBER", "LPAR"} <= accepted:
        words.append("an expression")
        accepted = accepted - EXPRESSION
    if "COMPARISON" in accepted:
        accepted = accepted - {"EQUAL"}
    words += [word for terminal, word in WORDS.items() if terminal in accepted]
    words += sorted(accepted - WORDS.keys())
    words = list(dict.fromkeys(words))
    if len(words) > MOST_OFFERED:
        return f"expected {', '.join(words[:MOST_OFFERED])}, …"
    return "expected " + " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _unreadable(sql: str, offset: int) -> ParseError:
    character = sql[offset]
    if character in "'\"":
        what = "string" if character == "'" else "name"
        return ParseError(f"this {what} is never closed", sql=sql, offset=offset)
    return ParseError(
        f"the character {_quoted(character)} means nothing here", sql=sql, offset=offset
    )


def _quoted(text: str) -> str:
    return text if text.startswith("'") else f"'{text}'"
