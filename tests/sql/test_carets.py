"""Where the caret stands, looked at as text, and the same as data."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

import vqe
from vqe.errors import LINE_SHOWN, VqeError, caret
from vqe.sql.parser import parse


def error_of(sql: str) -> VqeError:
    with pytest.raises(VqeError) as raised:
        parse(sql)
    return raised.value


def test_only_the_line_of_the_error_is_shown() -> None:
    sql = "SELECT frame -- the ordinal\nFROM clip\n  WHER keyframe\nLIMIT 5"
    assert "\n  " + "  WHER keyframe" + "\n  " + "  ^" in str(error_of(sql))


def test_lines_of_windows_end_without_their_carriage_return() -> None:
    assert caret("SELECT a\r\nFORM x\r\n", 10) == "  FORM x\n  ^"


def test_tabs_before_the_caret_are_repeated() -> None:
    assert caret("\tSELECT\t#", 8) == "  \tSELECT\t#\n  \t      \t^"


def test_wide_characters_take_two_columns_and_marks_none() -> None:
    assert caret("SELECT '巴士', #", 13) == "  SELECT '巴士', #\n  " + " " * 15 + "^"
    assert caret("SELECT '🚌' #", 11) == "  SELECT '🚌' #\n  " + " " * 12 + "^"
    assert caret("SELECT 'e\u0301' #", 12) == "  SELECT 'e\u0301' #\n  " + " " * 11 + "^"


@pytest.mark.parametrize("strange", ["\0", "\x1b", "\u202e", "\udcff", "\u2028", "\r", "\x85"])
def test_what_would_move_the_cursor_is_not_printed(strange: str) -> None:
    text = caret(f"SELECT {strange} #", 9)
    assert text == "  SELECT � #\n  " + " " * 9 + "^"
    text.encode()


@pytest.mark.parametrize("at", [0, 30, 49, 50, 51, 500, 949, 951, 970, 999])
def test_of_a_long_line_only_what_is_near_is_shown(at: int) -> None:
    line = "".join(chr(ord("a") + i % 26) for i in range(1000))
    line = line[:at] + "#" + line[at + 1 :]
    shown, below = caret(line, at).split("\n")
    assert shown[below.index("^")] == "#"
    assert len(shown) <= LINE_SHOWN + 4
    assert shown.strip(" …") in line
    assert (shown[2] == "…") == (at > LINE_SHOWN // 2)


def test_line_and_column_are_data() -> None:
    error = error_of("SELECT frame\n\tFORM clip")
    assert (error.offset, error.line, error.column) == (14, 2, 2)
    told = error.as_dict()
    assert json.loads(json.dumps(told)) == told
    assert told == {
        "error": "ParseError",
        "phase": "Syntax error",
        "message": "unexpected 'FORM'",
        "hint": "did you mean FROM?",
        "sql": "SELECT frame\n\tFORM clip",
        "offset": 14,
        "line": 2,
        "column": 2,
    }


def test_an_error_without_a_statement_has_no_place() -> None:
    error = vqe.ConfigError("no")
    assert (error.line, error.column, error.as_dict()["sql"]) == (None, None, None)


@pytest.mark.parametrize(
    "error",
    [
        vqe.ParseError("wrong", hint="right", sql="SELECT", offset=3),
        vqe.DamagedVideoError("damaged", lost_in={"v": ((3, 5),)}, hint="skip"),
        vqe.VideoNotFoundError("nowhere"),
        vqe.UnsupportedError("later"),
    ],
)
def test_errors_can_be_copied_and_sent_to_other_processes(error: VqeError) -> None:
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert vars(twin) == vars(error)
