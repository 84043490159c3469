"""Damaged files: what can be read keeps its ordinal; files that are no video say so."""

from __future__ import annotations

import dataclasses

import av
import pytest
from clips import Clip, make_clip, make_sound, read_number

from vqe.errors import VideoError, VideoNotFoundError
from vqe.video.container import video_size
from vqe.video.indexing import build_index
from vqe.video.reader import Reader

GOP = 10


def packets(path):
    """(position, size, key frame) of each video packet, in the order of the file."""
    with av.open(str(path)) as container:
        return [
            (packet.pos, packet.size, packet.is_keyframe)
            for packet in container.demux(video=0)
            if packet.size
        ]


def read(index):
    """Drawn number by ordinal, and the ordinals that were lost."""
    reader = Reader(index)
    numbers = {}
    for batch in reader.read([(0, len(index))]):
        for row, ordinal in enumerate(batch.ordinals.tolist()):
            assert ordinal not in numbers
            numbers[ordinal] = read_number(batch.luma(row))
    return numbers, reader.lost


@pytest.fixture(params=["mp4", "mkv"])
def clip(request, tmp_path) -> Clip:
    options = {"movflags": "faststart"} if request.param == "mp4" else {}
    return make_clip(tmp_path / f"clip.{request.param}", 100, gop=GOP, mux_options=options)


def test_a_file_cut_in_the_middle_of_a_packet(clip):
    position, size, _ = packets(clip.path)[57]
    clip.path.write_bytes(clip.path.read_bytes()[: position + size // 2])
    index = build_index(str(clip.path))
    assert 57 <= len(index) <= 58
    numbers, lost = read(index)
    assert set(numbers) | set(lost) == set(range(len(index)))
    assert set(lost) <= {57}
    assert all(numbers[i] == i for i in range(57))


@pytest.mark.parametrize("kept", [0, 30])
def test_bytes_overwritten_in_the_middle(tmp_path, kept):
    """With its headers kept, a packet gives a made-up picture, without them none."""
    clip = make_clip(tmp_path / "clip.mp4", 100, gop=GOP)
    content = bytearray(clip.path.read_bytes())
    for position, size, _ in packets(clip.path)[40:45]:
        content[position + kept : position + size] = b"\xff" * (size - kept)
    clip.path.write_bytes(content)
    index = build_index(str(clip.path))
    assert len(index) == 100
    numbers, lost = read(index)
    assert set(lost) >= {40, 41, 42, 43, 44}
    assert set(lost) <= set(range(40, 50))
    assert sorted([*numbers, *lost]) == list(range(100))
    outside = [i for i in range(100) if not 40 <= i < 50]
    assert [numbers[i] for i in outside] == outside


def test_damage_before_a_span_costs_nothing(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", 100, gop=GOP)
    content = bytearray(clip.path.read_bytes())
    for position, size, _ in packets(clip.path)[20:60]:
        content[position : position + size] = bytes(size)
    clip.path.write_bytes(content)
    reader = Reader(build_index(str(clip.path)))
    batches = list(reader.read([(5, 15), (65, 75)]))
    ordinals = [o for batch in batches for o in batch.ordinals.tolist()]
    numbers = [read_number(batch.luma(row)) for batch in batches for row in range(len(batch))]
    assert ordinals == numbers == [*range(5, 15), *range(65, 75)]
    assert reader.lost == []


def test_a_cut_avi_with_b_frames(tmp_path):
    clip = make_clip(tmp_path / "clip.avi", 100, codec="mpeg4", b_frames=2, gop=GOP)
    position, _, _ = packets(clip.path)[60]
    clip.path.write_bytes(clip.path.read_bytes()[: position + 10])
    index = build_index(str(clip.path))
    numbers, lost = read(index)
    assert len(numbers) >= 57
    assert all(number == ordinal for ordinal, number in numbers.items() if ordinal < 57)
    assert set(lost) <= set(range(57, len(index)))


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
    numbers, lost = read(index)
    assert 18 <= len(numbers) <= 23
    assert [numbers[i] for i in range(20)] == list(range(20))
    assert lost == list(range(len(numbers), len(index)))


def test_a_size_that_changes_within_the_stream(tmp_path):
    """The later frames take the size of the first; nobody writes beyond the reference image."""
    small = make_clip(tmp_path / "a.ts", 20)
    large = make_clip(tmp_path / "b.ts", 20, size=(320, 240), start_ms=2000)
    both = tmp_path / "both.ts"
    both.write_bytes(small.path.read_bytes() + large.path.read_bytes())
    index = build_index(str(both))
    assert (len(index), index.width, index.height) == (40, 160, 120)
    batches = list(Reader(index).read([(0, 40)]))
    assert [o for batch in batches for o in batch.ordinals.tolist()] == list(range(40))
    shapes = {batch.luma(row).shape for batch in batches for row in range(len(batch))}
    assert shapes == {(120, 160)}
    assert {batch.rgb(row).shape for batch in batches for row in range(len(batch))} == {
        (120, 160, 3)
    }


def test_a_seek_that_fails_is_an_error_of_the_video(tmp_path):
    clip = make_clip(tmp_path / "raw.h264", 40)
    index = dataclasses.replace(build_index(str(clip.path)), seekable=True)
    with pytest.raises(VideoError, match=r"raw\.h264' cannot be read"):
        list(Reader(index).read([(20, 25)]))


def test_what_is_no_video(tmp_path):
    with pytest.raises(VideoNotFoundError, match="no such file") as raised:
        build_index(str(tmp_path / "missing.mp4"))
    assert isinstance(raised.value, FileNotFoundError)
    with pytest.raises(VideoError, match="is a folder, not a video"):
        build_index(str(tmp_path))
    text = tmp_path / "notes.txt"
    text.write_text("not a video\n" * 100)
    with pytest.raises(VideoError, match=r"notes\.txt' is not a video that can be read"):
        build_index(str(text))
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    with pytest.raises(VideoError, match="is not a video that can be read"):
        build_index(str(empty))


def test_a_file_with_sound_only(tmp_path):
    make_sound(tmp_path / "sound.m4a")
    for function in (build_index, video_size):
        with pytest.raises(VideoError, match="no video stream, only audio streams"):
            function(str(tmp_path / "sound.m4a"))


def test_a_video_stream_without_frames(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", 10, mux_options={"movflags": "faststart"})
    position, _, _ = packets(clip.path)[0]
    clip.path.write_bytes(clip.path.read_bytes()[:position])
    with pytest.raises(VideoError, match=r"clip\.mp4' has a video stream without frames"):
        build_index(str(clip.path))


def test_the_first_video_stream_is_read_and_sound_is_not(tmp_path):
    clip = make_clip(tmp_path / "sound.mp4", 30, audio=True)
    assert video_size(str(clip.path)) == (160, 120)
    numbers, lost = read(build_index(str(clip.path)))
    assert (numbers, lost) == ({i: i for i in range(30)}, [])
