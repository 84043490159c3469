"""A damaged file: all rows of readable frames, then an error or a warning that names the lost."""

from __future__ import annotations

import inspect
import warnings
import weakref

import pytest
from clips import Oracle, Visit, make_clip, spoil
from probes import is_open

import vqe
from vqe.physical import cascade_scan

BUS = [*range(10, 30), *range(35, 60)]


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    visits = [Visit(10, 30), Visit(35, 60)]
    clip = make_clip(tmp_path_factory.mktemp("damaged") / "clip.mp4", 80, gop=10, visits=visits)
    spoil(clip.path, slice(40, 45))
    return clip


def run(con, clip, rest):
    """The frames that a query delivers, and the error at its end."""
    frames = []
    result = con.sql(f"SELECT FRAMES FROM {clip.sql} WHERE contains('bus') {rest}")
    try:
        for batch in result:
            frames += batch["frame"].to_pylist()
    except vqe.DamagedVideoError as error:
        return frames, error
    return frames, None


@pytest.mark.parametrize("accuracy", ["EXACT", ""])
def test_rows_then_the_error(damaged, accuracy):
    oracle = Oracle(damaged)
    con = vqe.connect(device="cpu")
    con.register_model("oracle", oracle)
    frames, error = run(con, damaged, accuracy)
    assert isinstance(error, OSError)
    lost = {i for start, stop in error.lost for i in range(start, stop)}
    assert set(range(40, 45)) <= lost <= set(range(40, 50))
    assert frames == [i for i in [*range(10, 30), *range(35, 60)] if i not in lost]
    start, stop = error.lost[0]
    assert f"{start}–{stop - 1}" in str(error)
    assert f"{len(lost)} frames" in str(error)
    assert not is_open(damaged.path)


def test_no_error_where_nothing_was_lost(damaged):
    con = vqe.connect(device="cpu")
    con.register_model("oracle", Oracle(damaged))
    assert run(con, damaged, "AND frame < 40 EXACT") == ([*range(10, 30), *range(35, 40)], None)
    assert run(con, damaged, "LIMIT 5 EXACT") == ([10, 11, 12, 13, 14], None)


def test_materialising_raises_as_well(damaged):
    con = vqe.connect(device="cpu")
    con.register_model("oracle", Oracle(damaged))
    result = con.sql(f"SELECT FRAMES FROM {damaged.sql} WHERE contains('bus') EXACT")
    with pytest.raises(vqe.DamagedVideoError, match="cannot be decoded") as raised:
        result.to_arrow_table()
    lost = {i for start, stop in raised.value.lost for i in range(start, stop)}
    rows = [i for i in [*range(10, 30), *range(35, 60)] if i not in lost]
    assert raised.value.table["frame"].to_pylist() == rows
    assert "attribute `table`" in str(raised.value)
    with pytest.raises(vqe.DamagedVideoError) as again:
        result.to_pandas()
    assert again.value is raised.value
    assert again.value.table["frame"].to_pylist() == rows
    assert "failed" in repr(result)


@pytest.mark.parametrize(
    ("sql", "column", "whole"),
    [
        ("SELECT frame FROM {} WHERE contains('bus') EXACT ORDER BY frame DESC", "frame", BUS),
        ("SELECT frame FROM {} WHERE contains('bus') EXACT ORDER BY frame LIMIT 99", "frame", BUS),
        (
            "SELECT frame FROM {} WHERE frame < 50 AND contains('bus') "
            "OR frame >= 50 AND objects('bus') = 1 EXACT",
            "frame",
            BUS,
        ),
        ("SELECT EVENTS FROM {} WHERE contains('bus') EXACT", "frames", None),
        ("SELECT count(*) AS frames FROM {} WHERE contains('bus') EXACT", "frames", None),
    ],
)
def test_no_operator_loses_rows_to_the_error(damaged, sql, column, whole):
    """Not even those that hold rows back until they have seen all."""
    con = vqe.connect(device="cpu")
    result = con.sql(sql.format(damaged.sql), model=Oracle(damaged))
    with pytest.raises(vqe.DamagedVideoError) as raised:
        result.to_arrow_table()
    (spans,) = raised.value.lost_in.values()
    lost = {i for start, stop in spans for i in range(start, stop)}
    assert set(range(40, 45)) <= lost <= set(range(40, 50))
    found = raised.value.table[column].to_pylist()
    if whole is None:
        assert sum(found) == len(set(BUS) - lost)
    else:
        assert sorted(found) == [i for i in whole if i not in lost]


