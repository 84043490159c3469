"""Damaged files: what can be read keeps its ordinal; files that are no video say so."""

from __future__ import annotations

import itertools
import os
from contextlib import contextmanager

import av
import numpy as np
import pytest
from clips import Clip, make_clip, read_number
from reading import read_frames

from vqe.errors import VideoError
from vqe.video import decode_plan
from vqe.video import reader as reader_module
from vqe.video.container import open_video
from vqe.video.damage import Damage
from vqe.video.indexing import build_index
from vqe.video.reader import Reader
from vqe.video.strategies import EveryFrame, FrameSet

GOP = 10


def packets(path):
    """(position, size, key frame) of each video packet, in the order of the file."""
    with av.open(str(path)) as container:
        return [
            (packet.pos, packet.size, packet.is_keyframe)
            for packet in container.demux(video=0)
            if packet.size
        ]


def read(index, ordinals=None, *, threads=1, strategy=None):
    """Drawn number by ordinal, and what was damaged."""
    wanted = np.arange(len(index)) if ordinals is None else np.array(list(ordinals))
    plan = (strategy or EveryFrame()).plan(index, wanted)
    reader = Reader(threads=threads)
    return read_on(reader, reader.read(plan), wanted)


def read_on(reader, batches, wanted):
    """The rest of what `read` gives, and that each frame was delivered or lost."""
    numbers = {}
    for batch in batches:
        for row, ordinal in enumerate(batch.ordinals.tolist()):
            assert ordinal not in numbers
            numbers[ordinal] = read_number(batch.luma(row))
    damage = reader.report.damage
    assert list(numbers) == sorted(numbers)
    assert sorted([*numbers, *damage.lost]) == wanted.tolist()
    assert set(damage.doubtful) <= set(numbers)
    return numbers, damage


def overwrite(path, numbers, *, kept=0, fill=b"\0"):
    """Overwrites the packets with these numbers, but for the first `kept` bytes of each."""
    content = bytearray(path.read_bytes())
    all_packets = packets(path)
    for number in numbers:
        position, size, _ = all_packets[number]
        content[position + kept : position + size] = fill * (size - kept)
    path.write_bytes(content)


def cut(path, number, more=0):
    """Cuts the file at its packet with that number, or some bytes behind its beginning."""
    position, _, _ = packets(path)[number]
    path.write_bytes(path.read_bytes()[: position + more])


FRONT = {"movflags": "faststart"}

HEADER = 8
"""Bytes before a packet that Matroska and AVI call part of it."""


@pytest.fixture(params=["mp4", "mkv"])
def clip(request, tmp_path) -> Clip:
    options = {"movflags": "faststart"} if request.param == "mp4" else {}
    return make_clip(tmp_path / f"clip.{request.param}", 100, gop=GOP, mux_options=options)


def test_a_file_cut_in_the_middle_of_a_packet(clip):
    _, size, _ = packets(clip.path)[57]
    cut(clip.path, 57, size // 2)
    index = build_index(str(clip.path))
    # An mp4 says how many frames there should be.
    assert len(index) in ((100,) if index.source == "tables" else (57, 58))
    numbers, damage = read(index)
    assert set(range(57)) <= set(numbers) <= set(range(58))
    assert set(damage.lost) >= set(range(58, len(index)))
    assert all(numbers[i] == i for i in range(57))
    assert damage.doubtful == ()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("front.mp4", {"mux_options": FRONT}),
        ("front-b.mp4", {"mux_options": FRONT, "b_frames": 2}),
        ("fragments.mp4", {"mux_options": {"movflags": "frag_keyframe+empty_moov"}}),
        ("plain.mkv", {}),
        ("b.mkv", {"b_frames": 2}),
        ("plain.ts", {}),
        ("b.ts", {"b_frames": 2}),
        ("mpeg2.ts", {"codec": "mpeg2video", "b_frames": 2, "fps": 25}),
        ("mpeg4.avi", {"codec": "mpeg4"}),
        ("vp9.webm", {"codec": "libvpx-vp9", "options": {"deadline": "realtime"}}),
        ("hevc.mp4", {"codec": "libx265", "b_frames": 2, "mux_options": FRONT}),
    ],
)
def test_a_cut_file_keeps_what_it_holds(tmp_path, monkeypatch, name, options, threads):
    """Wherever it is cut, the frames before keep their ordinals, and no other frame takes one."""
    monkeypatch.setattr(decode_plan, "SEGMENT_FRAMES", 2 * GOP)
    clip = make_clip(tmp_path / name, 60, size=(80, 48), gop=GOP, **options)
    content = clip.path.read_bytes()
    whole = [position for position, _, _ in packets(clip.path)]
    for number in (3, 20, 29, 30, 31, 45, 59):
        clip.path.write_bytes(content[: whole[number] + 5])
        index = build_index(str(clip.path))
        numbers, damage = read(index, threads=threads)
        # B-frames are shown up to three frames before their packet; the last packet may be half.
        assert len(numbers) >= number - 3
        assert set(range(number - 3)) <= set(numbers.values())
        sure = set(numbers) - set(damage.doubtful) - {max(numbers)}
        drawn = np.rint(index.timestamps_us * clip.fps / 1e6).astype(int)
        assert {i: numbers[i] for i in sure} == {i: drawn[i] for i in sure}
        assert set(damage.lost) <= set(range(number - 3, 60))
        if index.source == "tables":
            assert len(index) == 60


