"""What the user reads when a statement is not one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqe.errors import ParseError, VqeError
from vqe.sql.parser import parse

ERRORS = {
    "SELCT FRAMES FROM x": """
Syntax error: unexpected 'SELCT'
  SELCT FRAMES FROM x
  ^
did you mean SELECT?""",
    "SELECT FRAMES FROM x WERE a": """
Syntax error: unexpected 'WERE'
  SELECT FRAMES FROM x WERE a
                       ^
did you mean WHERE?""",
    "SELECT FRAMES FROM x FNR WITIN 1%": """
Syntax error: unexpected 'WITIN'
  SELECT FRAMES FROM x FNR WITIN 1%
                           ^
did you mean WITHIN?""",
    "SELECT frame FORM x": """
Syntax error: unexpected 'FORM'
  SELECT frame FORM x
               ^
did you mean FROM?""",
    "SELECT a,\n  FROM x": """
Syntax error: unexpected 'FROM'
    FROM x
    ^
expected an expression""",
    "SELECT a b FROM x": """
Syntax error: unexpected 'b'
  SELECT a b FROM x
           ^
a column gets a name by AS: AS b""",
    "SELECT a FROM x WHERE a => 3": """
Syntax error: unexpected '=>'
  SELECT a FROM x WHERE a => 3
                          ^
did you mean >=?""",
    "SELECT FRAMES FROM": """
Syntax error: the statement is unfinished
  SELECT FRAMES FROM
                    ^
expected a name, a string, a parameter or '('""",
    "SELECT a FROM x LIMIT -5": """
Syntax error: unexpected '-'
  SELECT a FROM x LIMIT -5
                        ^
expected a number or a parameter""",
    "SELECT 'abc FROM x": """
Syntax error: this string is never closed
  SELECT 'abc FROM x
         ^""",
    "SELECT # FROM x": """
Syntax error: the character '#' means nothing here
  SELECT # FROM x
         ^""",
    "SELECT INTERVAL '2 parsecs' FROM x": """
Syntax error: 'parsecs' is not a unit of time; known are days, hours, minutes, seconds, ms and us
  SELECT INTERVAL '2 parsecs' FROM x
                  ^""",
    "SELECT f(a => 1, 2) FROM x": """
Syntax error: an argument without a name follows a named one
  SELECT f(a => 1, 2) FROM x
                   ^
put the named arguments last""",
    "SELECT ?, $1 FROM x": """
Syntax error: a statement has either ? or $ parameters
  SELECT ?, $1 FROM x
            ^""",
    "SELECT $0 FROM x": """
Syntax error: parameters count from $1
  SELECT $0 FROM x
         ^""",
    "SELECT 9223372036854775808 FROM x": """
Syntax error: 9223372036854775808 is too large a number
  SELECT 9223372036854775808 FROM x
         ^""",
    'SELECT a AS "" FROM x': """
Syntax error: a name cannot be empty
  SELECT a AS "" FROM x
              ^""",
    "SELECT a FROM x WHERE a = ١٢": """
Syntax error: the character '١' means nothing here
  SELECT a FROM x WHERE a = ١٢
                            ^""",
    "SELECT a FROM x WHERE a = $١": """
Syntax error: the character '$' means nothing here
  SELECT a FROM x WHERE a = $١
                            ^""",
    "SET seed 3": """
Syntax error: unexpected '3'
  SET seed 3
           ^
expected '='""",
    "SET seed = -3": """
Syntax error: unexpected '-'
  SET seed = -3
             ^
expected a name, a string, a number, a parameter, FALSE, NULL or TRUE""",
    "EXPLAIN SET seed = 3": """
Syntax error: unexpected 'SET'
  EXPLAIN SET seed = 3
          ^
did you mean SELECT?""",
    "SELECT FRAMES FROM x WHER a": """
Syntax error: unexpected 'WHER'
  SELECT FRAMES FROM x WHER a
                       ^
did you mean WHERE?""",
    "SELECT FRAMES FROM x LIMT 5": """
Syntax error: unexpected 'LIMT'
  SELECT FRAMES FROM x LIMT 5
                       ^
did you mean LIMIT?""",
    "SELECT a FROM x ODER BY a": """
Syntax error: unexpected 'ODER'
  SELECT a FROM x ODER BY a
                  ^
did you mean ORDER BY?""",
    "SELECT a FROM x WHERE a > INTERVL '1 s'": """
