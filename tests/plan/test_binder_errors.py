"""What the user reads when a statement means nothing, or nothing yet."""

from __future__ import annotations

from typing import Any

import pytest
from language import plan_of

from vqe.errors import BindError, ModelError, VideoNotFoundError, VqeError


def error_of(sql: str, *args: Any, **options: Any) -> VqeError:
    with pytest.raises(VqeError) as raised:
        plan_of(sql, *args, **options)
    return raised.value


WHERE_ERRORS = {
    "fraem < 3": "unknown column 'fraem' | fraem | did you mean 'frame' or 'keyframe'?",
    "colour = 3": "unknown column 'colour' | colour | there are: video, frame, timestamp, time,",
    "cotains('bus')": "unknown function 'cotains' | cotains | did you mean 'contains'?",
    "contains('bsu')": "unknown label 'bsu' | 'bsu' | did you mean 'bus'?",
    "contains('zebra')": "unknown label 'zebra' | 'zebra' | model yolo knows 3 labels: person, bus",
    "contains(3)": "the label must be a string, got 3 (int64) | 3 | ",
    "contains(video)": "the label must be a constant, got video | video | ",
    "contains()": "contains() takes one label | contains | contains('label',",
    "contains('bus', score => 1)": "contains() takes no argument 'score' | score | did you",
    "contains('bus', min_score => .01)": "min_score 0.01 is out of range | .01 | model yolo",
    "contains('bus', min_score => 2)": "min_score 2 is out of range | 2 | model yolo",
    "contains('bus', min_score => 'x')": "min_score must be a number, got 'x' (string) | 'x' | ",
    "contains('bus', min_score => .5, min_score => .6)": "min_score is given twice | min_score =>",
    "contains('bus', region => 3)": "region must be a box | 3 | box(x0, y0, x1, y1)",
    "contains('bus', region => box(1, 2))": "box() takes four numbers, got 2 | box",
    "contains('bus', region => box(9, 0, 3, 5))": "box(x0, y0, x1, y1) needs x0 < x1 and | box",
    "contains('bus', region => box(0, 9, 5, 3))": "box(x0, y0, x1, y1) needs x0 < x1 and | box",
    "contains('bus', region => box(2000, 0, 3000, 9))": "the box lies outside the 1280×720 | box",
    "box(1, 2, 3, 4)": "box() is the value of region | box",
    "frame": "WHERE must be true or false, got frame (int64) | frame | compare it with a value",
    "frame AND keyframe": "a condition must be true or false, got frame (int64) | frame AND",
    "NOT frame": "a condition must be true or false, got frame (int64) | NOT",
    "timestamp < 5": "cannot compare timestamp (duration) with 5 (int64) | < | write a duration: "
    "INTERVAL '5 seconds'",
    "timestamp IN (5)": "cannot compare timestamp (duration) with 5 (int64) | timestamp | write a",
    "time < timestamp": "cannot compare time (timestamp) with timestamp (duration) | < | column",
    "frame = 'x'": "cannot compare frame (int64) with 'x' (string) | = | ",
    "timestamp < 'soon'": "'soon' is not a duration; write '90 seconds' or '1 hour 30 minutes' | <",
    "time < 'noon'": "'noon' is not a date and time; write '2024-05-17 08:30:00' | <",
    "frame + timestamp < 3": "frame (int64) + timestamp (duration) has no meaning | + | write a",
    "timestamp * 1.5 < '1 s'": "timestamp (duration) * 1.5 (double) has no meaning | * | a",
    "-video = 'x'": "-video (string) has no meaning | - | ",
    "round(video) = 1": "round() takes a number, got video (string) | round",
    "coalesce() = 1": "coalesce() takes at least one argument | coalesce",
    "coalesce(frame, video) = 1": "these have no type in common: frame (int64), video | coalesce",
    "CASE WHEN frame THEN 1 END = 1": "WHEN must be true or false, got frame (int64) | frame THEN",
    "score > 0.5": "column score is known only after the condition was | score | select it",
    "decided_by = 'fill'": "column decided_by is known only after the condition | decided_by",
}


@pytest.mark.parametrize("where", WHERE_ERRORS)
def test_conditions_that_mean_nothing(where: str) -> None:
    message, place, hint = [*WHERE_ERRORS[where].split(" | "), ""][:3]
    sql = f"SELECT FRAMES FROM video WHERE {where}"
    error = error_of(sql)
    assert isinstance(error, BindError)
    assert error.message.startswith(message.rstrip())
    assert error.offset is not None
    assert sql[error.offset :].startswith(place.strip())
    assert error.hint.startswith(hint)
    assert error.sql == sql


