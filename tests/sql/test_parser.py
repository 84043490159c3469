"""Every construct of the dialect parses, and to what was meant."""

from __future__ import annotations

import pytest

from vqe.errors import ParseError
from vqe.sql import ast
from vqe.sql.parser import parse
from vqe.sql.statements import Set
from vqe.sql.unparse import unparse

CANONICAL = [
    "SELECT FRAMES FROM 'crossing.mp4' WHERE contains('bus')",
    "SELECT * FROM video",
    "SELECT frame, video, time, timestamp, score, keyframe FROM video",
    "SELECT frame AS n, timestamp AS when_seen FROM 'cams/*.mp4'",
    "SELECT EVENTS FROM x",
    "SELECT EVENTS (gap => INTERVAL '2 seconds', min_duration => '00:00:01') FROM x",
    "SELECT FRAMES FROM $1",
    "SELECT FRAMES FROM $camera",
    "SELECT FRAMES FROM (SELECT frame FROM x)",
    "SELECT 1 + 2",
    "SELECT a FROM x WHERE contains('bus', min_score => 0.5, region => box(0, 0, 0.5, 1))",
    "SELECT objects('car'), detections(), image(width => 320) FROM x",
    "SELECT time_bucket(INTERVAL '60 seconds', timestamp), count(*), avg(score) FROM x",
    "SELECT a FROM x GROUP BY a, b + 1 HAVING count(*) > 3 ORDER BY a DESC NULLS LAST, b",
    "SELECT a FROM x ORDER BY a NULLS FIRST LIMIT 10",
    "SELECT a FROM x LIMIT $1 GAP INTERVAL '10 seconds'",
    "SELECT a FROM x LIMIT 5 GAP '00:00:10'",
    "SELECT a FROM x LIMIT 5 GAP 10 FRAMES",
    "SELECT a FROM x EXACT",
    "SELECT a FROM x FNR WITHIN 0.01 FPR WITHIN 0.02 FDR WITHIN $1 PER FRAME",
    "SELECT a FROM x PER INTERVAL '500 ms' CONFIDENCE 0.95 USING MODEL yolo",
    "SELECT a FROM x ERROR WITHIN 0.1 USING MODEL 'onnx:model.onnx'",
    "SELECT a FROM x BUDGET 1000 CALLS DEADLINE INTERVAL '60 seconds'",
    "SELECT a FROM x WHERE a BETWEEN 1 AND 2 AND b NOT BETWEEN 3 AND 4",
    "SELECT a FROM x WHERE a IN (1, 2) OR b NOT IN ('x') OR c IS NULL OR d IS NOT NULL",
    "SELECT CASE WHEN a THEN 1 ELSE 2 END, CASE a WHEN 1 THEN 'x' WHEN 2 THEN 'y' END FROM x",
    "SELECT coalesce(a, b), round(a, 2), -a * +b // 3 / 4 % 5 FROM x",
    'SELECT TRUE, FALSE, NULL, 1.5, \'it\'\'s\', "a ""b""", "where", "frames" FROM "from"',
    "SELECT frames(1) FROM limit LIMIT 1".replace("frames(1)", '"frames"(1)'),
    "SELECT a FROM x WHERE (a OR b) AND NOT (c AND d) AND (a = b) = (c = d)",
    "SELECT a - (b - c), (a + b) * c, -(-a), NOT NOT a FROM x",
    "EXPLAIN SELECT a FROM x",
    "EXPLAIN ANALYZE SELECT a FROM x",
    "EXPLAIN (FORMAT json) SELECT a FROM x",
    "EXPLAIN ANALYZE (FORMAT table) SELECT a FROM x",
    "EXPLAIN (RULES) SELECT a FROM x",
    "EXPLAIN ANALYZE (RULES, FORMAT json) SELECT rules FROM x",
    "CREATE VIDEO lobby AS 'lobby.mp4'",
    "CREATE OR REPLACE VIDEO video AS 'lobby.mp4' STARTING AT '2024-05-17 08:00:00'",
    'CREATE VIDEO "my cam" AS $path STARTING AT $start',
    "DROP VIDEO lobby",
    "DROP VIDEO IF EXISTS lobby",
    'DROP VIDEO "if"',
    "SHOW VIDEOS",
    "SHOW MODELS",
    "DESCRIBE lobby",
    "DESCRIBE 'cams/*.mp4'",
    "DESCRIBE (SELECT a + 1 FROM x)",
    "ANALYZE VIDEO lobby FOR contains('bus') AND frame < 3",
    "ANALYZE VIDEO 'a.mp4' FOR contains('bus') FNR WITHIN 0.05 USING MODEL yolo",
    "COPY (SELECT FRAMES FROM x LIMIT 3) TO 'out.parquet'",
    "SET on_damage = 'skip'",
    "SET batch_size = 100",
    "SET progress = TRUE",
    "SET decode_threads = NULL",
    "SET seed = DEFAULT",
    'SET "where" = "true"',
    "SET model = $name",
]


@pytest.mark.parametrize("sql", CANONICAL)
def test_canonical_text_comes_back(sql: str) -> None:
    (statement,) = parse(sql)
    assert unparse(statement) == sql