Syntax error: unexpected 'INTERVL'
  SELECT a FROM x WHERE a > INTERVL '1 s'
                            ^
did you mean INTERVAL?""",
    "SELECT a FROM x JOIN y": """
Syntax error: the dialect has no JOIN
  SELECT a FROM x JOIN y
                  ^
DuckDB has, and reads a result as it is: duckdb.sql("… FROM result")""",
    "SELECT DISTINCT a FROM x": """
Syntax error: the dialect has no DISTINCT
  SELECT DISTINCT a FROM x
         ^
GROUP BY will do; DuckDB has, and reads a result as it is: duckdb.sql("… FROM result")""",
    "SELECT FRAMES FROM /tmp/clip.mp4": """
Syntax error: unexpected '/'
  SELECT FRAMES FROM /tmp/clip.mp4
                     ^
a path stands in quotes: 'clip.mp4'""",
    "SELECT FRAMES FROM clip.mp4": """
Syntax error: the character '.' means nothing here
  SELECT FRAMES FROM clip.mp4
                         ^
a path stands in quotes: 'clip.mp4'""",
    "SELECT FRAMES FROM x LIMIT 2 GAP x": """
Syntax error: unexpected 'x'
  SELECT FRAMES FROM x LIMIT 2 GAP x
                                   ^
expected a string, a number, a parameter or INTERVAL""",
    "SELECT FRAMES FROM x DEADLINE 3": """
Syntax error: unexpected '3'
  SELECT FRAMES FROM x DEADLINE 3
                                ^
write a duration: INTERVAL '3 seconds'""",
    "CREATE VIDEO x AS clip": """
Syntax error: unexpected 'clip'
  CREATE VIDEO x AS clip
                    ^
a path stands in quotes: 'clip.mp4'""",
    "CREATE VIDEO x clip": """
Syntax error: unexpected 'clip'
  CREATE VIDEO x clip
                 ^
expected AS""",
    "SELECT a AS b c FROM x": """
Syntax error: unexpected 'c'
  SELECT a AS b c FROM x
                ^
expected ',', FROM, WHERE, GROUP BY, HAVING, ORDER BY, LIMIT, EXACT, …""",
    "SELECT FRAMES FROM x WHERE a && b": """
Syntax error: the character '&' means nothing here
  SELECT FRAMES FROM x WHERE a && b
                               ^
write AND""",
    "SELECT FRAMES FROM x WHERE contains(“bus”)": """
Syntax error: the character '“' means nothing here
  SELECT FRAMES FROM x WHERE contains(“bus”)
                                      ^
a string stands in straight quotes: 'bus'""",
    "\ufeffSELECT a FROM x": """
Syntax error: the character U+FEFF means nothing here
  \ufeffSELECT a FROM x
  ^""",
    "SELECT a /* b\nFROM x": """
Syntax error: this comment is never closed
  SELECT a /* b
           ^""",
    "SELECT a FROM x FNR WITHIN 1e9999999999999999999%": """
Syntax error: 1e9999999999999999999 is too large a number
  SELECT a FROM x FNR WITHIN 1e9999999999999999999%
                             ^""",
    "SELECT a FROM x; SELCT b FROM x": """
Syntax error: unexpected 'SELCT'
  SELECT a FROM x; SELCT b FROM x
                   ^
did you mean SELECT?""",
    " -- nothing": """
Syntax error: there is no statement
   -- nothing
             ^
expected SELECT, EXPLAIN, ANALYZE, COPY, CREATE, DESCRIBE, DROP, SET, …""",
}


@pytest.mark.parametrize("sql", ERRORS)
def test_error_text(sql: str) -> None:
    with pytest.raises(ParseError) as raised:
        parse(sql)
    assert str(raised.value) == ERRORS[sql].strip("\n")


WORDS = (
    "SELECT FRAMES FROM x WHERE a ( ) , ; ' \" $1 ? 1% 1e999 INTERVAL '1 s' => = -- /* LIMIT NOT"
)


@given(st.lists(st.sampled_from(WORDS.split(" ")) | st.text(max_size=3), max_size=12))
def test_only_errors_of_ours_leave_the_parser(words: list[str]) -> None:
    try:
        parse(" ".join(words))
    except VqeError as error:
        assert error.offset is not None  # noqa: PT017 - most inputs are errors, some are not