def test_a_missing_last_group_of_pictures(tmp_path):
    for name, options in (("a.mp4", FRONT), ("a.mkv", {}), ("a.ts", {})):
        clip = make_clip(tmp_path / name, 60, gop=GOP, mux_options=options)
        cut(clip.path, 50)
        index = build_index(str(clip.path))
        numbers, damage = read(index)
        assert numbers == {i: i for i in range(50)}
        assert damage == Damage(lost=tuple(range(50, len(index))))
        assert len(index) == (60 if name == "a.mp4" else 50)
        # Those that are lost can be asked for alone.
        nothing, damage = read(index, range(50, len(index)))
        assert (nothing, damage.lost) == ({}, tuple(range(50, len(index))))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_tables_that_list_more_frames_than_the_file_holds(tmp_path, monkeypatch, threads):
    """Half of the film was never copied: what is there is read, the rest is lost."""
    monkeypatch.setattr(decode_plan, "SEGMENT_FRAMES", 2 * GOP)
    clip = make_clip(tmp_path / "a.mp4", 200, size=(80, 48), gop=GOP, mux_options=FRONT)
    cut(clip.path, 100)
    index = build_index(str(clip.path))
    assert (len(index), index.source) == (200, "tables")
    numbers, damage = read(index, threads=threads)
    assert numbers == {i: i for i in range(100)}
    assert damage == Damage(lost=tuple(range(100, 200)))
    some, damage = read(index, [5, 99, 100, 150, 199], threads=threads, strategy=FrameSet())
    assert some == {5: 5, 99: 99}
    assert damage == Damage(lost=(100, 150, 199))


@pytest.mark.parametrize("kept", [0, 30])
def test_bytes_overwritten_in_the_middle(tmp_path, kept):
    """With its headers kept, a packet gives a made-up picture, without them none."""
    clip = make_clip(tmp_path / "clip.mp4", 100, gop=GOP)
    overwrite(clip.path, range(40, 45), kept=kept, fill=b"\xff")
    index = build_index(str(clip.path))
    assert len(index) == 100
    numbers, damage = read(index)
    assert set(damage.lost) >= {40, 41, 42, 43, 44}
    assert set(damage.lost) | set(damage.doubtful) == set(range(40, 50))
    assert {i: n for i, n in numbers.items() if not 40 <= i < 50} == {
        i: i for i in range(100) if not 40 <= i < 50
    }


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("suffix", "b_frames"), [("mp4", 0), ("mp4", 2), ("mkv", 0), ("mkv", 2), ("ts", 0)]
)
def test_what_refers_to_a_damaged_frame_is_doubtful(
    tmp_path, monkeypatch, suffix, b_frames, threads
):
    """Up to the next key frame, and no further; what was decoded before it is not."""
    monkeypatch.setattr(decode_plan, "SEGMENT_FRAMES", 2 * GOP)
    path = tmp_path / f"clip.{suffix}"
    clip = make_clip(path, 60, gop=GOP, b_frames=b_frames)
    clean = read_frames(clip.path)
    # A packet in the middle of the third group that others refer to.
    index = build_index(str(path))
    damaged = next(i for i in range(23, 30) if not index.out_of_turn[i] and not index.keyframe[i])
    rank = int(index.decode_rank[damaged])
    if suffix == "ts":  # its packets lie in pieces of 184 bytes
        position, _, _ = packets(path)[rank]
        content = bytearray(path.read_bytes())
        content[position + 40 : position + 188] = b"\xff" * 148
        path.write_bytes(content)
    else:
        overwrite(path, [rank], kept=HEADER, fill=b"\xff")
    numbers, damage = read(build_index(str(path)), threads=threads)
    later = [i for i in range(20, 30) if index.decode_rank[i] > rank]
    assert set(damage.lost) <= {damaged, *later}
    assert damaged in damage.lost
    assert {*damage.lost, *damage.doubtful} == {damaged, *later}
    untouched = [i for i in range(60) if i != damaged and i not in later]
    again = read_frames(path, untouched)
    assert again == {i: clean[i] for i in untouched}
    assert {i: numbers[i] for i in untouched} == {i: i for i in untouched}