def test_what_several_scans_of_a_video_have_lost_is_one_span(damaged):
    con = vqe.connect(device="cpu")
    condition = "frame % 2 = 0 AND contains('bus') OR frame % 2 = 1 AND objects('bus') = 1"
    con.register_model("oracle", Oracle(damaged))
    result = con.sql(f"SELECT frame FROM {damaged.sql} WHERE {condition} EXACT")
    with pytest.raises(vqe.DamagedVideoError) as raised:
        result.to_arrow_table()
    ((start, stop),) = raised.value.lost
    assert (start, stop >= 45) == (40, True)
    assert str(raised.value).count("cannot be decoded") == 1
    rows = raised.value.table["frame"].to_pylist()
    assert rows == [i for i in BUS if not start <= i < stop]


def test_a_cursor_gives_the_rows_before_it_raises(damaged):
    con = vqe.connect(device="cpu")
    con.register_model("oracle", Oracle(damaged))
    cursor = con.execute(f"SELECT frame FROM {damaged.sql} WHERE contains('bus') EXACT")
    rows = cursor.fetchmany(1000)
    with pytest.raises(vqe.DamagedVideoError) as raised:
        cursor.fetchmany(1000)
    lost = {i for start, stop in raised.value.lost for i in range(start, stop)}
    assert rows == [(i,) for i in BUS if i not in lost]
    cursor = con.execute(f"SELECT frame FROM {damaged.sql} WHERE contains('bus') EXACT")
    for _ in range(2):  # else a caller of this alone would never know
        with pytest.raises(vqe.DamagedVideoError):
            cursor.fetchall()
    assert cursor.fetchmany(1000) == rows


@pytest.fixture(scope="module")
def one_lost(tmp_path_factory):
    """Frame 45 is lost; what follows up to the next key frame refers to it."""
    path = tmp_path_factory.mktemp("one_lost") / "clip.mp4"
    clip = make_clip(path, 80, gop=10, visits=[Visit(10, 30), Visit(35, 60)])
    spoil(clip.path, slice(45, 46))
    return clip


@pytest.fixture
def con():
    return vqe.connect(device="cpu", on_damage="skip")


def spans(damage):
    return [(span.start_frame, span.stop_frame) for span in damage]


def sql(clip, rest=""):
    return f"SELECT FRAMES FROM {clip.sql} WHERE contains('bus') {rest}"


@pytest.mark.parametrize("accuracy", ["EXACT", ""])
@pytest.mark.parametrize("by_set", [True, False])
def test_skipping_gives_all_other_rows(one_lost, accuracy, by_set):
    con = vqe.connect(device="cpu") if by_set else vqe.connect(device="cpu", on_damage="skip")
    if by_set:
        con.sql("SET on_damage = 'skip'")
    oracle = Oracle(one_lost)
    result = con.sql(sql(one_lost, accuracy), model=oracle)
    with pytest.warns(vqe.DamagedVideoWarning) as warned:
        table = result.to_arrow_table()
    bus = [i for i in [*range(10, 30), *range(35, 60)] if i != 45]
    assert table["frame"].to_pylist() == bus
    assert sorted(oracle.frames_seen) == [i for i in range(80) if i != 45]
    assert [str(warning.message) for warning in warned] == [
        f"in '{one_lost.path}', 1 frame cannot be decoded: 45 (4.50–4.60 s); "
        "4 frames may show remains of damaged ones: 46–49 (4.60–5.00 s)"
    ]
    profile = result.profile
    (video,) = profile.videos
    assert (spans(video.lost), spans(video.doubtful)) == ([(45, 46)], [(46, 50)])
    assert [(span.start_us, span.stop_us) for span in video.lost] == [(4_500_000, 4_600_000)]
    assert (profile.lost, profile.rows, profile.skipped) == (1, 44, {})
    text = result.explain()
    assert f"lost in '{one_lost.path}': 1 frame, 45 (4.50–4.60 s)" in text
    assert f"doubtful in '{one_lost.path}': 4 frames, 46–49 (4.60–5.00 s)" in text
    with pytest.warns(vqe.DamagedVideoWarning):  # on a new run again
        con.sql(sql(one_lost, accuracy), model=oracle).to_arrow_table()


