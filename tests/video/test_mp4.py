"""The packets that the sample tables of an MP4 list are those that demuxing gives."""

from __future__ import annotations

import contextlib
import dataclasses
import random
import struct
from pathlib import Path

import av
import data
import numpy as np
import pytest
from clips import make_clip

from vqe.video.mp4 import read_tables
from vqe.video.packets import NO_TIME, Packets
from vqe.video.verify import agrees

FRAMES = 100
RATE_1 = 1 << 16
COLUMNS = ("pts", "dts", "size", "key")

# No two frames are equally far apart, and there is a pause of a second in the middle.
UNEVEN = [30 * i + 7 * (i % 4) + 1000 * (i >= 50) for i in range(FRAMES)]

CLIPS: dict[str, dict[str, object]] = {
    "plain.mp4": {},
    "b-frames.mp4": {"b_frames": 3},
    "uneven.mp4": {"b_frames": 2, "milliseconds": UNEVEN},
    "late.mp4": {"b_frames": 2, "start_ms": 1500},
    "late-plain.mp4": {"start_ms": 700},
    "front.mp4": {"b_frames": 2, "mux_options": {"movflags": "faststart"}},
    "no-edits.mp4": {"b_frames": 2, "mux_options": {"use_editlist": "0"}},
    "negative.mp4": {"b_frames": 3, "mux_options": {"movflags": "negative_cts_offsets"}},
    "negative-late.mp4": {
        "b_frames": 2,
        "start_ms": 900,
        "mux_options": {"movflags": "negative_cts_offsets"},
    },
    "sound.mp4": {"audio": True, "b_frames": 2},
    "quicktime.mov": {"b_frames": 2},
    "sound.mov": {"audio": True, "start_ms": 300},
    "one-gop.mp4": {"gop": 1000, "b_frames": 2},
    "all-keys.mp4": {"gop": 1},
    "mpeg4.mp4": {"codec": "mpeg4", "b_frames": 2},
    "mpeg4.mov": {"codec": "mpeg4"},
    "mjpeg.mov": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "hevc.mp4": {"codec": "libx265", "b_frames": 2},
    "vp9.mp4": {"codec": "libvpx-vp9", "size": (80, 64)},
    "single.mp4": {"frames": 1},
    "open-gop.mp4": {"b_frames": 3, "options": {"x264-params": "open-gop=1"}},
    "open-gop-hevc.mp4": {
        "codec": "libx265",
        "b_frames": 3,
        "options": {"x265-params": "open-gop=1"},
    },
}
EDITED = ("plain.mp4", "b-frames.mp4", "uneven.mp4", "late.mp4", "negative.mp4", "all-keys.mp4")
EDITED += ("negative-late.mp4", "one-gop.mp4", "mpeg4.mp4", "open-gop.mp4", "late-plain.mp4")

