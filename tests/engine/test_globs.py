"""A pattern as a source: its files are one relation, each with its own plan, size and damage."""

from __future__ import annotations

import os
import shutil
from collections import deque
from glob import glob
from pathlib import Path

import av
import pytest
from clips import LABELS, Oracle, Visit, make_clip, spoil
from probes import decoding_threads, is_open

import vqe
from vqe.planner import resources
from vqe.runtime.metrics import Metrics, ScanMetrics, StageMetrics

VIDEO = os.path.join("cams", "{}.mp4").format
SIZES = {"a": (160, 120), "b": (240, 160), "c": (120, 120), "sub/d": (80, 80)}
VISITS = {
    "a": [Visit(10, 20)],
    "b": [Visit(3, 6), Visit(30, 50)],
    "c": [Visit(0, 5, "truck"), Visit(20, 30)],
    "sub/d": [Visit(0, 4)],
}
FRAMES = {"a": 40, "b": 60, "c": 30, "sub/d": 20}
BUS = {
    name: [i for visit in visits if visit.label == "bus" for i in range(visit.start, visit.stop)]
    for name, visits in VISITS.items()
}
SQL = "SELECT FRAMES FROM 'cams/*.mp4' WHERE contains('bus')"


class Oracles:
    """Knows which clip it sees by the size of the pictures; `seen` says what it was asked about."""

    labels = LABELS

    def __init__(self, clips, fingerprint=None):
        self.names = {clip.size: name for name, clip in clips.items()}
        self.oracles = {name: Oracle(clip) for name, clip in clips.items()}
        if fingerprint is not None:
            self.fingerprint = fingerprint

    def __call__(self, frames):
        return self.oracles[self.names[frames.shape[2], frames.shape[1]]](frames)

    @property
    def seen(self):
        return {name: sorted(o.frames_seen) for name, o in self.oracles.items() if o.frames_seen}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("globs")
    (folder / "sub").mkdir()
    return {
        name: make_clip(folder / f"{name}.mp4", FRAMES[name], size=SIZES[name], visits=visits)
        for name, visits in VISITS.items()
    }


