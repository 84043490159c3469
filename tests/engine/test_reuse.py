"""What one query learns, the next one on the same connection need not ask again."""

from __future__ import annotations

from collections import Counter

import pytest
from clips import Oracle, make_clip

from vqe.errors import VideoError

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


@pytest.mark.parametrize("accuracy", ["EXACT", ""])
def test_labels_behind_a_limit_are_not_counted(known, accuracy):
    con, _ = known
    con.sql("SELECT FRAMES FROM clip WHERE contains('bus') AND frame <> 90 EXACT").to_arrow_table()
    sql = f"SELECT FRAMES FROM clip WHERE contains('bus') {{}} {accuracy}"
    for limit, row, at_most in (("LIMIT 1", 20, 32), ("LIMIT 26", 80, 96)):
        result = con.sql(sql.format(limit))
        assert result.to_arrow_table()["frame"].to_pylist()[-1] == row
        assert row < result.profile.labels_from_store <= at_most
    result = con.sql(sql.format(""))
    assert result.to_arrow_table()["frame"].to_pylist() == BUS
    assert result.profile.labels_from_store == 119
    assert result.profile.reference_calls == 1


def test_a_region_of_a_file_that_was_replaced(known, tmp_path):
    con, oracle = known
    path, size = tmp_path / "clip.mp4", (160, 120)
    clip = make_clip(path, 40, size=size, visits=oracle.clip.visits)
    sql = f"FROM {clip.sql} WHERE contains('bus', region => box(0, 0, 0.7, 1)) EXACT"
    results = [con.sql(f"SELECT frame {sql}"), con.sql(f"EXPLAIN SELECT frame {sql}")]
    make_clip(path, 50, size=size, visits=oracle.clip.visits)  # the same place in the picture
    same = con.sql(f"SELECT frame {sql}").to_arrow_table()
    assert results[0].to_arrow_table() == same
    assert 0 < same.num_rows < 25
    results[0] = con.sql(f"SELECT frame {sql}")
    whole = con.sql(f"SELECT frame FROM {clip.sql} WHERE contains('bus') EXACT")
    make_clip(path, 40, size=(240, 160), visits=oracle.clip.visits)
    for result in results:
        with pytest.raises(VideoError, match=r"has changed since .* was 160×120, and is 240×160"):
            result.to_arrow_table()
    assert whole.to_arrow_table()["frame"].to_pylist() == list(range(20, 40))
    assert con.sql(f"SELECT frame {sql}").to_arrow_table().num_rows > 0


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