_paths: dict[str, Path] = {}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The path of a clip of CLIPS, made once."""

    def make(name: str) -> Path:
        if name not in _paths:
            path = tmp_path_factory.mktemp("mp4") / name
            make_clip(path, **{"frames": FRAMES, "size": (80, 64), **CLIPS[name]})
            _paths[name] = path
        return _paths[name]

    yield make
    _paths.clear()


def demux(path):
    """The displayable packets of the first video stream, one by one."""
    rows = []
    # A damaged file may fail in its middle.
    with av.open(str(path)) as container, contextlib.suppress(av.error.FFmpegError):
        for packet in container.demux(container.streams.video[0]):
            if packet.size and not packet.is_discard:
                times = [NO_TIME if t is None else t for t in (packet.pts, packet.dts)]
                rows.append((*times, packet.size, packet.is_keyframe))
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    return Packets(*columns[:3], columns[3].astype(np.bool_))


def tables(path):
    """What the tables of the first video stream list."""
    with av.open(str(path)) as container:
        track_id = container.streams.video[0].id
    return read_tables(str(path), track_id)


def agree(packets, path):
    """Whether `packets` agree with the file; checks that the container is at its start again."""
    with av.open(str(path)) as container:
        verdict = agrees(packets, container)
        found = container.demux(container.streams.video[0])
        first = next((p.pts for p in found if p.size and not p.is_discard), None)
    with av.open(str(path)) as container:
        found = container.demux(container.streams.video[0])
        expected = next((p.pts for p in found if p.size and not p.is_discard), None)
    assert first == expected or not verdict
    return verdict


def assert_same(found, expected):
    assert found is not None
    for column in COLUMNS:
        assert getattr(found, column).dtype == (np.bool_ if column == "key" else np.int64)
        np.testing.assert_array_equal(getattr(found, column), getattr(expected, column), column)


def patched(path, target, kind, offset, content):
    """A copy with some bytes of the last box of a kind written over; offsets from its content."""
    whole = bytearray(path.read_bytes())
    at = whole.rindex(kind) + 4 + offset
    whole[at : at + len(content)] = content
    target.write_bytes(whole)
    return target


def edited(path, target, edits):
    """A copy with another edit list, of as many edits as there were."""
    whole = path.read_bytes()
    at = whole.rindex(b"elst") + 8
    assert struct.unpack_from(">I", whole, at)[0] == len(edits)
    rows = b"".join(struct.pack(">Iii", *edit) for edit in edits)
    return patched(path, target, b"elst", 8, rows)


@pytest.mark.parametrize("name", CLIPS)
def test_tables_list_what_demuxing_gives(made, name):
    path = made(name)
    listed = tables(path)
    assert_same(listed, demux(path))
    assert len(listed) == CLIPS[name].get("frames", FRAMES)
    assert agree(listed, path)


@pytest.mark.slow
@pytest.mark.parametrize("name", EDITED)
def test_edit_lists_hide_frames_and_shift_times(made, tmp_path, name):
    path = made(name)
    whole = path.read_bytes()
    late = struct.unpack_from(">I", whole, whole.rindex(b"elst") + 8)[0] == 2
    with av.open(str(path)) as container:
        scale = container.streams.video[0].time_base.denominator
    rng = random.Random(5)
    starts = [0, 1, scale // 10, *(rng.randrange(10 * scale) for _ in range(12))]
    shown = set()
    for start in starts:
        for duration in (20_000, 10_000, 9_900, rng.randrange(10_000), rng.randrange(1, 3_000)):
            edits = [(duration, start, RATE_1)]
            if late:
                edits.insert(0, (rng.choice([0, 1, 700, 5_000]), -1, RATE_1))
            copy = edited(path, tmp_path / path.name, edits)
            expected, listed = demux(copy), tables(copy)
            if not len(expected):
                assert listed is None
                continue
            assert_same(listed, expected)
            # Where the frames that are read first are hidden by the hundred, it need not find one.
            assert agree(listed, copy)
            shown.add(len(listed))
    assert len(shown) > 10  # the edits did hide frames


def replaced(whole, kind, change, *parents):
    """The file with the content of the last box of a kind changed, and of those around it the
    sizes."""
    at = whole.rindex(kind)
    stop = at - 4 + struct.unpack_from(">I", whole, at - 4)[0]
    content = change(whole[at + 4 : stop])
    out = bytearray(whole[: at + 4] + content + whole[stop:])
    for box in (kind, *parents):
        place = out.rindex(box) - 4
        size = struct.unpack_from(">I", out, place)[0] + len(content) - (stop - at - 4)
        struct.pack_into(">I", out, place, size)
    return bytes(out)


def long_header(content):
    """A box of version 0 that begins with two times, as one of version 1."""
    return b"\1" + content[1:4] + bytes(4) + content[4:8] + bytes(4) + content[8:]


def long_times(content):
    """A 'tkhd' or 'mdhd' box of version 1."""
    head = long_header(content)
    where = 28 if len(content) > 40 else 24  # of the duration, after two words or one
    return head[:where] + bytes(4) + head[where:]


def long_edits(content):
    """An 'elst' box of version 1."""
    rows = [struct.unpack_from(">Iii", content, at) for at in range(8, len(content), 12)]
    return b"\1" + content[1:8] + b"".join(struct.pack(">Qqi", *row) for row in rows)


def short_sizes(content):
    """The content of a 'stz2' box, from that of 'stsz'."""
    sizes = struct.unpack(f">{len(content) // 4 - 3}I", content[12:])
    return bytes(7) + b"\x10" + content[8:12] + struct.pack(f">{len(sizes)}H", *sizes)


@pytest.mark.parametrize("name", ["b-frames.mp4", "late.mp4"])
def test_the_other_forms_of_boxes(made, tmp_path, name):
    whole = made(name).read_bytes()
    copy = tmp_path / name
    at = whole.rindex(b"moov") - 4
    stbl = (b"stbl", b"minf", b"mdia", b"trak", b"moov")
    forms = {
        "the last box ends with the file": whole[:at] + bytes(4) + whole[at + 4 :],
        "a size of 64 bits": whole[:at]
        + struct.pack(">I4sQ", 1, b"moov", len(whole) - at + 8)
        + whole[at + 8 :],
        "tkhd": replaced(whole, b"tkhd", long_times, b"trak", b"moov"),
        "mdhd": replaced(whole, b"mdhd", long_times, b"mdia", b"trak", b"moov"),
        "mvhd": replaced(whole, b"mvhd", long_times, b"moov"),
        "elst": replaced(whole, b"elst", long_edits, b"edts", b"trak", b"moov"),
        "stz2": replaced(whole, b"stsz", short_sizes, *stbl).replace(b"stsz", b"stz2"),
        "a junk box": whole + struct.pack(">I4s", 1 << 20, b"junk"),
    }
    for form, content in forms.items():
        assert content != whole
        copy.write_bytes(content)
        assert_same(tables(copy), demux(copy))
        assert_same(tables(copy), demux(made(name)))
        assert agree(tables(copy), copy), form


@pytest.mark.data
@pytest.mark.parametrize(
    "name",
    [
        "intel_one-by-one-person.mp4",
        "intel_car-detection.mp4",
        "tfl_piccadilly_night_bus.mp4",
        "tfl_tooley_truck.mp4",
        "ahmetozlu_road.mp4",
    ],
)
def test_real_clips(name):
    path = data.video(name)
    listed = tables(path)
    assert_same(listed, demux(path))
    assert agree(listed, path)


@pytest.mark.parametrize(
    "edits",
    [
        [(1000, 0, RATE_1), (1000, 1000, RATE_1)],
        [(1000, 0, RATE_1), (1000, -1, RATE_1)],
        [(1000, -1, RATE_1), (1000, -1, RATE_1)],
        [(1000, -1, RATE_1), (1000, 0, RATE_1 // 2)],
        [(1000, -1, RATE_1), (1000, -2, RATE_1)],
        [(1000, -1, RATE_1), (0, 0, RATE_1)],
    ],
)
def test_other_edit_lists_are_left_to_the_demuxer(made, tmp_path, edits):
    assert tables(edited(made("late.mp4"), tmp_path / "edited.mp4", edits)) is None


def test_files_without_complete_tables(made, tmp_path):
    fragments = tmp_path / "fragments.mp4"
    make_clip(fragments, 30, mux_options={"movflags": "frag_keyframe+empty_moov"})
    assert tables(fragments) is None
    matroska = tmp_path / "clip.mkv"
    make_clip(matroska, 10)
    assert read_tables(str(matroska), 1) is None
    assert read_tables(str(tmp_path / "missing.mp4"), 1) is None
    assert read_tables(str(tmp_path), 1) is None
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    assert read_tables(str(empty), 1) is None
    empty.write_bytes(struct.pack(">I4s", 8, b"free") * 100_000)
    assert read_tables(str(empty), 1) is None
    path = made("plain.mp4")
    assert read_tables(str(path), 7) is None
    content = path.read_bytes()
    empty.write_bytes(content[:-20])  # the tables are at the end
    assert read_tables(str(empty), 1) is None


@pytest.mark.parametrize(
    ("kind", "offset", "content"),
    [
        (b"stsz", 8, struct.pack(">I", FRAMES - 1)),
        (b"stsz", 8, b"\xff\xff\xff\xff"),
        (b"stsz", 4, struct.pack(">II", 1, 0xFFFFFFFF)),
        (b"stsz", 4, struct.pack(">II", 1, FRAMES + 1)),
        (b"stts", 8, b"\xff\xff\xff\xff"),
        (b"stts", 12, b"\xff\xff\xff\xff"),
        (b"stts", 12, bytes(4)),
        (b"stts", 4, b"\xff\xff\xff\xff"),
        (b"ctts", 8, struct.pack(">I", 2)),
        (b"ctts", 8, bytes(4)),
        (b"ctts", 12, b"\x7f\xff\xff\xff"),
        (b"stss", 8, bytes(4)),
        (b"stss", 8, struct.pack(">I", FRAMES)),
        (b"stss", 4, bytes(4)),
        (b"stsc", 8, struct.pack(">I", 2)),
        (b"stsc", 12, b"\xff\xff\xff\xff"),
        (b"stsc", 16, struct.pack(">I", 2)),
        (b"stco", 4, b"\xff\xff\xff\xff"),
        (b"stco", 4, bytes(4)),
        (b"stsd", 4, struct.pack(">I", 2)),
        (b"stsd", 12, b"encv"),
        (b"mdhd", 12, bytes(4)),
        (b"mdhd", 0, b"\x02"),
        (b"mvhd", 12, bytes(4)),
        (b"elst", 4, struct.pack(">I", 1000)),
        (b"elst", 0, b"\x01"),
        (b"stbl", -8, struct.pack(">I", 1 << 30)),
        (b"stbl", -8, struct.pack(">I", 3)),
        (b"stss", -4, b"stps"),
        (b"stss", -4, b"sbgp\0\0\0\0rap "),
        (b"stss", -4, b"ctts"),
        (b"mvhd", -4, b"mvex"),
        (b"udta", -4, b"cmov"),
    ],
)
def test_tables_that_contradict_one_another_are_left_to_the_demuxer(
    made, tmp_path, kind, offset, content
):
    copy = patched(made("b-frames.mp4"), tmp_path / "patched.mp4", kind, offset, content)
    assert read_tables(str(copy), 1) is None


@pytest.mark.parametrize(
    ("kind", "offset", "content"),
    [
        (b"stts", 12, struct.pack(">I", 1601)),
        (b"ctts", 12, struct.pack(">I", 800)),
        (b"ctts", 12 + 8 * 50, struct.pack(">i", -800)),
        (b"ctts", -4, b"free"),
        (b"elst", -4, b"free"),
        (b"tkhd", -4, b"tkhd"),
    ],
)
def test_times_are_those_of_the_tables(made, tmp_path, kind, offset, content):
    """Also where they have been changed: the demuxer has nothing else to go by."""
    path = made("b-frames.mp4")
    honest = tables(path)
    copy = patched(path, tmp_path / "patched.mp4", kind, offset, content)
    listed = tables(copy)
    assert_same(listed, demux(copy))
    assert agree(listed, copy)
    same = all(np.array_equal(getattr(listed, c), getattr(honest, c)) for c in COLUMNS)
    assert agree(honest, copy) == agree(listed, path) == same


@pytest.mark.parametrize("from_end", [1, 2, 3])
@pytest.mark.parametrize("value", [-800, -100_000, 100_000])
@pytest.mark.parametrize("name", ["b-frames.mp4", "no-edits.mp4", "negative.mp4"])
def test_the_last_composition_offsets(made, tmp_path, name, value, from_end):
    path = made(name)
    whole = path.read_bytes()
    n_rows = struct.unpack_from(">I", whole, whole.rindex(b"ctts") + 8)[0]
    offset = 12 + 8 * (n_rows - from_end)
    copy = patched(path, tmp_path / "patched.mp4", b"ctts", offset, struct.pack(">i", value))
    assert_same(tables(copy), demux(copy))


@pytest.mark.parametrize("at", [1, 50, 600])
@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_packets_of_no_bytes_are_not_listed(long, tmp_path, codec, at):
    path, _ = long("plain.mp4" if codec == "libx264" else "mpeg4.mov")
    copy = patched(path, tmp_path / "patched.mp4", b"stsz", 12 + 4 * at, bytes(4))
    listed, expected = tables(copy), demux(copy)
    assert len(listed) == len(expected) == 999
    for column in ("pts", "dts", "size"):
        np.testing.assert_array_equal(getattr(listed, column), getattr(expected, column))


@pytest.mark.parametrize(
    ("kind", "offset", "content"),
    [
        (b"stss", -4, b"free"),  # all are key frames
        (b"stss", 12, struct.pack(">I", 14)),  # instead of 13
        (b"stss", 12 + 4 * 36, struct.pack(">I", 434)),  # instead of 433, about which is read
        (b"stss", 4, struct.pack(">I", 50)),  # some are left out
        (b"stsz", 12 + 4 * 60, struct.pack(">I", 11)),  # its chunk has a key frame after it
        (b"stsz", 12 + 4 * 442, struct.pack(">I", 11)),
        (b"stco", 8, struct.pack(">I", 60)),
    ],
)
def test_tables_that_do_not_fit_the_packets_do_not_agree(long, tmp_path, kind, offset, content):
    path, _ = long("b-frames.mp4")
    copy = patched(path, tmp_path / "patched.mp4", kind, offset, content)
    listed = tables(copy)
    assert listed is None or not agree(listed, copy)


@pytest.mark.parametrize("name", ["b-frames.mp4", "late.mp4", "open-gop.mp4", "one-gop.mp4"])
@pytest.mark.parametrize("column", ["pts", "size", "key"])
def test_a_list_that_lies_does_not_agree(long, name, column):
    path, honest = long(name)
    # Read are the start, the end, and what follows some key frames.
    for at in (0, 1, 50, 99, 971, 998, 999):
        values = getattr(honest, column).copy()
        values[at] = not values[at] if column == "key" else values[at] + 1
        assert not agree(dataclasses.replace(honest, **{column: values}), path)
    shift = np.ones(1000, np.int64) if column == "key" else np.arange(1000) > 500
    values = getattr(honest, column) ^ shift.astype(getattr(honest, column).dtype)
    if name != "one-gop.mp4":  # there is no key frame in its middle
        assert not agree(dataclasses.replace(honest, **{column: values}), path)


@pytest.mark.parametrize("name", ["b-frames.mp4", "late.mp4", "open-gop.mp4", "one-gop.mp4"])
def test_a_list_that_is_too_short_or_too_long_does_not_agree(long, name):
    path, honest = long(name)
    assert agree(honest, path)
    for n in (0, 1, 50, 500, 970, 998, 999):
        fewer = Packets(*(getattr(honest, column)[:n] for column in COLUMNS))
        assert not agree(fewer, path)
    order = np.r_[:60, 65:1000]
    assert not agree(Packets(*(getattr(honest, column)[order] for column in COLUMNS)), path)


@pytest.mark.parametrize("kept", [0, 1, 30, 150, 555, 990])
def test_a_cut_file_agrees_as_far_as_it_goes(long, tmp_path, kept):
    path, honest = long("front.mp4")
    with av.open(str(path)) as container:
        starts = [packet.pos for packet in container.demux(video=0) if packet.size]
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(path.read_bytes()[: starts[kept] + (7 if kept else 0)])
    listed = tables(cut)
    assert_same(listed, honest)
    with av.open(str(cut)) as container:
        assert agrees(listed, container) == (kept > 0)


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """A clip of 1000 frames, made once, and its packets."""
    known = {}

    def make(name):
        if name not in known:
            path = tmp_path_factory.mktemp("long") / name
            make_clip(path, 1000, **{**CLIPS[name], "size": (48, 32)})
            known[name] = path, tables(path)
        return known[name]

    return make


@pytest.mark.slow
@pytest.mark.parametrize("name", ["b-frames.mp4", "late.mp4", "sound.mov"])
def test_damaged_tables_never_raise(made, tmp_path, name):
    """And where they are read and agree, they are what demuxing gives."""
    path = made(name)
    whole = path.read_bytes()
    moov = whole.rindex(b"moov")
    rng = random.Random(name)
    copy = tmp_path / name
    n_read = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(rng.choice([1, 1, 2, 8])):
            damaged[rng.randrange(moov - 4, len(whole))] = rng.choice(
                [0, 1, 255, rng.randrange(256)]
            )
        copy.write_bytes(damaged)
        listed = read_tables(str(copy), rng.choice([1, 1, 1, 2]))
        assert listed is None or isinstance(listed, Packets)
        n_read += listed is not None
        try:
            listed = tables(copy)
            if listed is None or not agree(listed, copy):
                continue
        except (av.error.FFmpegError, IndexError, UnicodeDecodeError):  # it cannot be opened
            continue
        expected = demux(copy)
        # What the tables look for beyond the end of the file is missing, or was cut there.
        found = np.isin(listed.pts, expected.pts)
        listed = Packets(*(getattr(listed, column)[found] for column in COLUMNS))
        size = np.where(listed.size > expected.size, listed.size, expected.size)
        assert_same(listed, dataclasses.replace(expected, size=size))
    assert 20 < n_read < 300
