"""What is decoded for a query: no more than its conditions on the packet index leave to look at."""

from __future__ import annotations

import shutil
import threading
import time
from datetime import timedelta

import numpy as np
import pytest
from clips import LABELS, Clip, Oracle, Visit, make_clip, read_number
from probes import decoding_threads, is_open

import vqe
from vqe.planner import learning, resources
from vqe.planner.decoding import choose_decoding
from vqe.statistics.units import count_errors
from vqe.video import reader
from vqe.video.indexing import build_index

COLUMNS = "video, frame, timestamp, pts, keyframe, score"
EVERYWHERE = "contains('cat', min_score => 0.1)"  # its shadow is in each frame


def rows(con, rest, what="contains('bus')", source="clip"):
    return con.sql(f"SELECT {COLUMNS} FROM {source} WHERE {what} {rest}").to_arrow_table()


def seconds(value):
    return timedelta(seconds=value)


CONDITIONS = {
    "keyframe": lambda row: row["keyframe"],
    "NOT keyframe": lambda row: not row["keyframe"],
    "frame % 25 = 0": lambda row: row["frame"] % 25 == 0,
    "frame % 25 <> 0 AND keyframe": lambda row: row["frame"] % 25 and row["keyframe"],
    "frame IN (3, 21, 22, 90, 500)": lambda row: row["frame"] in (3, 21, 22, 90),
    "(frame = 20 OR frame >= 90)": lambda row: row["frame"] == 20 or row["frame"] >= 90,
    "frame BETWEEN 40 AND 80 AND frame % 2 = 1": lambda row: row["frame"] in range(41, 81, 2),
    "pts > 100000 AND pts <= 130000": lambda row: 100_000 < row["pts"] <= 130_000,
    "pts % 3 = 0": lambda row: row["pts"] % 3 == 0,
    "timestamp >= INTERVAL '2 seconds' AND timestamp < INTERVAL '3500 milliseconds'": (
        lambda row: seconds(2) <= row["timestamp"] < seconds(3.5)
    ),
    "NOT timestamp BETWEEN '00:00:03' AND '00:00:09'": (
        lambda row: not seconds(3) <= row["timestamp"] <= seconds(9)
    ),
    "timestamp * 2 = '00:00:05'": lambda row: row["frame"] == 25,
    "keyframe AND frame > 30 AND timestamp < '00:00:09'": (
        lambda row: row["keyframe"] and 30 < row["frame"] < 90
    ),
    "CASE WHEN keyframe THEN frame > 20 ELSE frame % 30 = 21 END": (
        lambda row: row["frame"] > 20 if row["keyframe"] else row["frame"] % 30 == 21
    ),
    "video = 'clip' AND time IS NULL AND frame < 22": lambda row: row["frame"] < 22,
    "video <> 'clip'": lambda row: False,
    "frame < 0": lambda row: False,
    "timestamp > NULL": lambda row: False,
}


@pytest.mark.slow
@pytest.mark.parametrize("accuracy", ["EXACT", ""])
@pytest.mark.parametrize("condition", CONDITIONS)
def test_only_frames_that_fit_are_looked_at(con, clip, oracle, condition, accuracy):
    fits = CONDITIONS[condition]
    everything = con.sql("SELECT * FROM clip").to_arrow_table().to_pylist()
    wanted = [row["frame"] for row in everything if fits(row)]
    expected = [row for row in rows(con, "EXACT").to_pylist() if fits(row)]
    oracle.frames_seen.clear()
    result = con.sql(f"SELECT {COLUMNS} FROM clip WHERE {condition} AND contains('bus') {accuracy}")
    assert result.to_arrow_table().to_pylist() == expected
    assert oracle.frames_seen == wanted
    if not wanted:
        assert not result.profile.stages  # there is nothing to plan
        return
    decode, network = result.profile.stages
    work = choose_decoding(build_index(str(clip.path)), np.array(wanted, np.int64)).work
    # What is only offered to the decoder it may skip.
    assert work.decoded - work.offered <= decode.frames_in <= work.decoded
    assert network.frames_in == len(wanted)


def test_key_frames_are_decoded_alone(con, oracle):
    result = con.sql("SELECT frame FROM clip WHERE contains('bus') AND keyframe EXACT")
    assert result.to_arrow_table()["frame"].to_pylist() == [24, 36, 84]
    assert oracle.frames_seen == list(range(0, 120, 12))
    assert result.profile.stages[0].frames_in == 10