@pytest.fixture
def cams(clips, tmp_path, monkeypatch):
    """A folder of its own for each test, reached as `cams`."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(clips["a"].path.parent, "cams")
    return Path("cams")


@pytest.fixture
def oracles(clips):
    return Oracles(clips)


@pytest.fixture
def connect(cams, oracles):
    def connect(model=oracles, **settings):
        con = vqe.connect(device="cpu", **settings)
        con.register_model("oracle", model)
        return con

    return connect


@pytest.fixture
def con(connect):
    return connect()


@pytest.fixture
def opened(monkeypatch):
    """The files that are looked into, each time."""
    files = []
    av_open, fingerprint = av.open, resources.fingerprint

    def noting(function):
        def look(path, *args, **options):
            files.append(path.removeprefix("file:"))
            return function(path, *args, **options)

        return look

    monkeypatch.setattr(av, "open", noting(av_open))
    monkeypatch.setattr(resources, "fingerprint", noting(fingerprint))
    return files


def found(result):
    """The frames of each video, both in the order of the rows."""
    table = result.to_arrow_table().select(["video", "frame"])
    frames: dict[str, list[int]] = {}
    for video, frame in zip(*table.to_pydict().values(), strict=True):
        frames.setdefault(video, []).append(frame)
    return list(frames.items())


def expected(*names, holds=lambda frame: True):
    return [(VIDEO(name), [i for i in BUS[name] if holds(i)]) for name in names]


def at(name, frame):
    """Where the middle of the bus is, in shares of the width."""
    (visit,) = (visit for visit in VISITS[name] if visit.start <= frame < visit.stop)
    x0, _, x1, _ = visit.box(frame, SIZES[name])
    return (x0 + x1) / 2 / SIZES[name][0]


def text(result):
    return "\n".join(result.to_arrow_table()["plan"].to_pylist())


@pytest.mark.parametrize("accuracy", ["EXACT", "", "FNR WITHIN 5% PER FRAME"])
def test_the_files_are_one_relation_in_the_order_of_their_names(con, oracles, accuracy):
    result = con.sql(f"{SQL} {accuracy}")
    assert found(result) == expected("a", "b", "c")
    assert oracles.seen == {name: list(range(FRAMES[name])) for name in "abc"}
    assert result.profile.rows == result.to_arrow_table().num_rows == 43


def test_rows_without_pixels(con, oracles):
    table = con.sql("SELECT * FROM 'cams/*.mp4'").to_arrow_table()
    assert table.num_rows == 130
    columns = table.select(["video", "frame"]).to_pydict()
    assert columns["video"] == [VIDEO(name) for name in "abc" for _ in range(FRAMES[name])]
    assert columns["frame"] == [i for name in "abc" for i in range(FRAMES[name])]
    assert oracles.seen == {}


def test_folders_below(con):
    both = [f"cams/{name}.mp4" for name in ("a", "b", "c", "sub/d")]
    for pattern in ("cams/**/*.mp4", "./cams/**"):
        rows = found(con.sql(f"SELECT frame, video FROM '{pattern}' WHERE frame = 3"))
        assert [os.path.normpath(video) for video, _ in rows] == both
    assert found(con.sql(SQL.replace("*.mp4", "**/[bd].mp4"))) == expected("b", "sub/d")
    assert found(con.sql(SQL.replace("*", "?"))) == expected("a", "b", "c")


def test_links_give_no_file_twice(con, cams):
    """Neither those that lead in circles, of which two in one folder would never end."""
    (cams / "again").symlink_to(".")
    (cams / "once more").symlink_to("..")
    (cams / "sub" / "up").symlink_to(cams.resolve())
    (cams / "0.mp4").symlink_to("c.mp4")
    (cams / "gone.mp4").symlink_to("nowhere.mp4")
    every = [(f"cams/{name}.mp4", [3]) for name in ("0", "a", "b", "sub/d")]
    for pattern in ("cams/**/*.mp4", "cams/**", "cams/**/**/*.mp4", "**/cams/**/?.mp4"):
        rows = con.sql(f"SELECT frame, video FROM '{pattern}' WHERE frame = 3")
        assert found(rows) == every, pattern
    rows = con.sql("SELECT frame, video FROM 'cams/*.mp4' WHERE frame = 3")
    assert found(rows) == every[:3]
    rows = con.sql("SELECT frame, video FROM 'cams/again/*.mp4' WHERE frame = 3")
    assert found(rows) == [(f"cams/again/{name}.mp4", [3]) for name in "0ab"]


def test_stars_mean_what_glob_takes_them_for(con, cams):
    (cams / ".hidden").mkdir()
    (cams / "sub" / "[x]" / "y").mkdir(parents=True)
    for place in (".a", ".hidden/b", "sub/[x]/c", "sub/[x]/y/d"):
        shutil.copy(cams / "a.mp4", cams / f"{place}.mp4")
    for pattern in (
        *("cams/**", "**", "**/*.mp4", "./**/sub/**/*.mp4", "cams/**/y/*", "cams/*/**/c.mp4"),
        *("cams/**/[[]x]/**", "cams/**/.*.mp4", "cams//**//d.mp4", "c**/a.mp4"),
    ):
        wanted = sorted(path for path in glob(pattern, recursive=True) if os.path.isfile(path))
        videos = con._catalog.video(pattern).members
        assert sorted(map(os.path.normpath, wanted)) == [
            os.path.normpath(video.path) for video in videos
        ], pattern
    for pattern in ("cams/**/", "nowhere/**", "cams/a.mp4/**/x"):
        with pytest.raises(vqe.VideoNotFoundError):
            con._catalog.video(pattern)


@pytest.fixture
def odd(cams):
    """A file between a and b whose name is no UTF-8."""
    name = os.fsencode(cams) + b"/a\xff.mp4"
    try:
        shutil.copy(os.fsencode(cams / "b.mp4"), name)
    except OSError:
        pytest.skip("the file system takes no such names")
    return os.fsdecode(name)


ODD = r"'cams/a\\udcff\.mp4' has a name that is no valid UTF-8"


@pytest.mark.parametrize("sql", [f"{SQL} EXACT", SQL, "SELECT video, frame FROM 'cams/*.mp4'"])
def test_a_name_that_is_no_utf8_ends_the_query(con, odd, sql):
    batches = iter(con.sql(sql))
    assert set(next(batches)["video"].to_pylist()) == {VIDEO("a")}
    with pytest.raises(vqe.VideoError, match=ODD):
        deque(batches)
    with pytest.raises(vqe.VideoError, match=ODD):
        con.sql(f"EXPLAIN {SQL}").to_arrow_table()
    with pytest.raises(vqe.VideoError, match=ODD):
        con.sql("SELECT frame FROM $video", {"video": odd})
    with pytest.raises(vqe.VideoError, match="no valid UTF-8"):
        con.sql("SELECT frame FROM $video", {"video": odd + "/*"})


@pytest.mark.parametrize("rest", ["EXACT", "", "AND video <> 'cams/x.mp4' EXACT"])
def test_or_is_skipped(connect, odd, rest):
    con = connect(on_damage="skip")
    assert len(found(con.sql("SELECT video, frame FROM 'cams/b.mp4'"))) == 1  # known by content
    result = con.sql(f"{SQL} {rest}")
    with pytest.warns(vqe.DamagedVideoWarning, match=rf"skipped: {ODD}"):
        assert found(result) == expected("a", "b", "c")
    assert list(result.profile.skipped) == [r"cams/a\udcff.mp4"]
    assert r"skipped: 'cams/a\udcff.mp4'" in result.explain()
    plan = text(con.sql(f"EXPLAIN {SQL}"))
    (line,) = (line for line in plan.splitlines() if line.startswith(r"a\udcff.mp4"))
    assert "skipped: it cannot be read" in line
    with pytest.warns(vqe.DamagedVideoWarning, match=ODD):
        assert len(found(con.sql("SELECT video, frame FROM 'cams/*.mp4'"))) == 3
    assert found(con.sql(f"{SQL} AND video = 'cams/c.mp4'")) == expected("c")


def test_a_registered_pattern(con, cams):
    con.register("yard", "cams/*.mp4")
    con.register("paths", cams / "[ab].mp4")
    assert found(con.sql(SQL.replace("'cams/*.mp4'", "Yard"))) == expected("a", "b", "c")
    assert found(con.sql(SQL.replace("'cams/*.mp4'", "paths"))) == expected("a", "b")
    shutil.copy(cams / "a.mp4", cams / "aa.mp4")  # what is there when the query is made
    assert len(found(con.sql("SELECT video, frame FROM yard"))) == 4
    with pytest.raises(vqe.VideoNotFoundError, match="no file matches"):
        con.register("lobby", "lobby/*.mp4")


def test_a_file_whose_name_looks_like_a_pattern(con, cams):
    shutil.copy(cams / "a.mp4", cams / "[a].mp4")
    assert found(con.sql(SQL.replace("*", "[a]"))) == [(VIDEO("[a]"), BUS["a"])]


@pytest.mark.parametrize("accuracy", ["EXACT", ""])
def test_limit_does_not_open_later_files(con, oracles, opened, accuracy):
    result = con.sql(f"{SQL} LIMIT 12 {accuracy}")
    assert opened == []  # nor is any file opened before the rows are wanted
    assert found(result) == [(VIDEO("a"), BUS["a"]), (VIDEO("b"), [3, 4])]
    assert set(opened) == {VIDEO("a"), VIDEO("b")}
    assert list(oracles.seen) == ["a", "b"]
    assert len(oracles.seen["b"]) < FRAMES["b"]
    assert [video.video for video in result.profile.videos] == [VIDEO("a"), VIDEO("b")]
    assert decoding_threads() == []


def test_a_later_file_is_planned_for_the_rows_that_are_missing(connect, oracles):
    """Its leading frames may hold those, where they do not hold all that LIMIT says."""
    con = connect()
    result = con.sql(f"{SQL} LIMIT 12")
    assert found(result) == [(VIDEO("a"), BUS["a"]), (VIDEO("b"), [3, 4])]
    _, b = result.profile.videos
    assert b.reason == "the leading frames hold all rows of LIMIT 2"
    assert max(oracles.seen["b"]) < 30
    # How many rows a filter lets through is unknown.
    result = con.sql(f"{SQL} AND 100 // (frame + 1) >= 0 LIMIT 12")
    assert found(result) == [(VIDEO("a"), BUS["a"]), (VIDEO("b"), [3, 4])]
    assert not any("LIMIT" in video.reason for video in result.profile.videos)


def test_limit_without_pixels_does_not_open_later_files(con, cams, opened):
    (cams / "b.mp4").write_bytes(b"no video at all")
    assert found(con.sql("SELECT video, frame FROM 'cams/*.mp4' LIMIT 3")) == [
        (VIDEO("a"), [0, 1, 2])
    ]
    assert set(opened) == {VIDEO("a")}


def test_a_result_that_is_left_early_closes_its_file(con, opened):
    result = con.sql(f"{SQL} EXACT")
    assert next(iter(result))["video"][0].as_py() == VIDEO("a")
    result.close()
    assert set(opened) == {VIDEO("a")}
    assert not is_open(Path("cams/a.mp4").resolve())
    assert decoding_threads() == []


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("video = 'cams/b.mp4'", "b"),
        ("'cams/b.mp4' = video", "b"),
        ("video <> 'cams/a.mp4'", "bc"),
        ("video IN ('cams/c.mp4', 'cams/a.mp4', 'elsewhere.mp4')", "ac"),
        ("video BETWEEN 'cams/b' AND 'cams/bz'", "b"),
        ("NOT (video = 'cams/b.mp4' OR video = 'cams/c.mp4')", "a"),
        ("coalesce(video, '') > 'cams/b'", "bc"),
        ("video = ?", "c"),
        ("video = 'cams/d.mp4'", ""),
        ("video IS NULL", ""),
    ],
)
def test_a_condition_on_the_name_rules_files_out_unopened(con, oracles, opened, condition, names):
    params = ["cams/c.mp4"] if "?" in condition else None
    result = con.sql(f"{SQL} AND {condition} EXACT", params)
    assert found(result) == expected(*names)
    assert set(opened) == {VIDEO(name) for name in names}
    assert list(oracles.seen) == list(names)
    sql = f"SELECT video, frame FROM 'cams/*.mp4' WHERE frame < 2 AND {condition}"
    assert found(con.sql(sql, params)) == [(VIDEO(name), [0, 1]) for name in names]


def test_conditions_on_frames_hold_for_each_file(con, oracles):
    assert found(con.sql(f"{SQL} AND frame BETWEEN 4 AND 24 EXACT")) == expected(
        "a", "b", "c", holds=lambda i: 4 <= i <= 24
    )
    assert oracles.seen == {name: list(range(4, 25)) for name in "abc"}
    mixed = "(video = 'cams/a.mp4' OR frame % 2 = 0) AND frame < 32"
    assert found(con.sql(f"{SQL} AND {mixed} EXACT")) == [
        (VIDEO("a"), BUS["a"]),
        (VIDEO("b"), [4, 30]),
        (VIDEO("c"), [20, 22, 24, 26, 28]),
    ]
    beyond = con.sql("SELECT video, frame FROM 'cams/*.mp4' WHERE frame >= 38")
    assert found(beyond) == [(VIDEO("a"), [38, 39]), (VIDEO("b"), list(range(38, 60)))]


def test_a_region_in_shares_fits_every_size(con):
    left = con.sql(SQL.replace("'bus'", "'bus', region => box(0, 0, 0.76, 1)") + " EXACT")
    wanted = [(VIDEO(name), [i for i in BUS[name] if at(name, i) < 0.76]) for name in "abc"]
    assert found(left) == [(video, frames) for video, frames in wanted if frames]
    assert 0 < sum(len(frames) for _, frames in wanted) < 43
    whole = con.sql(SQL.replace("'bus'", "'bus', region => box(0, 0, 1, 1)"))
    assert found(whole) == expected("a", "b", "c")


def test_a_region_that_no_picture_can_have(con):
    with pytest.raises(vqe.BindError, match="x0 < x1") as raised:
        con.sql(SQL.replace("'bus'", "'bus', region => box(20, 0, 10, 5)"))
    assert str(raised.value).splitlines()[2] == "  " + " " * raised.value.offset + "^"
    assert raised.value.sql[raised.value.offset :].startswith("box(20")


def test_a_region_in_pixels_that_one_picture_does_not_have(con):
    sql = SQL.replace("'bus'", "'bus', region => box(200, 0, 240, 160)")
    message = r"in 'cams/a\.mp4', the box lies outside the 160×120 frame"
    with pytest.raises(vqe.BindError, match=message):
        con.sql(sql).to_arrow_table()
    assert found(con.sql(f"{sql} AND video = 'cams/b.mp4' EXACT")) == [
        (VIDEO("b"), [i for i in BUS["b"] if at("b", i) > 200 / 240])
    ]


@pytest.mark.parametrize("source", ["nowhere/*.mp4", "cams/*.mkv", "cams/[x-z].mp4"])
def test_no_match(con, source):
    sql = SQL.replace("cams/*.mp4", source)
    with pytest.raises(vqe.VideoNotFoundError) as raised:
        con.sql(sql)
    assert str(raised.value).splitlines() == [
        f"Video error: no file matches '{source}'",
        f"  {sql}",
        "  " + " " * sql.index("'") + "^",
    ]


NO_VIDEOS = {"text": b"a list of cameras\n" * 99, "empty": b"", "cut": None}


@pytest.fixture(params=NO_VIDEOS)
def broken(request, cams):
    """A file between a and b that is no video."""
    content = NO_VIDEOS[request.param]
    path = cams / "aa.mp4"
    path.write_bytes((cams / "a.mp4").read_bytes()[:200] if content is None else content)
    return path


@pytest.mark.parametrize("sql", [f"{SQL} EXACT", SQL, "SELECT video, frame FROM 'cams/*.mp4'"])
def test_a_file_that_is_no_video_ends_the_query(con, broken, sql):
    batches = iter(con.sql(sql))
    assert set(next(batches)["video"].to_pylist()) == {VIDEO("a")}
    with pytest.raises(vqe.VideoError, match=rf"'{broken}'") as raised:
        deque(batches)
    assert not isinstance(raised.value, vqe.DamagedVideoError)
    assert decoding_threads() == []


@pytest.mark.parametrize("by_set", [True, False])
def test_or_is_skipped_with_a_warning(connect, broken, by_set):
    con = connect() if by_set else connect(on_damage="skip")
    if by_set:
        con.sql("SET on_damage = 'skip'")
    result = con.sql(SQL)
    with pytest.warns(vqe.DamagedVideoWarning, match=rf"skipped: '{broken}'") as warned:
        rows = found(result)
    assert len(warned) == 1
    assert rows == expected("a", "b", "c")
    profile = result.profile
    assert list(profile.skipped) == [str(broken)]
    assert f"'{broken}'" in profile.skipped[str(broken)]
    assert [video.video for video in profile.videos] == [VIDEO(name) for name in "abc"]
    assert f"skipped: {profile.skipped[str(broken)]}" in result.explain()
    index = con.sql("SELECT video, frame FROM 'cams/*.mp4' WHERE frame < 1")
    with pytest.warns(vqe.DamagedVideoWarning, match=rf"'{broken}'"):
        assert found(index) == [(VIDEO(name), [0]) for name in "abc"]
    assert list(index.profile.skipped) == [str(broken)]


@pytest.mark.parametrize(("count", "videos"), [(2, {"a", "b"}), (9, {"a", "b", "c"})])
def test_or_while_rows_far_apart_are_searched_for(connect, broken, count, videos):
    """By the search alone, and where it finds too few by the scan behind it, told of once."""
    sql = f"{SQL} LIMIT {count} GAP 500 FRAMES"
    with pytest.raises(vqe.VideoError, match=rf"'{broken}'"):
        found(connect().sql(sql))
    result = connect(on_damage="skip").sql(sql)
    with pytest.warns(vqe.DamagedVideoWarning, match=rf"skipped: '{broken}'") as warned:
        rows = found(result)
    assert len(warned) == 1
    assert [video for video, frames in rows if frames] == [VIDEO(name) for name in sorted(videos)]
    assert list(result.profile.skipped) == [str(broken)]


def test_a_file_that_vanishes_is_skipped_as_well(connect, cams):
    result = connect(on_damage="skip").sql(SQL)
    (cams / "b.mp4").unlink()
    with pytest.warns(vqe.DamagedVideoWarning, match=r"no such file: 'cams/b\.mp4'"):
        assert found(result) == expected("a", "c")
    assert list(result.profile.skipped) == [VIDEO("b")]


def test_damage_is_told_of_all_files_behind_the_rows_of_all(con, cams):
    spoil(cams / "a.mp4", slice(25, 26))
    spoil(cams / "b.mp4", slice(36, 40))
    result = con.sql(f"{SQL} EXACT")
    with pytest.raises(vqe.DamagedVideoError, match=r"'cams/a\.mp4'.*\n.*'cams/b\.mp4'") as raised:
        result.to_arrow_table()
    rows = raised.value.table.select(["video", "frame"]).to_pydict()
    lost = {
        name: {i for start, stop in spans for i in range(start, stop)}
        for name, spans in raised.value.lost_in.items()
    }
    assert list(lost) == [VIDEO("a"), VIDEO("b")]
    assert {25} <= lost[VIDEO("a")] <= set(range(25, 36))
    assert set(range(36, 40)) <= lost[VIDEO("b")] <= set(range(36, 48))
    assert raised.value.lost == tuple(
        span for spans in raised.value.lost_in.values() for span in spans
    )
    wanted = {
        VIDEO(name): [i for i in BUS[name] if i not in lost.get(VIDEO(name), ())] for name in "abc"
    }
    assert rows["video"] == [video for video, numbers in wanted.items() for _ in numbers]
    assert rows["frame"] == [i for numbers in wanted.values() for i in numbers]
    assert [video.video for video in result.profile.videos] == [VIDEO(name) for name in "abc"]


def test_or_it_is_read_around_the_damage(connect, cams):
    spoil(cams / "b.mp4", slice(36, 40))
    result = connect(on_damage="skip").sql(f"{SQL} EXACT")
    with pytest.warns(vqe.DamagedVideoWarning, match=r"in 'cams/b\.mp4', \d+ frames cannot"):
        rows = dict(found(result))
    a, b, c = result.profile.videos
    lost = {i for span in b.lost for i in range(span.start_frame, span.stop_frame)}
    assert set(range(36, 40)) <= lost <= set(range(36, 48))
    assert rows[VIDEO("b")] == [i for i in BUS["b"] if i not in lost]
    assert [rows[VIDEO("a")], rows[VIDEO("c")]] == [BUS["a"], BUS["c"]]
    assert (a.lost, c.lost, result.profile.skipped) == ((), (), {})
    assert result.profile.lost == len(lost)
    assert f"lost in 'cams/b.mp4': {len(lost)} frames, 36–" in result.explain()


def test_the_profile_has_an_entry_for_each_video(con):
    result = con.sql(f"{SQL} AND frame < 35 EXACT")
    assert (result.profile.videos, result.profile.plan) == ((), "not planned yet")
    result.to_arrow_table()
    profile = result.profile
    assert [video.video for video in profile.videos] == [VIDEO(name) for name in "abc"]
    for video, frames in zip(profile.videos, (35, 35, 30), strict=True):
        assert (video.plan, video.reason) == ("no cascade", "EXACT asks the reference network")
        assert [stage.name for stage in video.stages] == ["decode", "oracle"]
        assert video.stages[0].frames_in >= frames
        assert [video.stages[1].frames_in, video.stages[1].decided] == [frames, frames]
        assert (video.lost, video.doubtful, video.labels_to_plan) == ((), (), 0)
    assert [stage.name for stage in profile.stages] == ["decode", "oracle"]
    assert (profile.stages[1].frames_in, profile.reference_calls) == (100, 100)
    assert (profile.plan, profile.reason, profile.skipped) == ("no cascade", "", {})
    assert [video["video"] for video in profile.to_dict()["videos"]] == [VIDEO(n) for n in "abc"]


def test_nothing_is_planned_where_all_files_are_ruled_out(con):
    result = con.sql(f"{SQL} AND video = 'elsewhere.mp4'")
    assert result.to_arrow_table().num_rows == 0
    assert result.profile.videos == ()
    assert "0 files" in result.explain()
    assert result.profile.plan == "nothing to plan"


@pytest.mark.parametrize("accuracy", ["EXACT", ""])
def test_what_was_learned_of_each_video_is_used_again(connect, clips, accuracy):
    oracles = Oracles(clips, fingerprint="oracles")
    con = connect(oracles)
    first = con.sql(f"{SQL} {accuracy}").to_arrow_table()
    asked = oracles.seen
    again = con.sql(f"{SQL} {accuracy}")
    second = again.to_arrow_table()
    assert oracles.seen == asked
    assert first.drop_columns("decided_by") == second.drop_columns("decided_by")
    assert set(second["decided_by"].to_pylist()) == {"cache"}
    assert (again.profile.reference_calls, again.profile.labels_from_store) == (0, 130)
    assert all(video.stages[0].frames_in == 0 for video in again.profile.videos)
    if not accuracy:
        assert {video.reason for video in again.profile.videos} == {"stored plan"}
    # A file alone is the same video as in a pattern.
    assert found(con.sql(SQL.replace("*", "b") + " EXACT")) == expected("b")
    assert oracles.seen == asked


def test_files_of_the_same_content_are_asked_about_once(connect, clips, cams):
    shutil.copy(cams / "a.mp4", cams / "aa.mp4")
    oracles = Oracles(clips, fingerprint="oracles")
    rows = found(connect(oracles).sql(f"{SQL} EXACT"))
    assert rows == [(VIDEO("a"), BUS["a"]), (VIDEO("aa"), BUS["a"]), *expected("b", "c")]
    assert oracles.seen["a"] == list(range(FRAMES["a"]))


def test_cancelling_between_files(con, oracles):
    result = con.sql(f"{SQL} EXACT")
    batches = iter(result)
    while next(batches)["video"][0].as_py() != VIDEO("b"):
        pass
    result.cancel()
    with pytest.raises(vqe.QueryCancelledError):
        deque(batches)
    assert "c" not in oracles.seen
    assert decoding_threads() == []


def test_explain_before(con, oracles):
    plan = text(con.sql(f"EXPLAIN {SQL} AND video < 'cams/c' EXACT"))
    assert "Scan 'cams/*.mp4' (3 files)" in plan
    assert "in cams:" in plan
    lines = {line.split()[0]: line for line in plan.splitlines() if line}
    assert "oracle on each of 40 frames" in lines["a.mp4"]
    assert "oracle on each of 60 frames" in lines["b.mp4"]
    assert lines["b.mp4"].split()[-1] == "60"
    assert "c.mp4" not in lines  # ruled out by its name
    assert oracles.seen == {}
    assert "the packet index answers" in text(con.sql("EXPLAIN SELECT * FROM 'cams/*.mp4'"))
    assert "rules out every file" in text(con.sql(f"EXPLAIN {SQL} AND video = 'x'"))


def test_explain_before_files_are_skipped(connect, broken):
    plan = text(connect(on_damage="skip").sql(f"EXPLAIN {SQL}"))
    (line,) = (line for line in plan.splitlines() if line.startswith("aa.mp4"))
    assert "skipped: it cannot be read" in line
    with pytest.raises(vqe.VideoError, match=rf"'{broken}'"):
        connect().sql(f"EXPLAIN {SQL}").to_arrow_table()


def test_explain_after(con):
    plan = text(con.sql(f"EXPLAIN ANALYZE {SQL} EXACT"))
    lines = [line.split() for line in plan.splitlines()]
    assert "Concat 'cams/*.mp4' 3 files, one after the other" in plan
    assert "in cams:" in plan
    for name in "abc":
        (line,) = (line for line in lines if line[:1] == [f"{name}.mp4"])
        assert {"no", "cascade", str(FRAMES[name])} <= set(line)
    (oracle,) = (line for line in lines if line[:1] == ["oracle"])
    assert oracle[1] == "130"
    assert "predicted" not in plan  # nothing was
    assert "asked about 130 frames" in plan
    assert "for 43 rows" in plan


def test_explain_after_files_were_skipped(connect, broken):
    con = connect(on_damage="skip")
    with pytest.warns(vqe.DamagedVideoWarning):
        plan = text(con.sql(f"EXPLAIN ANALYZE {SQL} EXACT"))
    assert f"skipped: '{broken}'" in plan
    assert "for 43 rows" in plan


def test_the_steps_of_different_cascades_end_in_the_network():
    def scan(video, *names):
        return ScanMetrics(video, StageMetrics("decode", 9), [StageMetrics(n, 3) for n in names])

    stages = Metrics(scans=[scan("short", "oracle"), scan("long", "mse", "oracle")]).stages
    counts = [(stage.name, stage.frames_in) for stage in stages]
    assert counts == [("decode", 18), ("mse", 3), ("oracle", 6)]
    assert Metrics().stages == []


def test_batches_hold_rows_of_one_file(con):
    batches = list(con.sql("SELECT video, frame FROM 'cams/*.mp4'"))
    assert [batch.num_rows for batch in batches] == [40, 60, 30]
    con.sql("SET batch_size = 25")
    batches = list(con.sql("SELECT video, frame FROM 'cams/*.mp4'"))
    assert [batch.num_rows for batch in batches] == [25, 15, 25, 25, 10, 25, 5]
    assert all(len(set(batch["video"].to_pylist())) == 1 for batch in batches)
