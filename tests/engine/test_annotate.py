"""Columns that need pixels: only those of the rows, and no label twice."""

from __future__ import annotations

from collections import Counter
from io import BytesIO

import av
import numpy as np
import pyarrow as pa
import pytest
from clips import Oracle, make_clip, read_number, spoil

import vqe
from vqe.video.jpeg import encode_jpeg


def picture(file: bytes) -> np.ndarray:
    with av.open(BytesIO(file)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def test_pictures_are_those_of_the_rows(con, clip, oracle):
    result = con.sql("SELECT frame, image() AS p FROM clip WHERE frame % 7 = 3 AND frame > 40")
    table = result.to_arrow_table()
    numbers = [read_number(picture(file)) for file in table["p"].to_pylist()]
    assert numbers == table["frame"].to_pylist() == list(range(45, 120, 7))
    assert not oracle.frames_seen  # a picture needs no network


def test_a_width_keeps_the_proportions(con, clip):
    table = con.sql(
        "SELECT image(width => 40) AS small, image() AS whole FROM clip WHERE frame = 9"
    ).to_arrow_table()
    assert picture(table["small"][0].as_py()).shape == (30, 40, 3)
    assert picture(table["whole"][0].as_py()).shape == (120, 160, 3)


@pytest.mark.parametrize("size", [(31, 17), (1, 1), (64, 48)])
def test_a_picture_survives_as_jpeg(size):
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    smooth = np.stack([4 * x, 4 * y, 2 * (x + y)], axis=-1).astype(np.uint8)
    back = picture(encode_jpeg(smooth))
    assert back.shape == smooth.shape
    assert np.abs(back.astype(int) - smooth).mean() < 4


def test_no_frame_is_asked_about_twice(con, oracle):
    sql = (
        "SELECT frame, objects('bus'), detections() FROM clip WHERE contains('bus') AND frame < 30"
    )
    table = con.sql(sql + " EXACT").to_arrow_table()
    assert table["frame"].to_pylist() == list(range(20, 30))
    assert sorted(oracle.frames_seen) == list(range(30))


def test_only_rows_are_looked_at(con, oracle):
    result = con.sql("SELECT frame, image(), objects('bus') FROM clip WHERE frame >= 30 LIMIT 4")
    assert result.to_arrow_table()["frame"].to_pylist() == [30, 31, 32, 33]
    assert sorted(oracle.frames_seen) == [30, 31, 32, 33]
    # From the key frame at 24 on, and what the decoder has under way.
    assert result.profile.frames_decoded < 20
    assert result.profile.reference_calls == 4


def test_labels_are_kept_for_later_queries(clip):
    oracle = Oracle(clip, fingerprint="o")
    with vqe.connect(device="cpu") as con:
        con.register("clip", str(clip.path))
        con.register_model("oracle", oracle)
        counted = "SELECT frame, objects('bus') AS n FROM clip WHERE frame BETWEEN 15 AND 24"
        first = con.sql(counted).to_arrow_table()
        assert first["n"].to_pylist() == [0] * 5 + [1] * 5
        assert con.sql(counted).to_arrow_table() == first
        frames = con.sql("SELECT frame FROM clip WHERE contains('bus') AND frame < 25 EXACT")
        assert frames.to_arrow_table()["frame"].to_pylist() == [20, 21, 22, 23, 24]
        assert max(Counter(oracle.frames_seen).values()) == 1


def test_types(con):
    schema = con.sql(
        "SELECT contains('bus'), objects('bus'), detections(), image() FROM clip"
    ).schema
    assert schema.names == ["contains('bus')", "objects('bus')", "detections()", "image()"]
    box = {name: pa.float32() for name in ("score", "x0", "y0", "x1", "y1")}
    fields = pa.struct([("label", pa.string()), *box.items()])
    assert schema.types == [pa.bool_(), pa.int64(), pa.list_(fields), pa.binary()]


def test_detections_come_with_the_highest_score_first(con):
    sql = "SELECT detections(min_score => 0.1) AS d FROM clip WHERE frame IN (7, 33)"
    nothing, bus = con.sql(sql).to_arrow_table()["d"].to_pylist()
    assert [one["label"] for one in nothing] == ["cat"]
    assert [one["label"] for one in bus] == ["bus", "cat"]
    assert bus[0]["x1"] - bus[0]["x0"] == 40


def test_a_frame_without_a_picture_has_nulls(tmp_path):
    clip = make_clip(tmp_path / "damaged.mp4", 60, gop=10)
    spoil(clip.path, slice(30, 31))
    with vqe.connect(device="cpu", on_damage="skip") as con:
        con.register_model("oracle", Oracle(clip))
        sql = f"SELECT frame, objects('bus') AS n, image() AS p FROM {clip.sql} WHERE frame > 27"
        with pytest.warns(vqe.DamagedVideoWarning):
            table = con.sql(sql).to_arrow_table()
    lost = table.filter(pa.compute.is_null(table["p"]))
    assert 30 in lost["frame"].to_pylist()
    assert lost["n"].null_count == len(lost) < 12
    with vqe.connect(device="cpu") as con:
        con.register_model("oracle", Oracle(clip))
        with pytest.raises(vqe.DamagedVideoError) as raised:
            con.sql(sql).to_arrow_table()
    assert raised.value.table["n"].null_count == len(lost)


def test_the_network_is_asked_with_full_batches(clip):
    sizes = []

    class Counting(Oracle):
        def __call__(self, frames):
            sizes.append(len(frames))
            return super().__call__(frames)

    with vqe.connect(device="cpu") as con:
        con.register_model("oracle", Counting(clip))
        con.sql(f"SELECT objects('bus') FROM {clip.sql}").to_arrow_table()
    assert sum(sizes) == 120
    assert len(set(sizes)) == 1


@pytest.mark.parametrize(
    ("sql", "frames", "made"),
    [
        (
            "SELECT frame, image() AS i FROM clip ORDER BY objects('bus') DESC, frame LIMIT 1",
            [20],
            1,
        ),
        (
            "SELECT frame, i IS NULL AS lost FROM (SELECT image() AS i, frame, objects('truck') "
            "AS n FROM clip) WHERE n > 0 AND i IS NOT NULL",
            list(range(50, 70)),
            20,
        ),
        ("SELECT frame FROM (SELECT frame, image() AS i FROM clip) WHERE i IS NULL", [], 120),
    ],
)
def test_pictures_are_made_of_rows_that_stay(con, monkeypatch, sql, frames, made):
    files = []

    def counting(rgb, width=None):
        files.append(encode_jpeg(rgb, width))
        return files[-1]

    monkeypatch.setattr("vqe.physical.annotate.encode_jpeg", counting)
    assert con.sql(sql).to_arrow_table()["frame"].to_pylist() == frames
    assert len(files) == made


def test_the_first_frames_in_their_order_are_found_as_without_it(connect, oracle):
    rows = "SELECT frame FROM clip WHERE contains('bus') {}LIMIT 3 EXACT"
    plain = connect().sql(rows.format("")).to_arrow_table()
    asked = list(oracle.frames_seen)
    oracle.frames_seen.clear()
    ordered = connect().sql(rows.format("ORDER BY frame ")).to_arrow_table()
    assert ordered["frame"].to_pylist() == plain["frame"].to_pylist() == [20, 21, 22]
    assert sorted(oracle.frames_seen) == sorted(asked)
    assert max(asked) < 30
