"""SELECT EVENTS on whole videos."""

from __future__ import annotations

from datetime import timedelta

import pytest
from clips import Oracle, Visit, make_clip
from probes import decoding_threads, is_open

import vqe


def test_events_are_made_of_the_rows(con):
    rows = con.sql("SELECT FRAMES FROM clip WHERE contains('bus')").to_arrow_table()
    events = con.sql("SELECT EVENTS FROM clip WHERE contains('bus')").to_arrow_table().to_pylist()
    frames = [range(event["start_frame"], event["stop_frame"]) for event in events]
    assert [frame for several in frames for frame in several] == rows["frame"].to_pylist()
    at = dict(zip(rows["frame"].to_pylist(), rows["timestamp"].to_pylist(), strict=True))
    score = dict(zip(rows["frame"].to_pylist(), rows["score"].to_pylist(), strict=True))
    for event, several in zip(events, frames, strict=True):
        assert event["start"] == at[several[0]]
        assert event["stop"] == at[several[-1]] + timedelta(seconds=0.1)
        assert event["max_score"] == max(score[frame] for frame in several)


@pytest.mark.parametrize(("gap_ms", "asked"), [(0, 64), (1000, 64), (2500, 96)])
def test_limit_stops_the_scan_where_the_event_is_over(con, clip, oracle, gap_ms, asked):
    gap = timedelta(milliseconds=gap_ms)
    sql = "SELECT EVENTS (gap => ?) FROM clip WHERE contains('bus') LIMIT 1 EXACT"
    result = con.sql(sql, [gap])
    assert result.to_arrow_table()["start_frame"].to_pylist() == [20]
    assert 45 + gap_ms // 100 < len(oracle.frames_seen) <= asked  # the next one begins at 80
    assert not is_open(clip.path)
    assert decoding_threads() == []


def test_an_event_comes_before_the_video_ends(con, oracle):
    batches = iter(con.sql("SELECT EVENTS FROM clip WHERE contains('bus') EXACT"))
    assert next(batches)["stop_frame"].to_pylist() == [45]
    assert len(oracle.frames_seen) <= 64
    assert next(batches)["stop_frame"].to_pylist() == [95]


def test_times_between_frames_of_any_length(tmp_path):
    steps = [40, 40, 500, 40, 40, 40, 1000, 40, 40]
    times = [sum(steps[:i]) for i in range(len(steps) + 1)]
    visits = [Visit(2, 4), Visit(6, 10)]
    clip = make_clip(tmp_path / "vfr.mkv", 10, visits=visits, milliseconds=times)
    con = vqe.connect(device="cpu")
    con.register_model("oracle", Oracle(clip))
    sql = f"SELECT EVENTS (gap => $gap) FROM {clip.sql} WHERE contains('bus')"
    found = con.sql(sql, {"gap": timedelta()}).to_arrow_table()
    # The last frame is shown for as long as most of them are.
    assert found["stop"].to_pylist() == [
        timedelta(milliseconds=times[4]),
        timedelta(milliseconds=times[9] + 40),
    ]
    between = timedelta(milliseconds=times[6] - times[4])
    assert len(con.sql(sql, {"gap": between}).to_arrow_table()) == 1
    assert len(con.sql(sql, {"gap": between - timedelta(microseconds=1)}).to_arrow_table()) == 2


@pytest.mark.parametrize("select", ["count(*)", "max(pts)", "time_bucket('1 s', timestamp)"])
def test_what_stands_above_a_scan_asks_for_no_more_of_the_video(con, oracle, select):
    sql = "SELECT {} FROM clip WHERE contains('bus') AND frame BETWEEN 30 AND 50 EXACT"
    con.sql(sql.format(select)).to_arrow_table()
    assert set(oracle.frames_seen) <= set(range(30, 51))
