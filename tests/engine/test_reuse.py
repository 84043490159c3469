"""What one query learns, the next one on the same connection need not ask again."""

from __future__ import annotations

from collections import Counter

import pytest
from clips import Oracle, make_clip

BUS = [*range(20, 45), *range(80, 95)]


@pytest.fixture
def known(con, clip):
    """A connection with an oracle that has a fingerprint, and the oracle."""
    oracle = Oracle(clip, fingerprint="oracle 1")
    con.register_model("oracle", oracle)
    return con, oracle


def rows(con, label="bus", rest="EXACT"):
    return con.sql(f"SELECT FRAMES FROM clip WHERE contains('{label}') {rest}").to_arrow_table()


@pytest.mark.parametrize("accuracy", ["EXACT", ""])
def test_a_repeated_query_is_answered_from_the_store(known, accuracy):
    con, oracle = known
    first = rows(con, rest=accuracy)
    asked = len(oracle.frames_seen)
    result = con.sql(f"SELECT FRAMES FROM clip WHERE contains('bus') {accuracy}")
    second = result.to_arrow_table()
    assert len(oracle.frames_seen) == asked
    assert set(first["decided_by"].to_pylist()) == {"reference"}
    assert set(second["decided_by"].to_pylist()) == {"cache"}
    assert first.drop_columns("decided_by") == second.drop_columns("decided_by")
    assert result.profile.reference_calls == 0
    assert result.profile.labels_from_store == 120
    assert result.profile.stages[0].frames_in == 0  # nothing was decoded


def test_labels_answer_other_questions(known):
    con, oracle = known
    rows(con)
    assert rows(con, "truck")["frame"].to_pylist() == list(range(50, 70))
    region = "SELECT FRAMES FROM clip WHERE contains('bus', region => box(0, 0, 80, 120)) EXACT"
    con.sql(region).to_arrow_table()
    con.sql("SELECT FRAMES FROM clip WHERE contains('cat', min_score => 0.1)").to_arrow_table()
    assert len(oracle.frames_seen) == 120


def test_only_what_is_missing_is_asked(known):
    con, oracle = known
    rows(con, rest="AND frame BETWEEN 30 AND 89 EXACT")
    assert Counter(oracle.frames_seen) == Counter(range(30, 90))
    table = rows(con)
    assert Counter(oracle.frames_seen) == Counter(range(120))
    assert table["frame"].to_pylist() == BUS
    by_origin = dict(zip(BUS, table["decided_by"].to_pylist(), strict=True))
    assert {f for f in BUS if by_origin[f] == "cache"} == {f for f in BUS if 30 <= f < 90}


def test_a_limited_query_leaves_what_it_saw(known):
    con, oracle = known
    rows(con, rest="LIMIT 1 EXACT")
    seen = set(oracle.frames_seen)
    rows(con)
    assert Counter(oracle.frames_seen) == Counter(range(120))
    assert seen < set(range(120))


def test_nothing_is_stored_without_a_fingerprint(con, oracle):
    first, second = rows(con), rows(con)
    assert first == second
    assert set(second["decided_by"].to_pylist()) == {"reference"}
    assert Counter(oracle.frames_seen) == Counter(2 * list(range(120)))


def test_the_fingerprint_decides_not_the_name(known, clip):
    con, _ = known
    rows(con)
    same, other = Oracle(clip, fingerprint="oracle 1"), Oracle(clip, fingerprint="oracle 2")
    con.register_model("oracle", same)
    rows(con)
    con.register_model("oracle", other)
    rows(con)
    assert len(same.frames_seen) == 0
    assert len(other.frames_seen) == 120


def test_a_changed_file_is_another_video(known, tmp_path):
    con, oracle = known
    path = tmp_path / "clip.mp4"
    first = make_clip(path, 40, visits=oracle.clip.visits)
    sql = f"SELECT frame FROM {first.sql} WHERE contains('bus') EXACT"
    assert con.sql(sql).to_arrow_table()["frame"].to_pylist() == list(range(20, 40))
    make_clip(path, 60, visits=oracle.clip.visits)
    assert con.sql(sql).to_arrow_table()["frame"].to_pylist() == list(range(20, 45))
    assert len(oracle.frames_seen) == 100


def test_a_copy_of_the_file_is_the_same_video(known, clip, tmp_path):
    con, oracle = known
    rows(con)
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(clip.path.read_bytes())
    table = con.sql(f"SELECT FRAMES FROM '{copy}' WHERE contains('bus') EXACT").to_arrow_table()
    assert table["frame"].to_pylist() == BUS
    assert set(table["decided_by"].to_pylist()) == {"cache"}
    assert len(oracle.frames_seen) == 120


def test_connections_share_nothing(connect, clip):
    oracles = [Oracle(clip, fingerprint="same"), Oracle(clip, fingerprint="same")]
    for oracle in oracles:
        con = connect()
        con.register_model("oracle", oracle)
        rows(con)
    assert [len(oracle.frames_seen) for oracle in oracles] == [120, 120]
