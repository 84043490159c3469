"""The rows of exact queries: columns, types and values."""

from __future__ import annotations

from datetime import timedelta

import av
import numpy as np
import pyarrow as pa
import pytest
from clips import score_of

from vqe.errors import ExecutionError

FRAMES_SCHEMA = pa.schema(
    [
        ("video", pa.string()),
        ("frame", pa.int64()),
        ("timestamp", pa.duration("us")),
        ("pts", pa.int64()),
        ("score", pa.float32()),
        ("decided_by", pa.dictionary(pa.int8(), pa.string())),
    ]
)
VIDEO_SCHEMA = pa.schema(
    [
        ("video", pa.string()),
        ("frame", pa.int64()),
        ("timestamp", pa.duration("us")),
        ("time", pa.timestamp("us")),
        ("pts", pa.int64()),
        ("keyframe", pa.bool_()),
    ]
)


def frames(result):
    return result.to_arrow_table()["frame"].to_pylist()


def test_a_condition_that_would_fail_elsewhere(con, oracle):
    """Only the rows that the other conditions leave are asked."""
    sql = "SELECT frame FROM clip WHERE {} AND 100 // (frame - 2) > 2 EXACT"
    assert frames(con.sql(sql.format("contains('bus')"))) == list(range(20, 36))
    assert len(oracle.frames_seen) == 120
    assert frames(con.sql(sql.format("keyframe"))) == [12, 24]
    assert frames(con.sql(sql.format("frame > 2 AND pts > 3"))) == list(range(3, 36))
    with pytest.raises(ExecutionError, match=r"100 // \(frame - 2\) has no value: divide by zero"):
        frames(con.sql(sql.format("frame < 3")))


def truth(clip, label):
    return np.flatnonzero(clip.present(label)).tolist()


def pts_of(clip):
    with av.open(str(clip.path)) as container:
        return [(frame.pts, bool(frame.key_frame)) for frame in container.decode(video=0)]


def test_exact_frames(con, clip, oracle):
    result = con.sql("SELECT FRAMES FROM clip WHERE contains('bus') EXACT")
    assert result.schema == FRAMES_SCHEMA
    table = result.to_arrow_table()
    assert table.schema == FRAMES_SCHEMA
    expected = truth(clip, "bus")
    pts = pts_of(clip)
    assert table.to_pydict() == {
        "video": ["clip"] * len(expected),
        "frame": expected,
        "timestamp": [timedelta(milliseconds=100 * i) for i in expected],
        "pts": [pts[i][0] for i in expected],
        "score": [float(np.float32(score_of(i))) for i in expected],
        "decided_by": ["reference"] * len(expected),
    }
    assert sorted(oracle.frames_seen) == list(range(clip.frames))


def test_every_column_of_every_frame_needs_no_model(con, clip, oracle):
    table = con.sql("SELECT * FROM clip").to_arrow_table()
    assert table.schema == VIDEO_SCHEMA
    assert table.to_pydict() == {
        "video": ["clip"] * 120,
        "frame": list(range(120)),
        "timestamp": [timedelta(milliseconds=100 * i) for i in range(120)],
        "time": [None] * 120,
        "pts": [pts for pts, _ in pts_of(clip)],
        "keyframe": [key for _, key in pts_of(clip)],
    }
    assert oracle.frames_seen == []


def test_frames_without_a_condition_have_no_score(con):
    table = con.sql("SELECT FRAMES FROM clip LIMIT 3").to_arrow_table()
    assert table.schema == FRAMES_SCHEMA
    assert table["score"].to_pylist() == table["decided_by"].to_pylist() == [None] * 3


def test_a_path_is_a_source_and_names_the_video(con, clip):
    table = con.sql(f"SELECT video, frame FROM {clip.sql} WHERE contains('truck') EXACT")
    assert table.to_arrow_table().to_pydict() == {
        "video": [str(clip.path)] * 20,
        "frame": list(range(50, 70)),
    }


