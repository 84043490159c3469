"""lark's exceptions, retold in the words of the dialect."""

from __future__ import annotations

import difflib
import re
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

ELSEWHERE = {
    "CROSS", "DELETE", "DISTINCT", "EXCEPT", "EXISTS", "ILIKE", "INNER", "INSERT", "INTERSECT",
    "JOIN", "LEFT", "LIKE", "OFFSET", "OVER", "QUALIFY", "RIGHT", "SAMPLE", "TABLESAMPLE", "UNION",
    "UPDATE", "VALUES", "WINDOW", "WITH",
}  # fmt: skip
"""Words of SQL that the dialect does not have."""

CHARACTERS = {
    "&": "write AND",
    "|": "write OR",
    ".": "a path stands in quotes: 'clip.mp4'",
    "`": 'a name with odd characters stands in double quotes: "a name"',
    **dict.fromkeys("‘’“”„«»", "a string stands in straight quotes: 'bus'"),
}
"""What to write instead of a character."""

MOST_QUOTED = 40


def translate(error: UnexpectedInput, sql: str) -> ParseError:
    """The ParseError that says what stands at the error, and what could stand there."""
    if not isinstance(error, UnexpectedToken):
        return _unreadable(sql, error.pos_in_stream or 0)
    accepted = set(cast(Collection[str], error.accepts or error.expected))
    if error.token.type == "$END":
        what = "there is no statement" if "EXPLAIN" in accepted else "the statement is unfinished"
        return ParseError(what, hint=_offer(accepted), sql=sql, offset=len(sql.rstrip()))
    return (
        _open_comment(error.token, sql)
        or _foreign(error.token, sql)
        or _interval(error.token, sql)
        or _unexpected(error.token, accepted, sql)
    )


def _open_comment(token: Token, sql: str) -> ParseError | None:
    offset = sql.find("/*", max(_start(token) - 1, 0), _start(token) + 2)
    if offset < 0:
        return None
    return ParseError("this comment is never closed", sql=sql, offset=offset)


def _foreign(token: Token, sql: str) -> ParseError | None:
    """For a word of other dialects, which may have been taken for a name."""
    word, offset = str(token), _start(token)
    if token.type in ("NAME", "QUOTED_NAME") and word.upper() not in ELSEWHERE:
        word, offset = _word_before(sql, offset)
    if word.upper() not in ELSEWHERE:
        return None
    return ParseError(
        f"the dialect has no {word.upper()}",
        hint='DuckDB has, and reads a result as it is: duckdb.sql("… FROM result")',
        sql=sql,
        offset=offset,
    )


def _interval(token: Token, sql: str) -> ParseError | None:
    """For a misspelled INTERVAL, which was taken for a name."""
    word, offset = _word_before(sql, _start(token))
    if token.type not in ("STRING", "NUMBER") or not _nearest(word, ["INTERVAL"]):
        return None
    return ParseError(
        f"unexpected {_quoted(word)}", hint="did you mean INTERVAL?", sql=sql, offset=offset
    )


def _unexpected(token: Token, accepted: set[str], sql: str) -> ParseError:
    hint = _correction(token, accepted) or _path(token, accepted) or _offer(accepted)
    message = f"unexpected {_quoted(token)}"
    return ParseError(message, hint=hint, sql=sql, offset=_start(token))


def _word_before(sql: str, offset: int) -> tuple[str, int]:
    """The word that ends before `offset`, apart from white space, and where it begins."""
    start = max(offset - MOST_QUOTED, 0)
    found = re.search(r"([^\W\d]\w*)\s*\Z", sql[start:offset])
    return (found[1], start + found.start()) if found else ("", offset)


def _path(given: Token, accepted: set[str]) -> str:
    """A hint for a path without quotes."""
    is_source = {"STRING", "NAME", "PARAMETER"} <= accepted and "NUMBER" not in accepted
    return CHARACTERS["."] if given == "/" and is_source else ""


def _nearest(given: str, words: Collection[str]) -> str | None:
    if len(given) < 3:
        return None
    near = difflib.get_close_matches(given.upper(), sorted(words), n=1, cutoff=0.6)
    return near[0] if near else None


def _correction(given: Token, accepted: set[str]) -> str:
    """`did you mean …?` for a misspelled keyword or operator."""
    if given.type == "_ARROW" and "COMPARISON" in accepted:
        return "did you mean >=?"
    keywords = {t for t in accepted if t.isalpha() and WORDS.get(t, "").lower() != WORDS.get(t)}
    near = _nearest(given, keywords) if given.type == "NAME" else None
    return f"did you mean {WORDS.get(near, near)}?" if near else ""


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
    shown = _quoted(character) if character.isprintable() else f"U+{ord(character):04X}"
    return ParseError(
        f"the character {shown} means nothing here",
        hint=CHARACTERS.get(character, ""),
        sql=sql,
        offset=offset,
    )


def _start(token: Token) -> int:
    return cast(int, token.start_pos)


def _quoted(text: str) -> str:
    if len(text) > MOST_QUOTED:
        text = text[:MOST_QUOTED] + "…"
    return text if text.startswith("'") else f"'{text}'"