def test_explain_predicts_what_is_decoded(con):
    sql = "SELECT frame FROM clip WHERE contains('bus') AND keyframe EXACT"
    plan = con.sql(f"EXPLAIN {sql}").to_arrow_table()["plan"].to_pylist()
    assert any("where keyframe AND contains('bus'" in line for line in plan)
    (chosen,) = (line for line in plan if "this one" in line)
    assert "10" in chosen.split()


def test_conditions_on_both_sides_of_contains(con, oracle):
    sql = "frame % 5 = 0 AND contains('bus', min_score => 0.8) AND NOT keyframe AND frame > 20"
    found = con.sql(f"SELECT frame FROM clip WHERE {sql} EXACT").to_arrow_table()
    assert found["frame"].to_pylist() == [40, 90]
    assert oracle.frames_seen == [i for i in range(25, 120, 5) if i % 12]


def test_limit_counts_frames_that_fit(con, oracle):
    result = con.sql("SELECT frame FROM clip WHERE contains('bus') AND frame % 3 = 0 LIMIT 4 EXACT")
    assert result.to_arrow_table()["frame"].to_pylist() == [21, 24, 27, 30]
    assert oracle.frames_seen == list(range(0, 36, 3))  # three calls of four frames


def test_labels_of_one_condition_serve_another(con, clip):
    oracle = Oracle(clip, fingerprint="oracle")
    con.register_model("oracle", oracle)
    rows(con, "AND frame % 2 = 0 EXACT")
    result = con.sql("SELECT frame FROM clip WHERE contains('bus') AND frame % 3 = 0 EXACT")
    assert result.to_arrow_table()["frame"].to_pylist() == [
        i for i in range(0, 120, 3) if clip.present("bus")[i]
    ]
    assert oracle.frames_seen == [*range(0, 120, 2), *range(3, 120, 6)]
    assert result.profile.labels_from_store == 20


@pytest.mark.parametrize("condition", ["", "AND frame % 7 = 3", "AND keyframe"])
def test_the_number_of_threads_changes_nothing(connect, clip, condition):
    tables, seen = [], []
    for threads in (1, 2, 4, None):
        oracle = Oracle(clip)
        con = connect(decode_threads=threads)
        con.register_model("oracle", oracle)
        tables.append(rows(con, f"{condition} EXACT"))
        seen.append(oracle.frames_seen)
        assert decoding_threads() == []
    assert all(table == tables[0] for table in tables)
    assert all(frames == seen[0] for frames in seen)


# A longer clip, and a network that is slow enough for a cascade.

FRAMES, FPS = 2400, 10
ASKED = "frame % 2 = 0 AND frame >= 200"
BOUNDS = "FNR WITHIN 5% FDR WITHIN 5%"


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory):
    """Four minutes, a bus in 40 % of them."""
    rng = np.random.default_rng(5)
    visits, start = [], 15
    while start < FRAMES - 80:
        stop = start + int(rng.integers(30, 60))
        visits.append(Visit(start, stop))
        start = stop + int(rng.integers(40, 90))
    path = tmp_path_factory.mktemp("decoding") / "long.mp4"
    return make_clip(path, FRAMES, size=(96, 80), gop=50, visits=visits)


@pytest.fixture(scope="module")
def planned(long_clip):
    """A connection that has planned a query for every other frame, its oracle and its result."""
    oracle = Oracle(long_clip, fingerprint="oracle", seconds=0.01)
    con = vqe.connect(device="cpu", fill=False)
    con.register("long", str(long_clip.path))
    con.register_model("oracle", oracle)
    with pytest.MonkeyPatch.context() as patch:
        # How many labels pay is a matter of seconds: here the sample is as large as it gets.
        patch.setattr(learning, "_pays", lambda *_: True)
        result = con.sql(long_sql())
        result.to_arrow_table()
    return con, oracle, result


def long_sql():
    return f"SELECT FRAMES FROM long WHERE contains('bus') AND {ASKED} {BOUNDS}"


