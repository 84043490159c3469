"""What other dialects of SQL write, and what to write here in its place."""

from __future__ import annotations

import re
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
"""Characters before and behind the place where the parser gave up."""

NAME: Final = r"(\"[^\"]+\"|[^\W\d]\w*)"
TEXT: Final = r"'(?:[^']|'')*'"


@dataclass(frozen=True)
class Spelling:
    """Text of another dialect: `here` matches what begins where the parser gave up, `before` what
    ends there. `message` and `hint` may use their groups, as {here[1]} and {before[1]}."""

    here: str
    message: str
    hint: str
    before: str = ""


NO_PARAMETER: Final = "'{here[0]}' is no parameter here"
ALONE: Final = "this stands alone in a select list"

SPELLINGS: Final = (
    # Parameters, and values.
    Spelling(r":([^\W\d]\w*|\d+)", NO_PARAMETER, "write ${here[1]}"),
    Spelling(r"%\((\w+)\)s", NO_PARAMETER, "write ${here[1]}"),
    Spelling(r"%s\b", NO_PARAMETER, "write ?"),
    Spelling("::", "the dialect has no casts", NO_CAST),
    Spelling(
        f"({TEXT})",
        "the dialect has no {before[1]} '…'",
        "text beside a moment is read as one: time > {here[1]}",
        before=r"\b(TIMESTAMP|TIMESTAMPTZ|DATETIME|DATE)\s*",
    ),
    Spelling(
        r"([^\W\d]\w*)",
        "the unit belongs into the text",
        "INTERVAL '{before[1]} {here[1]}'",
        before=r"\bINTERVAL\s*'([\d.]+)'\s*",
    ),
    # Operators.
    Spelling(r"\[", "a list stands in parentheses here", "IN (1, 2)", before=r"\bIN\s*"),
    Spelling(r"\[", "the dialect has no [ ]", AFTERWARDS),
    Spelling(r"\|\|", "the dialect has no ||", f"conditions are joined by OR; {AFTERWARDS}"),
    Spelling(
        "(TRUE|FALSE)",
        "the dialect has no IS {here[1]}",
        "a condition needs none: WHERE keyframe, WHERE NOT keyframe",
        before=r"\bIS\s+(?:NOT\s+)?",
    ),
    # What is read.
    Spelling(
        rf"\.\s*{NAME}",
        "the character '.' means nothing here",
        "a path stands in quotes: '{before[1]}.{here[1]}'",
        before=rf"\b(?:FROM|DESCRIBE|VIDEO)\s+{NAME}\s*",
    ),
    Spelling(
        rf"\.\s*({NAME}|\*)",
        "'{before[1]}.{here[1]}': names are not qualified",
        "a query reads one table: write {here[1]}",
        before=rf"{NAME}\s*",
    ),
    Spelling(
        ",",
        "a query reads one table",
        "a pattern stands for several files: 'cams/*.mp4'",
        before=rf"\bFROM\s+(?:{NAME}|{TEXT})\s*",
    ),
    Spelling(r"\(", "no function stands in FROM", PATH, before=rf"\bFROM\s+{NAME}\s*"),
    Spelling(
        r"SELECT\b", "a query in parentheses stands in FROM only", AFTERWARDS, before=r"\(\s*"
    ),
    # What is asked for.
    Spelling(
        ",",
        ALONE,
        "name the columns that are wanted, or put the query into FROM of another one",
        before=r"\bSELECT\s+(?:\*|FRAMES|EVENTS(?:\s*\([^()]*\))?)\s*",
    ),
    Spelling(r"\*", ALONE, "name the columns that are wanted", before=r",\s*"),
    Spelling(",", "the dialect has no OFFSET", AFTERWARDS, before=r"\bLIMIT\s+\d+\s*"),
    Spelling(
        r"[<=]*\s*([\d.]+%?)",
        "unexpected '{here[0]}'",
        "write {before[1]} WITHIN {here[1]}",
        before=r"\b(FNR|FPR|FDR|ERROR)\s*",
    ),
    Spelling(
        "%",
        "ERROR WITHIN is no share: it is in the unit of what is averaged or summed",
        "ERROR WITHIN 0.1 is a tenth of an object, up or down",
        before=r"\bERROR\s+WITHIN\s+[\d.]+\s*",
    ),
    # Files.
    Spelling(
        r"\(|WITH\b",
        "COPY has no options",
        SUFFIX,
        before=rf"\bTO\s+(?:{TEXT}|[?$]\w*)\s*",
    ),
    Spelling(
        r"[^\W\d]\w*|'",
        "COPY takes a query",
        "COPY (SELECT * FROM …) TO 'rows.csv'",
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
        here = re.compile(spelling.here, re.IGNORECASE).match(sql, offset, offset + MOST_LOOKED_AT)
        before = here and re.search(f"(?:{spelling.before})\\Z", shortly_before, re.IGNORECASE)
        if here and before:
            message, hint = (
                text.format(here=here, before=before) for text in (spelling.message, spelling.hint)
            )
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