def test_several_spans(con, tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", 60, gop=10, visits=[Visit(0, 60)])
    spoil(clip.path, slice(17, 20))
    spoil(clip.path, slice(39, 42))
    result = con.sql(sql(clip, "EXACT"), model=Oracle(clip))
    with pytest.warns(vqe.DamagedVideoWarning, match=r"frames cannot be decoded: 17–19 \(1\.70–2"):
        rows = result.to_arrow_table()["frame"].to_pylist()
    (video,) = result.profile.videos
    lost = [i for start, stop in spans(video.lost) for i in range(start, stop)]
    assert {17, 18, 19, 39, 40, 41} <= set(lost) <= {17, 18, 19, *range(39, 50)}
    assert rows == [i for i in range(60) if i not in lost]
    assert result.profile.lost == len(lost)
    doubtful = {i for start, stop in spans(video.doubtful) for i in range(start, stop)}
    assert doubtful == set(range(42, 50)) - set(lost)


@pytest.mark.parametrize("on_damage", ["raise", "skip"])
def test_doubtful_frames_are_worth_a_warning_only(one_lost, on_damage):
    con = vqe.connect(device="cpu", on_damage=on_damage)
    result = con.sql(sql(one_lost, "AND frame BETWEEN 47 AND 55 EXACT"), model=Oracle(one_lost))
    with pytest.warns(vqe.DamagedVideoWarning, match="^in '[^']*', 3 frames may show") as warned:
        assert result.to_arrow_table()["frame"].to_pylist() == list(range(47, 56))
    assert "cannot be decoded" not in str(warned[0].message)
    (video,) = result.profile.videos
    assert (spans(video.lost), spans(video.doubtful)) == ([], [(47, 50)])


def test_the_error_knows_the_spans(one_lost):
    con = vqe.connect(device="cpu")
    result = con.sql(sql(one_lost, "EXACT"), model=Oracle(one_lost))
    with pytest.raises(vqe.DamagedVideoError, match=r": 45 \(4\.50–4\.60 s\)") as raised:
        result.to_arrow_table()
    assert raised.value.lost == ((45, 46),)
    assert "SET on_damage = 'skip'" in str(raised.value)
    (video,) = result.profile.videos
    assert (spans(video.lost), spans(video.doubtful)) == ([(45, 46)], [(46, 50)])
    result = con.sql(sql(one_lost, "AND frame = 45 EXACT"), model=Oracle(one_lost))
    with pytest.raises(vqe.DamagedVideoError) as raised:
        result.to_arrow_table()
    assert (raised.value.lost, raised.value.table.num_rows) == (((45, 46),), 0)


@pytest.mark.parametrize(
    "condition",
    [
        "frame < 45",
        "frame >= 50",
        "NOT frame BETWEEN 45 AND 49",
        "frame % 10 = 0",
        "frame % 10 = 4",
        "timestamp < INTERVAL '4500 milliseconds'",
        "keyframe",
    ],
)
def test_damage_outside_the_frames_asked_for_costs_nothing(one_lost, condition):
    con, oracle = vqe.connect(device="cpu"), Oracle(one_lost)
    result = con.sql(sql(one_lost, f"AND {condition} EXACT"), model=oracle)
    result.to_arrow_table()
    assert result.profile.stages[1].frames_in == len(oracle.frames_seen) > 0
    (video,) = result.profile.videos
    assert (video.lost, video.doubtful) == ((), ())


def test_what_needs_no_pixels_does_not_notice(damaged):
    table = vqe.connect(device="cpu").sql(f"SELECT * FROM {damaged.sql}").to_arrow_table()
    assert table["frame"].to_pylist() == list(range(80))


def test_a_lost_frame_is_tried_again_and_the_others_are_known(con, one_lost):
    oracle = Oracle(one_lost, fingerprint="oracle")
    for _ in range(2):
        result = con.sql(sql(one_lost, "EXACT"), model=oracle)
        with pytest.warns(vqe.DamagedVideoWarning, match="1 frame cannot be decoded: 45"):
            assert result.to_arrow_table().num_rows == 44
        assert len(oracle.frames_seen) == 79
        (video,) = result.profile.videos
        assert (spans(video.lost), spans(video.doubtful)) == ([(45, 46)], [(46, 50)])
    assert result.profile.labels_from_store == 79


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_threads_do_not_change_what_is_lost(tmp_path, threads):
    clip = make_clip(tmp_path / "clip.mp4", 400, gop=10, visits=[Visit(0, 400)], size=(80, 80))
    for first in (33, 150, 288):
        spoil(clip.path, slice(first, first + 3))
    con = vqe.connect(device="cpu", decode_threads=threads)
    result = con.sql(sql(clip, "EXACT"), model=Oracle(clip))
    with pytest.raises(vqe.DamagedVideoError) as raised:
        result.to_arrow_table()
    lost = {i for start, stop in raised.value.lost for i in range(start, stop)}
    assert (
        {33, 34, 35, 150, 151, 152, 288, 289}
        <= lost
        <= {
            *range(33, 40),
            *range(150, 160),
            *range(288, 300),
        }
    )
    rows = raised.value.table["frame"].to_pylist()
    assert rows == [i for i in range(400) if i not in lost]


def test_rows_that_were_read_before_the_file_failed_come_before_the_error(monkeypatch, one_lost):
    """Although their batch still waits for the next one, to be joined with it."""
    process = cascade_scan.Reader.process

    def failing(reader, *args):
        yield next(process(reader, *args))
        raise vqe.VideoError("the disk is gone")

    monkeypatch.setattr(cascade_scan, "frames_per_batch", lambda *_: 50)
    monkeypatch.setattr(cascade_scan.Reader, "process", failing)
    con = vqe.connect(device="cpu")
    batches = iter(con.sql(sql(one_lost, "EXACT"), model=Oracle(one_lost)))
    frames = next(batches)["frame"].to_pylist()
    assert frames[0] == 10
    with pytest.raises(vqe.VideoError, match="the disk is gone"):
        next(batches)


def test_frames_that_were_answered_are_let_go_before_the_next_are_read(monkeypatch, damaged):
    grouped, refs = cascade_scan.grouped, []

    def watched(*args):
        for group in grouped(*args):
            assert [ref() for ref in refs] == [None] * len(refs)
            refs.append(weakref.ref(group))
            waiting = [group]
            del group
            yield waiting.pop()

    monkeypatch.setattr(cascade_scan, "grouped", watched)
    con = vqe.connect(device="cpu")
    con.register_model("oracle", Oracle(damaged))
    assert run(con, damaged, "AND frame < 40 EXACT")[1] is None
    assert len(refs) > 1


def test_each_line_of_the_caller_gets_its_own_warning(con, one_lost):
    """As Python shows it: once for a line and a text, at the line that asked for the rows."""
    table = con.sql(sql(one_lost, "EXACT"), model=Oracle(one_lost))
    frame = con.sql(sql(one_lost, "EXACT"), model=Oracle(one_lost))
    batches = iter(con.sql(sql(one_lost, "EXACT"), model=Oracle(one_lost)))
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("default")
        table.to_arrow_table()
        frame.to_pandas()
        for _ in batches:
            pass
    here = inspect.currentframe().f_lineno
    assert [(w.filename, w.lineno) for w in shown] == [(__file__, here - n) for n in (4, 3, 2)]


def test_materialising_again_after_a_warning(con, one_lost):
    result = con.sql(sql(one_lost, "EXACT"), model=Oracle(one_lost))
    with pytest.warns(vqe.DamagedVideoWarning):
        table = result.to_arrow_table()
    assert result.to_pandas()["frame"].tolist() == table["frame"].to_pylist()