def test_a_damaged_frame_that_no_other_needs(tmp_path):
    """A B-frame: it alone is lost, and the frames decoded after it are called doubtful."""
    clip = make_clip(tmp_path / "clip.mkv", 60, gop=GOP, b_frames=2, options=NO_PYRAMID)
    index = build_index(str(clip.path))
    b_frame = next(i for i in range(22, 30) if index.out_of_turn[i])
    overwrite(clip.path, [int(index.decode_rank[b_frame])], kept=HEADER)
    numbers, damage = read(build_index(str(clip.path)))
    assert damage.lost == (b_frame,)
    assert numbers == {i: i for i in range(60) if i != b_frame}
    assert set(damage.doubtful) <= set(range(20, 30))


NO_PYRAMID = {"x264-params": "b-pyramid=none"}


def test_damage_before_a_span_costs_nothing(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", 100, gop=GOP)
    overwrite(clip.path, range(20, 60))
    index = build_index(str(clip.path))
    numbers, damage = read(index, [*range(5, 15), *range(65, 75)])
    assert numbers == {i: i for i in [*range(5, 15), *range(65, 75)]}
    assert not damage


def test_the_damage_of_all_segments_is_reported_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(decode_plan, "SEGMENT_FRAMES", GOP)
    clip = make_clip(tmp_path / "clip.mp4", 100, gop=GOP)
    overwrite(clip.path, [15, 33, 77])
    index = build_index(str(clip.path))
    for threads in (1, 2, 4):
        numbers, damage = read(index, threads=threads)
        assert damage.lost == tuple(sorted(damage.lost))
        assert damage.doubtful == tuple(sorted(damage.doubtful))
        assert {15, 33, 77} <= set(damage.lost)
        assert {*damage.lost, *damage.doubtful} == {*range(15, 20), *range(33, 40), *range(77, 80)}
        assert len(numbers) == 100 - len(damage.lost)


def test_damage_adds_up():
    parts = [Damage((1,), (2, 3)), Damage(), Damage((7,), ())]
    assert Damage.join(parts) == Damage((1, 7), (2, 3))
    assert (bool(Damage()), bool(Damage((0,))), bool(Damage((), (0,)))) == (False, True, True)


def test_a_cut_avi_with_b_frames(tmp_path):
    clip = make_clip(tmp_path / "clip.avi", 100, codec="mpeg4", b_frames=2, gop=GOP)
    cut(clip.path, 60, 10)
    index = build_index(str(clip.path))
    numbers, damage = read(index)
    assert len(numbers) >= 57
    assert all(number == ordinal for ordinal, number in numbers.items() if ordinal < 57)
    assert set(damage.lost) <= set(range(57, len(index)))


@pytest.mark.parametrize("kept", [0, 8, 30])
@pytest.mark.parametrize("codec", ["mpeg4", "libx264"])
def test_counting_ends_at_the_first_damage(tmp_path, codec, kept):
    """Where frames are counted, one that is missing must not shift the numbers of later ones."""
    clip = make_clip(tmp_path / "clip.avi", 60, codec=codec, b_frames=2, gop=20)
    content = bytearray(clip.path.read_bytes())
    header = 8  # of a chunk, before the packet itself
    for position, size, _ in packets(clip.path)[22:25]:
        content[position + header + kept : position + header + size] = bytes(size - kept)
    clip.path.write_bytes(content)
    index = build_index(str(clip.path))
    assert not index.seekable
    numbers, damage = read(index)
    assert 18 <= len(numbers) <= 23
    assert [numbers[i] for i in range(20)] == list(range(20))
    assert damage.lost == tuple(range(len(numbers), len(index)))


@pytest.mark.parametrize("threads", [1, 2])
def test_a_size_that_changes_within_the_stream(tmp_path, threads):
    """The later frames take the size of the first; nobody writes beyond the reference image."""
    small = make_clip(tmp_path / "a.ts", 20)
    large = make_clip(tmp_path / "b.ts", 20, size=(320, 240), start_ms=2000)
    both = tmp_path / "both.ts"
    both.write_bytes(small.path.read_bytes() + large.path.read_bytes())
    index = build_index(str(both))
    assert (len(index), index.width, index.height) == (40, 160, 120)
    plan = EveryFrame().plan(index, np.arange(40))
    batches = list(Reader(threads=threads).read(plan))
    assert [o for batch in batches for o in batch.ordinals.tolist()] == list(range(40))
    rows = [(batch, row) for batch in batches for row in range(len(batch))]
    assert {batch.luma(row).shape for batch, row in rows} == {(120, 160)}
    assert {batch.rgb(row).shape for batch, row in rows} == {(120, 160, 3)}
    assert [read_number(batch.luma(row)) for batch, row in rows[:20]] == list(range(20))
    # Those of the second film are half as large as they were drawn.
    halved = [np.kron(batch.luma(row), np.ones((2, 2), np.uint8)) for batch, row in rows[20:]]
    assert [read_number(luma) for luma in halved] == list(range(20))


# Files that change while they are read.


GROWING = [("a.mkv", {"mux_options": {"live": "1"}}), ("a.ts", {}), ("a.mp4", {})]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("name", "options"), GROWING)
def test_a_file_that_has_grown(tmp_path, monkeypatch, name, options, threads):
    """The frames that it had when it was indexed, under the same ordinals."""
    monkeypatch.setattr(decode_plan, "SEGMENT_FRAMES", 2 * GOP)
    short, long = tmp_path / name, tmp_path / f"long-{name}"
    make_clip(long, 120, size=(80, 48), gop=GOP, **options)
    content = long.read_bytes()
    half = packets(long)[60][0] if name != "a.mp4" else len(content)
    short.write_bytes(content[:half])
    index = build_index(str(short))
    n = len(index)
    assert n in (60, 120)
    short.write_bytes(content + bytes(1000) * (name == "a.mp4"))
    numbers, damage = read(index, threads=threads)
    assert numbers == {i: i for i in range(n)}
    assert not damage
    assert len(build_index(str(short))) == 120


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("name", "options"), GROWING[:2])
def test_a_file_that_grows_while_it_is_read(tmp_path, monkeypatch, name, options, threads):
    monkeypatch.setattr(decode_plan, "SEGMENT_FRAMES", 2 * GOP)
    monkeypatch.setattr(reader_module, "READ_AHEAD_BYTES", 1)
    path, long = tmp_path / name, tmp_path / f"long-{name}"
    make_clip(long, 120, size=(80, 48), gop=GOP, **options)
    content = long.read_bytes()
    half = packets(long)[60][0]
    path.write_bytes(content[:half])
    index = build_index(str(path))
    plan = EveryFrame().plan(index, np.arange(60))
    reader = Reader(threads=threads, batch_frames=5)
    batches = reader.read(plan)
    first = next(batches)
    with path.open("ab") as file:
        file.write(content[half:])
    numbers, damage = read_on(reader, itertools.chain([first], batches), np.arange(60))
    assert numbers == {i: i for i in range(60)}
    assert not damage


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi"])
@pytest.mark.parametrize("change", ["shrink", "empty", "overwrite", "delete", "replace"])
def test_a_file_that_changes_while_it_is_read(tmp_path, monkeypatch, suffix, change, threads):
    """Frames are delivered as they were, or lost; at worst, the video cannot be read."""
    monkeypatch.setattr(decode_plan, "SEGMENT_FRAMES", 2 * GOP)
    monkeypatch.setattr(reader_module, "READ_AHEAD_BYTES", 1)
    path, other = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    options = {"codec": "mpeg4"} if suffix == "avi" else {}
    make_clip(path, 300, size=(160, 120), gop=GOP, **options)
    make_clip(other, 20, size=(80, 48), gop=GOP, **options)
    index = build_index(str(path))
    position, _, _ = packets(path)[100]
    size = path.stat().st_size
    reader = Reader(threads=threads, batch_frames=5)
    batches = reader.read(EveryFrame().plan(index, np.arange(300)))
    first = next(batches)
    match change:
        case "shrink":
            os.truncate(path, position)
        case "empty":
            os.truncate(path, 0)
        case "overwrite":
            with path.open("r+b") as file:
                file.seek(position)
                file.write(bytes(size - position))
        case "delete":
            path.unlink()
        case "replace":
            other.replace(path)
    try:
        numbers, damage = read_on(reader, itertools.chain([first], batches), np.arange(300))
    except VideoError:  # a thread that opens the file now
        assert threads == 2
        return
    sure = set(numbers) - set(damage.doubtful)
    assert sure >= set(range(5))
    assert {i: numbers[i] for i in sure} == {i: i for i in sure}
    if change in ("delete", "replace"):  # it stays open, but not where a thread comes late
        if threads == 2:
            return
        assert numbers == {i: i for i in range(300)}
        assert not damage
    elif change != "empty" or suffix == "mp4":
        assert set(damage.lost) >= set(range(200, 300))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi"])
