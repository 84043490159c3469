"""lark's exceptions, retold in the words of the dialect."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from typing import cast

from lark import Token, UnexpectedInput, UnexpectedToken

from vqe.errors import ParseError
from vqe.sql.other_dialects import CHARACTERS, PATH, WORDS_ELSEWHERE, from_elsewhere

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
    """For what other dialects have; a word of theirs may have been taken for a name."""
    word, offset = str(token), _start(token)
    if token.type in ("NAME", "QUOTED_NAME") and word.upper() not in WORDS_ELSEWHERE:
        word, offset = _word_before(sql, offset)
    return from_elsewhere(sql, _start(token), word, offset)


def _interval(token: Token, sql: str) -> ParseError | None:
    """For a misspelled INTERVAL, which was taken for a name."""
    word, offset = _word_before(sql, _start(token))
    if token.type not in ("STRING", "NUMBER") or not _nearest(word, ["INTERVAL"]):
        return None
    return ParseError(
        f"unexpected {_quoted(word)}", hint="did you mean INTERVAL?", sql=sql, offset=offset
    )


def _unexpected(token: Token, accepted: set[str], sql: str) -> ParseError:
    hint = (
        _correction(token, accepted)
        or _path(token, accepted)
        or _duration(token, accepted)
        or _alias(token, accepted)
        or _offer(accepted)
    )
    message = f"unexpected {_quoted(token)}"
    return ParseError(message, hint=hint, sql=sql, offset=_start(token))


def _word_before(sql: str, offset: int) -> tuple[str, int]:
    """The word that ends before `offset`, apart from white space, and where it begins."""
    start = max(offset - MOST_QUOTED, 0)
    found = re.search(r"([^\W\d]\w*)\s*\Z", sql[start:offset])
    return (found[1], start + found.start()) if found else ("", offset)


def _path(given: Token, accepted: set[str]) -> str:
    """A hint for a path without quotes."""
    if given == "/":
        is_source = {"STRING", "NAME", "PARAMETER"} <= accepted and "NUMBER" not in accepted
        return PATH if is_source else ""
    return PATH if given.type == "NAME" and accepted == {"STRING", "PARAMETER"} else ""


def _duration(given: Token, accepted: set[str]) -> str:
    """A hint for a number of seconds where a duration is wanted."""
    wanted = given.type == "NUMBER" and {"STRING", "INTERVAL"} <= accepted
    return f"write a duration: INTERVAL '{given} seconds'" if wanted else ""


def _alias(given: Token, accepted: set[str]) -> str:
    """A hint for a name that is to be another one's."""
    if given.type in ("NAME", "QUOTED_NAME") and {"AS", "COMMA"} <= accepted:
        return f"a column gets a name by AS: AS {given}"
    behind_source = "WHERE" in accepted and "FROM" not in accepted
    if given.type in ("NAME", "QUOTED_NAME", "AS") and behind_source:
        return "a table gets no other name: a query reads one, and columns stand alone"
    return ""


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
    elsewhere = from_elsewhere(sql, offset)
    if elsewhere is not None:
        return elsewhere
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