@pytest.mark.slow
def test_a_cascade_is_about_the_frames_asked_for(long_clip, planned):
    _, oracle, result = planned
    table, profile = result.to_arrow_table(), result.profile
    asked = np.arange(200, FRAMES, 2)
    assert profile.plan != "no cascade"
    assert set(oracle.frames_seen) <= set(asked.tolist())
    assert len(oracle.frames_seen) == len(set(oracle.frames_seen)) < 0.9 * len(asked)
    assert profile.labels_to_plan < 0.7 * len(asked)
    found = table["frame"].to_numpy()
    assert np.isin(found, asked).all()
    answer = np.isin(asked, found)
    errors = count_errors(long_clip.present("bus")[asked], answer, asked // FPS)
    assert errors.units == 220
    assert errors.fnr <= 0.05
    assert errors.fdr <= 0.05
    decode, first = profile.stages[:2]
    assert first.frames_in == len(asked) - profile.labels_to_plan
    assert decode.frames_in <= FRAMES


@pytest.mark.slow
def test_the_stored_plan_gives_the_same_rows_with_any_number_of_threads(planned):
    con, oracle, result = planned
    first = result.to_arrow_table().drop_columns(["decided_by", "score"])
    n_asked = len(oracle.frames_seen)
    tables = []
    for threads in (1, 2, 4):
        con.sql("SET decode_threads = ?", [threads])
        again = con.sql(long_sql())
        tables.append(again.to_arrow_table())
        assert again.profile.reason == "stored plan"
        assert again.profile.plan == result.profile.plan
    con.sql("SET decode_threads = DEFAULT")
    assert tables[0].drop_columns(["decided_by", "score"]) == first
    assert tables[1] == tables[0]
    assert tables[2] == tables[0]
    assert len(oracle.frames_seen) == n_asked


@pytest.mark.slow
def test_another_range_is_another_plan(planned):
    con, _, _ = planned
    same = con.sql("EXPLAIN " + long_sql()).to_arrow_table()["plan"].to_pylist()
    other = con.sql("EXPLAIN " + long_sql().replace("% 2 = 0", "% 2 = 1")).to_arrow_table()
    assert any("stored plan" in line for line in same)
    assert not any("stored plan" in line for line in other["plan"].to_pylist())


# Stopping.


@pytest.fixture
def decoders(monkeypatch):
    """All decoders at work on rows; each packet takes as long as `pace` says."""
    made = []

    class Decoder(reader.Decoder):
        pace = 0.0

        def __init__(self, *args):
            super().__init__(*args)
            made.append(self)

        def _decode(self, packet, wanted):
            time.sleep(Decoder.pace)
            yield from super()._decode(packet, wanted)

    monkeypatch.setattr(reader, "Decoder", Decoder)
    made.append(Decoder)
    return made


def set_pace(decoders, seconds):
    decoders[0].pace = seconds


def decoded(decoders):
    return sum(decoder.decoded for decoder in decoders[1:])


@pytest.fixture(scope="module")
def one_group(tmp_path_factory):
    """Nine hundred frames that refer to one key frame."""
    path = tmp_path_factory.mktemp("one_group") / "one_group.mp4"
    return make_clip(path, 900, size=(80, 80), gop=900, visits=[Visit(0, 900)])


@pytest.fixture(scope="module")
def groups(tmp_path_factory):
    """Six hundred frames in groups of twelve, a bus in all."""
    path = tmp_path_factory.mktemp("groups") / "groups.mp4"
    return make_clip(path, 600, size=(80, 80), gop=12, visits=[Visit(0, 600)])


@pytest.mark.parametrize("threads", [1, 2])
def test_the_first_rows_come_before_the_file_is_read(monkeypatch, groups, decoders, threads):
    monkeypatch.setattr(reader, "READ_AHEAD_BYTES", 1)
    con = vqe.connect(device="cpu", decode_threads=threads)
    result = con.sql(
        f"SELECT FRAMES FROM {groups.sql} WHERE contains('bus') EXACT", model=Oracle(groups)
    )
    batches = iter(result)
    assert next(batches)["frame"].to_pylist() == list(range(32))
    time.sleep(0.1)  # all the time it wants to read ahead
    # A batch that was taken, one that waits, and the one that each thread has in hand.
    assert decoded(decoders) <= (2 + threads) * 32 + 12
    assert sum(batch.num_rows for batch in batches) == 568
    assert decoded(decoders) >= 600


@pytest.mark.parametrize("threads", [1, 3])
def test_closing_stops_decoding(monkeypatch, groups, decoders, threads):
    set_pace(decoders, 0.01)
    con = vqe.connect(device="cpu", decode_threads=threads)
    result = con.sql(
        f"SELECT FRAMES FROM {groups.sql} WHERE contains('bus') EXACT", model=Oracle(groups)
    )
    next(iter(result))
    before = decoded(decoders)
    result.close()
    after = decoded(decoders)
    assert after - before <= 12 * threads
    assert decoding_threads() == []
    assert not is_open(groups.path)
    assert decoded(decoders) == after < 600


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("accuracy", ["EXACT", ""])
def test_cancelling_where_nothing_comes_out(one_group, decoders, threads, accuracy):
    """The one frame that is wanted is at the end of a long group of pictures."""
    set_pace(decoders, 0.005)
    con = vqe.connect(device="cpu", decode_threads=threads)
    oracle = Oracle(one_group)
    result = con.sql(
        f"SELECT FRAMES FROM {one_group.sql} WHERE contains('bus') AND frame = 899 {accuracy}",
        model=oracle,
    )
    timer = threading.Timer(0.3, result.cancel)
    timer.start()
    clock = time.monotonic()
    with pytest.raises(vqe.QueryCancelledError):
        result.to_arrow_table()
    assert time.monotonic() - clock < 2  # reading on would take more than 4.5
    timer.join()
    assert decoded(decoders) < 450
    assert oracle.frames_seen == []
    assert decoding_threads() == []
    assert not is_open(one_group.path)


def test_a_group_is_decoded_up_to_the_last_frame_asked_for(one_group):
    con = vqe.connect(device="cpu")
    sql = f"SELECT frame FROM {one_group.sql} WHERE contains('bus') AND frame IN (3, 250) EXACT"
    result = con.sql(sql, model=Oracle(one_group))
    assert result.to_arrow_table()["frame"].to_pylist() == [3, 250]
    assert result.profile.stages[0].frames_in == 251


# Pictures.


class Camera:
    """Notes the shape of the pictures, and reports a bus at `box` in each."""

    labels = LABELS

    def __init__(self, box=(0.0, 0.0, 20.0, 20.0)):
        self.box = box
        self.pictures = []

    def __call__(self, frames):
        self.pictures += list(frames)
        return [[("bus", 0.9, *self.box)] for _ in frames]

    @property
    def shapes(self):
        return {picture.shape for picture in self.pictures}


@pytest.fixture(scope="module")
def turned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("turned")
    return {
        degrees: make_clip(folder / f"{degrees}.mp4", 10, rotation=degrees)
        for degrees in (0, 90, 180, 270)
    }


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_the_network_sees_upright_pictures(turned, degrees):
    camera = Camera()
    sql = f"SELECT FRAMES FROM {turned[degrees].sql} WHERE contains('bus') EXACT"
    assert vqe.connect(device="cpu").sql(sql, model=camera).to_arrow_table().num_rows == 10
    assert camera.shapes == {(160, 120, 3) if degrees % 180 else (120, 160, 3)}
    # Turned back, they are as they were drawn. Degrees count against the clock, as PyAV has them.
    drawn = [read_number(np.rot90(picture, -(degrees // 90))) for picture in camera.pictures]
    assert drawn == list(range(10))


def test_a_region_is_in_the_upright_picture(turned):
    con = vqe.connect(device="cpu")
    low = Camera(box=(0.0, 140.0, 20.0, 158.0))  # below the picture, were it not turned

    def found(region, model, degrees=90):
        what = f"contains('bus', region => box({region}))"
        sql = f"SELECT FRAMES FROM {turned[degrees].sql} WHERE {what} EXACT"
        return con.sql(sql, model=model).to_arrow_table().num_rows

    assert found("0, 130, 120, 160", low) == 10
    assert found("0, 0, 120, 130", low) == 0
    assert found("0, 0.9, 1, 1", low) == 10
    assert found("0, 0, 1, 1", low) == 10
    with pytest.raises(vqe.BindError, match="outside the 120×160 frame"):
        found("130, 0, 160, 120", low)
    with pytest.raises(vqe.BindError, match="outside the 160×120 frame"):
        found("0, 130, 120, 160", low, degrees=180)


def test_a_region_in_a_pattern_is_in_each_upright_picture(turned):
    con = vqe.connect(device="cpu")
    pattern = turned[0].path.with_name("*.mp4")
    what = "contains('bus', region => box(0, 0.9, 1, 1))"
    sql = f"SELECT FRAMES FROM '{pattern}' WHERE {what} EXACT"
    table = con.sql(sql, model=Camera(box=(0.0, 140.0, 20.0, 158.0))).to_arrow_table()
    # In the wide pictures the box, clipped to a line, is no part of the region.
    assert set(table["video"].to_pylist()) == {str(turned[90].path), str(turned[270].path)}


def test_batches_of_large_pictures_are_small(monkeypatch, con, clip):
    sizes = {}
    tables = {}
    for frames in (100, 5, 1, 0):
        monkeypatch.setattr(reader, "BATCH_BYTES", frames * 160 * 120 * 3 // 2)
        batches = list(con.sql(f"SELECT FRAMES FROM clip WHERE {EVERYWHERE} EXACT"))
        sizes[frames] = max(batch.num_rows for batch in batches)
        tables[frames] = [i for batch in batches for i in batch["frame"].to_pylist()]
    assert sizes[1] == sizes[0] == 1
    assert sizes[5] < 10  # what a segment leaves over may come with the next batch
    assert sizes[100] >= 32
    assert all(table == list(range(120)) for table in tables.values())


# The packet index.


@pytest.fixture
def indexed(monkeypatch):
    """The files whose index was built, each time."""
    paths = []

    def build(path, check):
        paths.append(path)
        return build_index(path, check)

    monkeypatch.setattr(resources, "build_index", build)
    return paths


def test_a_file_is_indexed_once(con, clip, indexed, tmp_path):
    for sql in (
        "SELECT * FROM clip",
        "SELECT FRAMES FROM clip WHERE contains('bus') AND frame < 5",
        "EXPLAIN SELECT FRAMES FROM clip WHERE contains('truck')",
        f"SELECT frame FROM {clip.sql} WHERE keyframe",
    ):
        con.sql(sql).to_arrow_table()
    assert indexed == [str(clip.path)]
    copy = shutil.copy(clip.path, tmp_path / "copy.mp4")
    table = con.sql(f"SELECT FRAMES FROM '{copy}' WHERE contains('bus') EXACT").to_arrow_table()
    assert set(table["video"].to_pylist()) == {str(copy)}
    assert con.sql(f"SELECT * FROM '{copy}'").to_arrow_table().num_rows == 120
    assert indexed == [str(clip.path)]


def test_a_file_that_changed_is_indexed_again(con, indexed, tmp_path):
    path = tmp_path / "clip.mp4"
    for frames in (20, 30, 30):
        make_clip(path, frames, size=(80, 80))
        table = con.sql(f"SELECT frame FROM '{path}'").to_arrow_table()
        assert table["frame"].to_pylist() == list(range(frames))
    assert indexed == [str(path)] * 2  # the last one has the content of the one before


def test_another_connection_learns_it_anew(connect, clip, indexed):
    for _ in range(2):
        connect().sql("SELECT * FROM clip").to_arrow_table()
    assert indexed == [str(clip.path)] * 2


def test_the_index_of_a_moved_file_reads_from_where_it_is(con, clip, tmp_path):
    first = shutil.copy(clip.path, tmp_path / "first.mp4")
    sql = "SELECT frame FROM '{}' WHERE contains('bus') AND frame < 25 EXACT"
    before = con.sql(sql.format(first)).to_arrow_table()
    second = shutil.move(first, tmp_path / "second.mp4")
    assert con.sql(sql.format(second)).to_arrow_table() == before


def test_many_sizes_do_not_mix(tmp_path):
    """Frames of one size each, though one reader follows the other."""
    con = vqe.connect(device="cpu")
    for size in ((80, 80), (160, 96), (96, 160)):
        clip: Clip = make_clip(tmp_path / f"{size[0]}.mp4", 5, size=size)
        camera = Camera()
        con.sql(
            f"SELECT FRAMES FROM {clip.sql} WHERE contains('bus') EXACT", model=camera
        ).to_pandas()
        assert camera.shapes == {(size[1], size[0], 3)}