STATEMENT_ERRORS = {
    "SELECT frame, FRAME FROM video": "two columns are called 'frame' | FRAME",
    'SELECT frame AS a, pts AS "A" FROM video': "two columns are called 'A' and 'a' | pts AS",
    'SELECT pts AS "FRAME", frame FROM video': "two columns are called 'frame' and 'FRAME' | frame",
    "SELECT count FROM video": "unknown column 'count' | count",
    "SELECT FRAMES FROM video EXACT FNR WITHIN 1%": "EXACT allows no error | FNR",
    "SELECT FRAMES FROM video PER FRAME EXACT": "EXACT allows no error | PER",
    "SELECT FRAMES FROM video FNR WITHIN 1% FNR WITHIN 2%": "FNR WITHIN is given | FNR WITHIN 2%",
    "SELECT FRAMES FROM video EXACT EXACT": "EXACT is given twice | EXACT",
    "SELECT FRAMES FROM video FNR WITHIN 100%": "FNR WITHIN 1 is not a share | 100%",
    "SELECT FRAMES FROM video EXACT CONFIDENCE 95%": "EXACT allows no error | CONFIDENCE",
    "SELECT FRAMES FROM video EXACT BUDGET 9 CALLS": "EXACT asks about every frame | BUDGET",
    "SELECT FRAMES FROM video DEADLINE '1 s' EXACT": "EXACT asks about every frame | DEADLINE",
    "SELECT FRAMES FROM video BUDGET 0 CALLS": "BUDGET needs at least one call | BUDGET",
    "SELECT FRAMES FROM video BUDGET 1.5 CALLS": "BUDGET must be a whole number | BUDGET",
    "SELECT FRAMES FROM video DEADLINE '0 s'": "DEADLINE needs a positive | DEADLINE",
    "SELECT FRAMES FROM video DEADLINE 'soon'": "'soon' is not a duration | 'soon'",
    "SELECT FRAMES FROM video CONFIDENCE 100%": "CONFIDENCE 1 is not a share | 100%",
    "SELECT FRAMES FROM video CONFIDENCE 95": "CONFIDENCE 95 is not a share | 95",
    "SELECT FRAMES FROM video PER INTERVAL '0 s'": "PER INTERVAL needs a positive | PER",
}


@pytest.mark.parametrize("sql", STATEMENT_ERRORS)
def test_statements_that_mean_nothing(sql: str) -> None:
    message, place = STATEMENT_ERRORS[sql].split(" | ")
    error = error_of(sql)
    assert isinstance(error, BindError)
    assert error.message.startswith(message)
    assert error.offset is not None
    assert sql[error.offset :].startswith(place)


@pytest.mark.parametrize(
    ("sql", "params", "message"),
    [
        ("SELECT frame FROM video LIMIT ?", None, "no value for parameter $1"),
        ("SELECT frame FROM video LIMIT $n", {"m": 1}, "no value for parameter $n"),
        ("SELECT frame FROM video LIMIT ?", {"m": 1}, "no value for parameter $1"),
        ("SELECT frame FROM video LIMIT ?", [1, 2], "$2 is given, but not used"),
        ("SELECT frame FROM video", {"a": 1, "b": 2}, "$a, $b are given, but not used"),
        ("SELECT frame FROM video LIMIT ?", ["x"], "LIMIT must be a whole number from 0, got 'x'"),
        ("SELECT frame FROM video LIMIT ?", [-1], "LIMIT must be a whole number from 0, got -1"),
        ("SELECT frame FROM video WHERE video = ?", "abc", "parameters are a list or a dict, got"),
        ("SELECT frame FROM video WHERE frame < ?", [b"x"], "parameter $1: a value of type bytes"),
        ("SELECT -$1 AS x", [-(2**63)], "-(-9223372036854775808) does not fit into 64 bits"),
        ("SELECT +$1 AS x", ["a"], "+'a' (string) has no meaning"),
        ("SELECT frame FROM video WHERE frame < ?", [2**63], "parameter $1: 9223372036854775808"),
        ("SELECT frame FROM video WHERE frame < ?", [float("nan")], "parameter $1: nan is not a"),
        ("SELECT frame FROM ?", [3], "the video must be a string, got 3 for parameter $1"),
    ],
)
def test_parameters_that_do_not_fit(sql: str, params: Any, message: str) -> None:
    error = error_of(sql, params)
    assert isinstance(error, BindError)
    assert error.message.startswith(message)


def test_errors_of_the_catalog_get_a_place() -> None:
    error = error_of("SELECT frame FROM 'nothing.mp4'")
    assert isinstance(error, VideoNotFoundError)
    assert str(error).endswith("  SELECT frame FROM 'nothing.mp4'\n                    ^")
    error = error_of("SELECT frame FROM video USING MODEL yolk")
    assert isinstance(error, ModelError)
    assert error.offset == 36
    error = error_of("SELECT frame FROM video WHERE contains('bus')", default_model=None)
    assert (error.message, error.offset) == ("no model was chosen", 30)
