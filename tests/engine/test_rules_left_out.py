"""Rules of the optimizer change the cost of a query and never its rows."""

from __future__ import annotations

import json

import pytest

import vqe
from vqe.optimizer import RULES, rules_to_leave_out
from vqe.optimizer.optimizer import NEEDED

NAMES = [rule.__name__ for rule in RULES if rule.__name__ not in NEEDED]

QUERIES = (
    "SELECT FRAMES FROM clip WHERE contains('bus') AND frame BETWEEN 10 AND 90 EXACT",
    "SELECT frame + 1 AS next FROM clip WHERE timestamp < INTERVAL '9 seconds' / 3 AND 1 = 1",
    "SELECT frame FROM clip WHERE keyframe AND contains('bus') AND 10 < frame LIMIT 3 EXACT",
    "SELECT frame FROM clip WHERE contains('truck') OR frame % 50 = 0 EXACT",
    "SELECT frame % 3 AS k, count(*) AS n FROM (SELECT frame, timestamp FROM clip WHERE frame > 9) "
    "WHERE timestamp < '00:00:08' GROUP BY 1 HAVING count(*) > 1 ORDER BY n, k DESC",
    "SELECT event, frames FROM (SELECT EVENTS FROM clip WHERE contains('bus') EXACT) "
    "WHERE frames > 2 AND frames > 2 ORDER BY start DESC LIMIT 1",
    "SELECT frame FROM clip WHERE contains('bus') ORDER BY frame LIMIT 3 EXACT",
    "SELECT * FROM (SELECT image(width => 16) AS i, frame, objects('truck') AS n FROM clip EXACT) "
    "WHERE n > 0 AND i IS NOT NULL ORDER BY n DESC, frame DESC LIMIT 2",
)


@pytest.fixture(scope="module")
def expected():
    """The rows of each query with all rules, found once."""
    return {}


@pytest.mark.slow
@pytest.mark.parametrize("left_out", [*NAMES, ", ".join(NAMES)])
def test_the_rows_are_the_same(connect, expected, left_out):
    for sql in QUERIES:
        if sql not in expected:
            expected[sql] = connect().sql(sql).to_arrow_table()
            assert expected[sql].num_rows > 0
        assert connect(disabled_rules=left_out).sql(sql).to_arrow_table() == expected[sql]


def test_what_is_left_out_is_not_done(con):
    sql = "SELECT frame FROM clip WHERE frame < 3"
    assert "Filter" not in repr(con.sql(sql))
    con.sql("SET disabled_rules = ' Push_Range_Into_Scan,push_condition_into_scan ,'")
    assert "Filter" in repr(con.sql(sql))
    con.sql("SET disabled_rules = ''")
    assert "Filter" not in repr(con.sql(sql))


def test_names_are_checked(con):
    assert rules_to_leave_out(" , ") == frozenset()
    assert rules_to_leave_out(",".join(NAMES)) == frozenset(NAMES)
    with pytest.raises(vqe.ConfigError, match="did you mean 'merge_limits'"):
        vqe.connect(disabled_rules="merge_limit")
    sql = "SET seed = 1; SET disabled_rules = 'merge_limits, fold'"
    with pytest.raises(vqe.ConfigError, match="unknown rule 'fold'") as raised:
        con.sql(sql)
    assert raised.value.offset == sql.index("'merge")
    assert con.settings.disabled_rules == ""


def test_explain_tells_what_each_rule_did(con, oracle):
    sql = "SELECT frame FROM clip WHERE frame < 1 + 2 AND contains('bus')"
    told = json.loads(con.sql(sql).explain("json"))["rules"]
    rules = [rewrite["rule"] for rewrite in told]
    assert rules[0] == "fold_constants"
    assert "push_range_into_scan" in rules
    first = told[0]
    assert first["before"][0].startswith("Filter frame < (1 + 2) AND contains('bus'")
    assert first["after"][0].startswith("Filter frame < 3 AND contains('bus'")
    plain = con.sql(f"EXPLAIN {sql}").to_arrow_table()["plan"].to_pylist()
    with_rules = con.sql(f"EXPLAIN (RULES) {sql}").to_arrow_table()["plan"].to_pylist()
    assert "  fold_constants" in with_rules
    assert set(plain) <= set(with_rules)
    assert not any("fold_constants" in line for line in plain)
    assert oracle.frames_seen == []
    analyzed = con.sql(f"EXPLAIN ANALYZE (RULES) {sql}").to_arrow_table()["plan"].to_pylist()
    assert "  push_range_into_scan" in analyzed
    assert any(line.startswith("total:") for line in analyzed)