def test_a_file_that_became_shorter_since_it_was_indexed(tmp_path, monkeypatch, suffix, threads):
    monkeypatch.setattr(decode_plan, "SEGMENT_FRAMES", 2 * GOP)
    path = tmp_path / f"a.{suffix}"
    options = {"codec": "mpeg4"} if suffix == "avi" else {}
    mux_options = FRONT if suffix == "mp4" else {}
    make_clip(path, 100, size=(80, 48), gop=GOP, mux_options=mux_options, **options)
    index = build_index(str(path))
    cut(path, 45)
    for strategy in (EveryFrame(), FrameSet()):
        numbers, damage = read(index, threads=threads, strategy=strategy)
        assert numbers == {i: i for i in range(45)}
        assert damage.lost == tuple(range(45, 100))
    some, damage = read(index, [3, 44, 60, 99], threads=threads, strategy=FrameSet())
    assert some == {3: 3, 44: 44}
    assert damage.lost == (60, 99)


def test_another_video_in_its_place(tmp_path):
    """A shorter one, of another codec: what does not fit is lost."""
    path = tmp_path / "a.mkv"
    make_clip(path, 100, gop=GOP)
    index = build_index(str(path))
    make_clip(path, 30, size=(80, 48), codec="mpeg4", gop=GOP)
    numbers, damage = read(index)
    assert set(damage.lost) >= set(range(30, 100))
    assert set(numbers) <= set(range(30))
    plan = EveryFrame().plan(index, np.arange(100))
    assert {batch.luma(0).shape for batch in Reader().read(plan)} == {(120, 160)}


class Unseekable:
    """A container that stays where it is."""

    def __init__(self, container):
        self.container = container

    def __getattr__(self, name):
        return getattr(self.container, name)

    def seek(self, *args, **kwargs):
        raise av.error.PermissionError(1, "Operation not permitted")


@pytest.mark.parametrize("threads", [1, 2])
def test_a_seek_that_fails_is_an_error_of_the_video(tmp_path, monkeypatch, threads):
    @contextmanager
    def open_unseekable(path):
        with open_video(path) as container:
            yield Unseekable(container)

    clip = make_clip(tmp_path / "clip.mkv", 60, gop=GOP)
    index = build_index(str(clip.path))
    monkeypatch.setattr(decode_plan, "SEGMENT_FRAMES", GOP)
    monkeypatch.setattr(reader_module, "open_video", open_unseekable)
    with pytest.raises(VideoError, match=r"clip\.mkv' cannot be read \(Operation not permitted"):
        read(index, [0, 58], threads=threads)
    if threads == 1:  # from start to end, no seek is needed
        assert len(read(index)[0]) == 60