def test_expressions(con):
    table = con.sql(
        "SELECT frame * 2 AS twice, frame % 7 = 0 AS seventh, "
        "timestamp > INTERVAL '2100 ms' AS late, "
        "CASE WHEN score > 0.91 THEN 'high' ELSE 'low' END AS grade, round(score, 1) "
        "FROM clip WHERE contains('bus') AND frame BETWEEN 20 AND 24 EXACT"
    ).to_arrow_table()
    assert table["twice"].to_pylist() == [40, 42, 44, 46, 48]
    assert table["seventh"].to_pylist() == [False, True, False, False, False]
    assert table["late"].to_pylist() == [False, False, True, True, True]
    # Scores are 0.90, 0.92, … 0.98, as float32.
    assert table["grade"].to_pylist() == ["low"] + ["high"] * 4
    assert table.column_names[-1] == "round(score, 1)"
    np.testing.assert_allclose(table.column(4).to_pylist(), [0.9, 0.9, 0.9, 1, 1], atol=1e-6)


@pytest.mark.parametrize(
    ("condition", "asked"),
    [
        ("frame >= 30 AND frame < 60", range(30, 60)),
        ("frame BETWEEN 85 AND 200", range(85, 120)),
        ("timestamp < INTERVAL '2500 ms'", range(25)),
        ("timestamp BETWEEN '00:00:04' AND '00:00:05'", range(40, 51)),
        ("timestamp >= INTERVAL '8 seconds' AND frame < 83", range(80, 83)),
        ("frame = 44", range(44, 45)),
        ("frame > 500", range(0)),
    ],
)
def test_ranges_are_all_that_is_asked(con, clip, oracle, condition, asked):
    result = con.sql(f"SELECT FRAMES FROM clip WHERE contains('bus') AND {condition} EXACT")
    present = clip.present("bus")
    assert frames(result) == [i for i in asked if present[i]]
    assert sorted(oracle.frames_seen) == list(asked)


def test_conditions_that_are_no_range_filter_the_rows(con, clip):
    sql = (
        "SELECT frame FROM clip WHERE contains('bus') AND frame % 10 = 1 AND keyframe = FALSE EXACT"
    )
    keys = [key for _, key in pts_of(clip)]
    expected = [i for i in truth(clip, "bus") if i % 10 == 1 and not keys[i]]
    assert frames(con.sql(sql)) == expected


def test_min_score(con, clip):
    def found(label, score):
        condition = f"contains('{label}', min_score => {score})"
        return frames(con.sql(f"SELECT FRAMES FROM clip WHERE {condition} EXACT"))

    assert found("bus", 0.75) == [i for i in truth(clip, "bus") if score_of(i) >= 0.75]
    assert found("cat", 0.2) == list(range(120))  # its shadow, at the very score
    assert found("cat", 0.21) == []
    assert frames(con.sql("SELECT FRAMES FROM clip WHERE contains('cat') EXACT")) == []


def test_region_takes_the_centre_of_the_box(con, clip):
    def centre(i):
        (visit,) = (v for v in clip.visits if v.start <= i < v.stop and v.label == "bus")
        x0, _, x1, _ = visit.box(i, clip.size)
        return (x0 + x1) / 2

    left = [i for i in truth(clip, "bus") if centre(i) < 80]
    assert 0 < len(left) < 40
    for box in ("box(0, 0, 80, 120)", "box(0, 0, 0.5, 1)"):
        sql = f"SELECT FRAMES FROM clip WHERE contains('bus', region => {box}) EXACT"
        assert frames(con.sql(sql)) == left


def test_parameters(con):
    sql = "SELECT frame FROM ? WHERE contains(?) AND frame < ? EXACT"
    assert frames(con.sql(sql, ["clip", "truck", 53])) == [50, 51, 52]
    sql = "SELECT frame FROM clip WHERE contains($label) AND frame < $last EXACT"
    assert frames(con.sql(sql, {"label": "truck", "last": 52})) == [50, 51]


@pytest.mark.parametrize("size", [1, 7, 64])
def test_the_batch_size_slices_the_output_and_nothing_else(connect, clip, size):
    sql = "SELECT FRAMES FROM clip WHERE contains('bus') EXACT"
    expected = connect().sql(sql).to_arrow_table()
    batches = list(connect(batch_size=size).sql(sql))
    assert {batch.num_rows for batch in batches} <= set(range(1, size + 1))
    assert pa.Table.from_batches(batches).combine_chunks() == expected.combine_chunks()


def test_a_short_clip_is_not_worth_a_cascade(con, clip):
    result = con.sql("SELECT FRAMES FROM clip WHERE contains('bus')")
    table = result.to_arrow_table()
    assert table["frame"].to_pylist() == truth(clip, "bus")
    assert set(table["decided_by"].to_pylist()) == {"reference"}
    assert result.profile.plan == "no cascade"
    assert result.profile.reference_calls == 120