@pytest.mark.parametrize(
    ("sql", "canonical"),
    [
        ("select Frames from X where A<>1", "SELECT FRAMES FROM X WHERE A <> 1"),
        ("SELECT a != 1, a == 1 FROM x", "SELECT a <> 1, a = 1 FROM x"),
        ("SELECT ((a)) FROM x -- end", "SELECT a FROM x"),
        ("SELECT a /* b,\n c */, d\nFROM x", "SELECT a, d FROM x"),
        ("SELECT COUNT(*), Round(a) FROM x", "SELECT count(*), round(a) FROM x"),
        ("SELECT .5, 1., 1e3, 2E-2 FROM x", "SELECT 0.5, 1.0, 1000.0, 0.02 FROM x"),
        ("SELECT ?, ? FROM ?", "SELECT $1, $2 FROM $3"),
        ("SELECT a FROM x FNR WITHIN 1% CONFIDENCE 95 %", None),
        ("SELECT INTERVAL 2 minutes FROM x", "SELECT INTERVAL '120 seconds' FROM x"),
        ("SELECT INTERVAL '1 hour 30 minutes' FROM x", "SELECT INTERVAL '5400 seconds' FROM x"),
        ("SELECT a FROM x EXACT LIMIT 5", "SELECT a FROM x LIMIT 5 EXACT"),
        (
            "SELECT a FROM x WHERE b FNR WITHIN 1% ORDER BY a USING MODEL m LIMIT 5 PER FRAME",
            "SELECT a FROM x WHERE b ORDER BY a LIMIT 5 FNR WITHIN 0.01 USING MODEL m PER FRAME",
        ),
        ("SELECT a FROM x ORDER BY a ASC", "SELECT a FROM x ORDER BY a"),
        ("set Seed=?;", "SET Seed = $1"),
        ("create video x as 'y' starting at 'z'", "CREATE VIDEO x AS 'y' STARTING AT 'z'"),
        ("describe select a from x", "DESCRIBE (SELECT a FROM x)"),
        ("explain (rules, analyze) select 1", "EXPLAIN ANALYZE (RULES) SELECT 1"),
    ],
)
def test_other_spellings(sql: str, canonical: str | None) -> None:
    canonical = canonical or "SELECT a FROM x FNR WITHIN 0.01 CONFIDENCE 0.95"
    assert [unparse(statement) for statement in parse(sql)] == [canonical]


def test_precedence() -> None:
    (query,) = parse("SELECT a FROM x WHERE NOT a + b * c = d OR e AND f")
    a, b, c, d, e, f = (ast.Name(name) for name in "abcdef")
    compared = ast.Binary("=", ast.Binary("+", a, ast.Binary("*", b, c)), d)
    expected = ast.Binary("OR", ast.Unary("NOT", compared), ast.Binary("AND", e, f))
    assert isinstance(query, ast.Query)
    assert query.where == expected


def test_offsets_point_at_the_text() -> None:
    sql = "SELECT a,\n  b + c FROM x LIMIT 3 EXACT"
    (query,) = parse(sql)
    assert isinstance(query, ast.Query)
    assert isinstance(query.selection, tuple)
    binary = query.selection[1].value
    assert sql[binary.offset] == "+"
    assert isinstance(binary, ast.Binary)
    assert sql[binary.left.offset] == "b"
    assert query.limit is not None
    assert sql[query.limit.offset :].startswith("LIMIT")
    assert sql[query.clauses[0].offset :].startswith("EXACT")
    assert query.sql == sql


def test_set_knows_its_places() -> None:
    sql = "SELECT a FROM x; SET seed = 3"
    _, statement = parse(sql)
    assert statement == Set(ast.Name("seed"), ast.Literal(3))
    assert isinstance(statement, Set)
    parts = (statement, statement.name, statement.value)
    assert [sql[part.offset :] for part in parts] == ["SET seed = 3", "seed = 3", "3"]
    assert statement.sql == sql


def test_parameters_are_numbered_through_all_statements() -> None:
    statements = parse("SELECT ?, ? FROM x; SET seed = ?;")
    assert [unparse(s) for s in statements] == ["SELECT $1, $2 FROM x", "SET seed = $3"]
    with pytest.raises(ValueError, match=r"either \? or \$ parameters"):
        parse("SELECT ? FROM x; SET seed = $1")


def test_every_statement_points_into_the_whole_text() -> None:
    texts = (
        "CREATE VIDEO lobby AS 'lobby.mp4'",
        "DROP VIDEO lobby",
        "SHOW MODELS",
        "DESCRIBE lobby",
        "ANALYZE VIDEO lobby FOR contains('bus')",
        "COPY (SELECT a FROM x) TO 'y.csv'",
        "EXPLAIN SELECT a FROM x",
    )
    sql = "; ".join(texts)
    for text, statement in zip(texts, parse(sql), strict=True):
        assert sql[statement.offset :].startswith(text)
        assert statement.sql == sql


@pytest.mark.parametrize("word", ["FORMAT json", "ANALYZE", "RULES"])
def test_an_option_of_explain_stands_once(word: str) -> None:
    sql = f"EXPLAIN ({word}, {word}) SELECT 1"
    with pytest.raises(ValueError, match="stands twice") as raised:
        parse(sql)
    assert isinstance(raised.value, ParseError)
    assert raised.value.offset is not None
    assert raised.value.offset > len(f"EXPLAIN ({word}")


def test_a_chain_of_hundreds_is_parsed_and_one_of_thousands_refused() -> None:
    (query,) = parse("SELECT a FROM x WHERE " + " OR ".join(["a = 1"] * 200))
    assert unparse(query).count("OR") == 199
    with pytest.raises(ValueError, match="nested too deeply"):
        parse("SELECT " + "(" * 5000 + "a" + ")" * 5000 + " FROM x WHERE" + " NOT" * 5000 + " a")
