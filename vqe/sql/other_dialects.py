"""What other dialects of SQL write, and what to write here in its place."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from vqe.errors import ParseError

AFTERWARDS: Final = 'DuckDB has, and reads a result as it is: duckdb.sql("… FROM result")'
PATH: Final = "a path stands in quotes: 'clip.mp4'"
SUFFIX: Final = "the end of the file's name says the format: 'rows.parquet', 'rows.csv'"

WORDS_ELSEWHERE: Final = {
    **dict.fromkeys(
        (
            "CROSS", "DELETE", "EXCEPT", "EXISTS", "ILIKE", "INNER", "INSERT", "INTERSECT", "JOIN",
            "LEFT", "LIKE", "OFFSET", "OVER", "QUALIFY", "RIGHT", "SAMPLE", "TABLESAMPLE", "UNION",
            "UPDATE", "VALUES", "WINDOW",
        ),
        AFTERWARDS,
    ),
    "DISTINCT": f"GROUP BY will do; {AFTERWARDS}",
    "FILTER": "count(CASE WHEN … THEN 1 END) counts where a condition holds",
    "PRAGMA": "SET changes a setting, SHOW SETTINGS lists them",
    "RESET": "SET … = DEFAULT gives a setting back",
    "WITH": f"a query may stand in FROM, in parentheses; {AFTERWARDS}",
}  # fmt: skip
"""Words that this dialect does not have, and what to do without them."""

CASTS: Final = ("CAST", "TRY_CAST")
NO_CAST: Final = (
    "numbers meet as they are, and text beside a duration or a moment is read as one; "
    "DuckDB casts columns of a result"
)

CHARACTERS: Final = {
    "&": "write AND",
    "|": "write OR",
    ".": PATH,
    "`": 'a name with odd characters stands in double quotes: "a name"',
    **dict.fromkeys("‘’“”„«»", "a string stands in straight quotes: 'bus'"),
}
"""What to write instead of a character."""

MOST_LOOKED_AT: Final = 300
"""Characters before the place where the parser gave up."""

Told = tuple[str, str]
"""What is wrong, and what is possible."""


def _qualified(keyword: str | None, name: str, rest: str) -> Told:
    """Of `name.rest`, behind a keyword that a path may follow, or somewhere else."""
    if keyword:
        return "the character '.' means nothing here", f"a path stands in quotes: '{name}.{rest}'"
    return f"'{name}.{rest}': names are not qualified", f"a query reads one table: write {rest}"


@dataclass(frozen=True)
class Spelling:
    """Text of another dialect: `before` matches what ends where the parser gave up, `here` what
    begins there; `told` makes the message from the two matches."""

    here: str
    told: Callable[[re.Match[str], re.Match[str]], Told]
    before: str = ""


SPELLINGS: Final = (
    Spelling("::", lambda *_: ("the dialect has no casts", NO_CAST)),
    Spelling(
        r":([^\W\d]\w*)",
        lambda _, here: (f"'{here[0]}' is no parameter here", f"write ${here[1]}"),
    ),
    Spelling(r":(\d+)", lambda _, here: (f"'{here[0]}' is no parameter here", f"write ${here[1]}")),
    Spelling(
        r"%\((\w+)\)s", lambda _, here: (f"'{here[0]}' is no parameter here", f"write ${here[1]}")
    ),
    Spelling(r"%s\b", lambda *_: ("'%s' is no parameter here", "write ?")),
    Spelling(r"\[", lambda *_: ("the dialect has no [ ]", AFTERWARDS)),
    Spelling(
        r"\|\|",
        lambda *_: ("the dialect has no ||", f"conditions are joined by OR; {AFTERWARDS}"),
    ),
    Spelling(
        r"\.\s*(\"[^\"]+\"|[^\W\d]\w*|\*)",
        lambda before, here: _qualified(before[1], before[2], here[1]),
        before=r"(?:\b(FROM|DESCRIBE|VIDEO)\s+)?(\"[^\"]+\"|[^\W\d]\w*)\s*",
    ),
    Spelling(
        "%",
        lambda before, _: (
            "ERROR WITHIN is no share: it is in the unit of what is averaged or summed",
            f"write ERROR WITHIN {float(before[1]) / 100:g} for so many objects, up or down",
        ),
        before=r"\bERROR\s+WITHIN\s+(\d+(?:\.\d*)?|\.\d+)\s*",
    ),
    Spelling(
        r"\(|WITH\b",
        lambda *_: ("COPY has no options", SUFFIX),
        before=r"\bTO\s+(?:'(?:[^']|'')*'|[?$]\w*)\s*",
    ),
    Spelling(
        r"[^\W\d]\w*|'",
        lambda *_: ("COPY takes a query", "COPY (SELECT * FROM …) TO 'rows.csv'"),
        before=r"\bCOPY\s+",
    ),
)


def from_elsewhere(
    sql: str, offset: int, word: str = "", word_offset: int = 0
) -> ParseError | None:
    """The error for what another dialect has at `offset`, where the parser gave up; None where it
    is nothing that we know. `word` of `word_offset` is the one that may have been taken for a name.
    """
    shortly_before = sql[max(offset - MOST_LOOKED_AT, 0) : offset]
    for spelling in SPELLINGS:
        here = re.compile(spelling.here, re.IGNORECASE).match(sql, offset)
        before = here and re.search(f"(?:{spelling.before})\\Z", shortly_before, re.IGNORECASE)
        if here and before:
            message, hint = spelling.told(before, here)
            return ParseError(message, hint=hint, sql=sql, offset=offset)
    if word.upper() in WORDS_ELSEWHERE:
        hint = WORDS_ELSEWHERE[word.upper()]
        message = f"the dialect has no {word.upper()}"
        return ParseError(message, hint=hint, sql=sql, offset=word_offset)
    name, call = _open_call(sql, offset)
    if name.upper() in CASTS:
        message = f"the dialect has no {name.upper()}"
        return ParseError(message, hint=NO_CAST, sql=sql, offset=call)
    return None


def _open_call(sql: str, offset: int) -> tuple[str, int]:
    """The function whose parenthesis is open at `offset`, and where it stands; "" for none."""
    calls: list[tuple[str, int]] = []
    for part in re.finditer(r"'(?:[^']|'')*'|\"[^\"]*\"|(\w*)\s*\(|\)", sql[:offset]):
        if part[1] is not None:
            calls.append((part[1], part.start()))
        elif part[0] == ")" and calls:
            calls.pop()
    return calls[-1] if calls else ("", 0)
