"""What the user reads who writes what another dialect of SQL has."""

from __future__ import annotations

import pytest

from vqe.errors import ParseError
from vqe.sql.other_dialects import AFTERWARDS, ALONE, NO_CAST, PATH, SUFFIX, WORDS_ELSEWHERE
from vqe.sql.parser import parse

NO_ALIAS = "a table gets no other name: a query reads one, and columns stand alone"
NO_SHARE = "ERROR WITHIN is no share: it is in the unit of what is averaged or summed"
OBJECTS = "ERROR WITHIN 0.1 is a tenth of an object, up or down"
WANTED = "name the columns that are wanted, or put the query into FROM of another one"

ERRORS = {
    "SELECT a‸::double FROM x": ("the dialect has no casts", NO_CAST),
    "SELECT ‸CAST(f(a, ')') AS double) FROM x": ("the dialect has no CAST", NO_CAST),
    "SELECT f('CAST(') + ‸try_cast((a) AS double) FROM x": ("the dialect has no TRY_CAST", NO_CAST),
    "SELECT f(d)‸[1] FROM x": ("the dialect has no [ ]", AFTERWARDS),
    "SELECT a ‸|| 'x' FROM x": (
        "the dialect has no ||",
        f"conditions are joined by OR; {AFTERWARDS}",
    ),
    "SELECT a FROM x WHERE a = ‸:name": ("':name' is no parameter here", "write $name"),
    "SELECT a FROM x WHERE a = ‸:1": ("':1' is no parameter here", "write $1"),
    "SELECT a FROM x WHERE a = ‸%s": ("'%s' is no parameter here", "write ?"),
    "SELECT a FROM x LIMIT ‸%(n)s": ("'%(n)s' is no parameter here", "write $n"),
    "SELECT x‸.a FROM x": ("'x.a': names are not qualified", "a query reads one table: write a"),
    'SELECT "x y" ‸. "a" FROM x': (
        '\'"x y"."a"\': names are not qualified',
        'a query reads one table: write "a"',
    ),
    "SELECT count(x‸.*) FROM x": (
        "'x.*': names are not qualified",
        "a query reads one table: write *",
    ),
    "SELECT a FROM\n clip‸.mkv": (
        "the character '.' means nothing here",
        "a path stands in quotes: 'clip.mkv'",
    ),
    "ANALYZE VIDEO clip‸.mkv FOR a": (
        "the character '.' means nothing here",
        "a path stands in quotes: 'clip.mkv'",
    ),
    "SELECT a FROM x ‸y": ("unexpected 'y'", NO_ALIAS),
    "SELECT a FROM (SELECT b FROM x) ‸AS y": ("unexpected 'AS'", NO_ALIAS),
    "SELECT avg(a) ‸m FROM x": ("unexpected 'm'", "a column gets a name by AS: AS m"),
    "SELECT avg(a) FROM x ERROR WITHIN 5‸%": (NO_SHARE, OBJECTS),
    "SELECT avg(a) FROM x ERROR WITHIN .5 ‸%": (NO_SHARE, OBJECTS),
    "SELECT a FROM x WHERE a FNR ‸< 5%": ("unexpected '< 5%'", "write FNR WITHIN 5%"),
    "SELECT a FROM x WHERE a fdr ‸.1 LIMIT 1": ("unexpected '.1'", "write fdr WITHIN .1"),
    "SELECT a FROM x WHERE a > TIMESTAMP ‸'2024-05-01'": (
        "the dialect has no TIMESTAMP '…'",
        "text beside a moment is read as one: time > '2024-05-01'",
    ),
    "SELECT INTERVAL '2' ‸SECONDS": (
        "the unit belongs into the text",
        "INTERVAL '2 SECONDS'",
    ),
    "SELECT a FROM x WHERE a IN ‸[1, 2]": ("a list stands in parentheses here", "IN (1, 2)"),
    "SELECT a FROM x WHERE a IS NOT ‸TRUE": (
        "the dialect has no IS TRUE",
        "a condition needs none: WHERE keyframe, WHERE NOT keyframe",
    ),
    "SELECT a FROM x‸, y": (
        "a query reads one table",
        "a pattern stands for several files: 'cams/*.mp4'",
    ),
    "SELECT a FROM read_video‸('x.mp4')": ("no function stands in FROM", PATH),
    "SELECT a FROM x WHERE a IN (‸SELECT b FROM y)": (
        "a query in parentheses stands in FROM only",
        AFTERWARDS,
    ),
    "SELECT *‸, a FROM x": (ALONE, WANTED),
    "SELECT a, ‸* FROM x": (ALONE, "name the columns that are wanted"),
    "SELECT frames‸, a FROM x": (ALONE, WANTED),
    "SELECT EVENTS (gap => '2 s')‸, a FROM x": (ALONE, WANTED),
    "SELECT a FROM x LIMIT 5‸, 10": ("the dialect has no OFFSET", AFTERWARDS),
    "COPY (SELECT a FROM x) TO 'x' ‸(FORMAT csv)": ("COPY has no options", SUFFIX),
    "COPY (SELECT a FROM x) TO ? ‸WITH (HEADER)": ("COPY has no options", SUFFIX),
    "COPY ‸x TO 'x.csv'": ("COPY takes a query", "COPY (SELECT * FROM …) TO 'rows.csv'"),
    "SELECT count(*) ‸FILTER (WHERE a) FROM x": (
        "the dialect has no FILTER",
        "count(CASE WHEN … THEN 1 END) counts where a condition holds",
    ),
    "‸RESET seed": ("the dialect has no RESET", WORDS_ELSEWHERE["RESET"]),
    "SELECT a FROM x WHERE a NOT ‸LIKE 'b%'": ("the dialect has no LIKE", AFTERWARDS),
    "SELECT a FROM x ‸OFFSET 3": ("the dialect has no OFFSET", AFTERWARDS),
}
"""With the place that the caret points at marked."""


@pytest.mark.parametrize("marked", ERRORS)
def test_the_error_says_what_to_write(marked: str) -> None:
    with pytest.raises(ParseError) as raised:
        parse(marked.replace("‸", ""))
    error = raised.value
    assert (error.message, error.hint) == ERRORS[marked]
    assert error.offset == marked.index("‸")


@pytest.mark.parametrize("word", WORDS_ELSEWHERE)
def test_words_of_others_are_good_names(word: str) -> None:
    parse(f"SELECT {word}, {word} + 1 AS {word}, {word}(1) FROM {word} WHERE a = 1 ORDER BY {word}")


def test_a_share_may_stand_where_errors_are_counted() -> None:
    assert parse("SELECT a FROM x FNR WITHIN 5%") == parse("SELECT a FROM x FNR WITHIN 0.05")
