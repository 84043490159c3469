"""Frame identity: a frame has one ordinal and the same pixels, however it is reached."""

from __future__ import annotations

import functools
import itertools
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import data
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import Seen, index_of, read_frames, seen
from shapes import REMADE, SHAPES, SHOWN

every_shape = pytest.mark.parametrize("clip", SHAPES, indirect=True)

COUNTED = ("raw.h264", "raw.hevc", "raw.m4v", "reordered.mp4")
"""Files without times, or with one time for two frames, whose frames can only be counted from the
start; so can those of AVI files with B-frames."""

FROM_START = (
    *COUNTED,
    *("refresh.mp4", "refresh.mkv", "refresh.ts", "refresh-b.mkv"),
    *("no-stss-hevc.mp4", "no-stss-mpeg4.mp4"),
    *("mpeg2.mpg", "b-frames.flv", "vp8-hidden.webm"),
)
"""Files that are only decoded from their start, further: packets are called key frames that are
none, have other times after a seek, or hold no picture to show."""

OTHER_TIMES = {*SHOWN, *REMADE, "sound.avi"}
"""Files whose frames are not shown when they were drawn; in the AVI, they wait for the sound."""

REAL = {
    "intel_one-by-one-person.mp4": 1394,
    "intel_car-detection.mp4": 377,
    "tfl_piccadilly_night_bus.mp4": 243,
    "tfl_tooley_truck.mp4": 244,
    "ahmetozlu_road.mp4": 905,
    "opencv_vtest.avi": 795,
    "bgslibrary_video02.avi": 748,
}
"""How many frames each real clip has."""


@dataclass(frozen=True)
class Truth:
    """What a plain loop over the whole file sees, by ordinal; nothing here uses the engine."""

    frames: tuple[Seen, ...]
    pts: tuple[int | None, ...]
    pictures: str  # I, P or B of each frame
    keys: tuple[int, ...]  # ordinals of the frames that the decoder calls key frames

    def interesting(self, n: int) -> list[int]:
        """`n` ordinals over the whole film, those around key frames, the first and the last."""
        last = len(self.frames) - 1
        near = [key + step for key in self.keys for step in (-3, -2, -1, 0, 1)]
        near = [near[i] for i in np.linspace(0, len(near) - 1, min(len(near), 4 * n), dtype=int)]
        spread = np.linspace(0, last, n, dtype=int).tolist()
        return sorted({min(max(ordinal, 0), last) for ordinal in (*near, *spread)})

    def at(self, ordinals: list[int]) -> dict[int, Seen]:
        return {ordinal: self.frames[ordinal] for ordinal in ordinals}


@functools.cache
def truth(path: Path) -> Truth:
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "NONE"
        frames = [
            (seen(frame), frame.pts, frame.pict_type, frame.key_frame)
            for frame in container.decode(video=0)
        ]
    what, pts, kinds, keys = zip(*frames, strict=True)
    pictures = "".join({1: "I", 2: "P", 3: "B"}.get(kind, "?") for kind in kinds)
    return Truth(what, pts, pictures, tuple(np.flatnonzero(keys).tolist()))


def packets_of(path: Path, *, split_by: str | None = None) -> list[av.Packet]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        if split_by is None:
            return packets
        splitter = BitStreamFilterContext(split_by, stream)
        return [part for packet in packets for part in splitter.filter(packet)]


def has_leading_pictures(path: Path) -> bool:
    """Whether frames follow a later key frame in the file that are shown before it."""
    packets = packets_of(path)
    return any(
        first.is_keyframe and second.pts < first.pts
        for first, second in itertools.pairwise(packets[1:])
    )


PROPERTIES: dict[str, Callable[[Path], bool]] = {
    **dict.fromkeys(
        (
            *("open-gop.mp4", "open-gop.mkv", "open-gop.ts", "open-pyramid.mp4", "mpeg4.mkv"),
            *("hevc-open.mp4", "hevc-open.mkv", "hevc-open.ts", "hevc-radl.mp4", "mpeg2.ts"),
        ),
        has_leading_pictures,
    ),
    **dict.fromkeys(
        ("b-frames.mp4", "hevc.mp4", "mpeg4-closed.mp4"),
        lambda path: "B" in truth(path).pictures and not has_leading_pictures(path),
    ),
    **dict.fromkeys(
        ("one-gop.mp4", "one-gop.mkv", "one-gop.ts"),
        lambda path: sum(packet.is_keyframe for packet in packets_of(path)) == 1,
    ),
    **dict.fromkeys(  # frames are called key frames, but only the first shows all at once
        ("refresh.mp4", "refresh.mkv", "refresh.ts", "refresh-b.mkv"),
        lambda path: truth(path).keys == (0,) and any(p.is_keyframe for p in packets_of(path)[1:]),
    ),
    **dict.fromkeys(
        ("vp9-alt-ref.webm", "vp9-alt-ref.mp4"),
        lambda path: len(packets_of(path, split_by="vp9_superframe_split")) > 60,
    ),
    **dict.fromkeys(
        ("av1.mp4", "av1.webm", "av1-open.mkv"),
        lambda path: len(packets_of(path, split_by="av1_frame_split")) > 60,
    ),
    "late.ts": lambda path: truth(path).pts[0] == 40 * 90_000,
    "wrapped.ts": lambda path: truth(path).pts[0] < 0 < truth(path).pts[-1],
    "interlaced.ts": lambda path: first_frame(path).interlaced_frame,
    "rotated.mp4": lambda path: first_frame(path).rotation == 90,
    "ten-bits.mp4": lambda path: first_frame(path).format.name == "yuv420p10le",
    "444.mp4": lambda path: first_frame(path).format.name == "yuv444p",
    "packed-2.avi": lambda path: sum(packet.size == 1 for packet in packets_of(path)) == 20,
    "packed.avi": lambda path: sum(packet.size == 1 for packet in packets_of(path)) == 29,
    "one-byte.avi": lambda path: sum(packet.size == 1 for packet in packets_of(path)) == 10,
    "sound.mp4": lambda path: b"mp4a" in path.read_bytes(),
}
"""What must hold of some clips for the other tests to mean anything."""


def first_frame(path: Path) -> av.VideoFrame:
    with av.open(str(path)) as container:
        return next(container.decode(video=0))


@functools.cache
def known_index(path: Path):
    return index_of(path)


@pytest.mark.parametrize("clip", PROPERTIES, indirect=True)
def test_the_clips_are_what_their_names_say(clip):
    """Encoders accept options that they do not know in silence."""
    assert PROPERTIES[clip.path.name](clip.path)


@pytest.mark.slow
@every_shape
def test_the_ordinal_is_the_number_drawn_into_the_frame(clip):
    shown = SHOWN.get(clip.path.name, list(range(clip.frames)))
    assert [frame.number for frame in truth(clip.path).frames] == shown
    assert len(known_index(clip.path)) == len(shown)
    assert [(i, frame.number) for i, frame in read_frames(known_index(clip.path)).items()] == list(
        enumerate(shown)
    )


@every_shape
def test_all_frames_at_once_are_those_of_sequential_decoding(clip):
    assert read_frames(known_index(clip.path)) == dict(enumerate(truth(clip.path).frames))


@pytest.mark.slow
@every_shape
def test_each_frame_alone_is_that_of_sequential_decoding(clip):
    index, expected = known_index(clip.path), truth(clip.path)
    ordinals = expected.interesting(12)
    alone = {ordinal: read_frames(index, [ordinal]).get(ordinal) for ordinal in ordinals}
    wrong = {i: frame and frame.number for i, frame in alone.items() if frame != expected.frames[i]}
    assert wrong == {}


@every_shape
@settings(max_examples=6, deadline=None)
@given(drawn=st.data())
def test_any_set_of_frames_is_that_of_sequential_decoding(clip, drawn):
    expected = truth(clip.path)
    any_ordinal = st.integers(0, len(expected.frames) - 1)
    starts = drawn.draw(st.sets(any_ordinal, min_size=1, max_size=8))
    runs = [range(start, start + drawn.draw(st.sampled_from((1, 1, 2, 9)))) for start in starts]
    ordinals = sorted({i for run in runs for i in run if i < len(expected.frames)})
    assert read_frames(known_index(clip.path), ordinals) == expected.at(ordinals)


@every_shape
def test_the_index_against_the_packets_and_the_frames(clip):
    index, expected = known_index(clip.path), truth(clip.path)
    with av.open(str(clip.path)) as container:
        stream = container.streams.video[0]
        assert (index.width, index.height) == clip.size
        assert index.time_base == stream.time_base
        packets = [(p.pts, p.is_keyframe) for p in container.demux(stream) if p.size > 1]
    key_times = {pts for pts, is_key in packets if is_key}
    assert len(index) == len(expected.frames)
    assert (np.diff(index.timestamps_us) >= 0).all()
    assert index.timed or clip.path.suffix == ".avi" or clip.path.name in COUNTED
    assert index.seekable or clip.path.suffix == ".avi" or clip.path.name in FROM_START
    if index.timed:
        assert index.pts.tolist() == list(expected.pts)
        assert (np.diff(index.pts) > 0).all()
    if index.seekable:  # a stream may have fewer places to begin at than its container says
        assert set(index.pts[index.keyframe].tolist()) <= key_times


@every_shape
def test_timestamps_count_from_the_first_frame(clip):
    if clip.path.name in OTHER_TIMES:
        pytest.skip("is shown at other times than it was drawn for")
    index = known_index(clip.path)
    # Containers round to their own clock, 90 kHz for a transport stream and 1/fps for AVI.
    exact = clip.path.suffix in (".mp4", ".mov", ".mkv", ".webm", ".flv")
    expected = 1000 * np.array(clip.milliseconds)
    np.testing.assert_allclose(index.timestamps_us, expected, atol=0 if exact else 12)


@functools.cache
def beginnings(path: Path) -> dict[int, bool]:
    """For each key frame's ordinal, by its pts: whether decoding from its packet on shows it and
    all later frames as they are.
    """
    expected = truth(path)
    ordinal_of = {pts: i for i, pts in enumerate(expected.pts)}
    with av.open(str(path)) as container:
        packets = [(p.pts, p.is_keyframe and not p.is_discard) for p in container.demux(video=0)]
    out = {}
    for first, (key_pts, is_key) in enumerate(packets):
        if not is_key or key_pts not in ordinal_of:
            continue
        got = {}
        with av.open(str(path)) as container:
            container.streams.video[0].thread_type = "NONE"
            for i, packet in enumerate(container.demux(video=0)):
                if i >= first:
                    try:
                        got |= {ordinal_of.get(f.pts): seen(f) for f in packet.decode()}
                    except av.error.FFmpegError:
                        continue
        ordinal = ordinal_of[key_pts]
        out[ordinal] = all(
            got.get(i) == expected.frames[i] for i in range(ordinal, len(expected.frames))
        )
    return out


@pytest.mark.slow
@every_shape
def test_decoding_can_begin_at_every_entry(clip):
    index = known_index(clip.path)
    if not index.seekable:
        pytest.skip("is only ever decoded from its start")
    possible = {ordinal for ordinal, works in beginnings(clip.path).items() if works} | {0}
    assert set(index.entries.tolist()) == possible


@pytest.mark.parametrize(
    "clip",
    [
        "open-gop.mp4",
        "open-gop.mkv",
        "open-gop.ts",
        "hevc-open.mp4",
        "hevc-open.mkv",
        "hevc-open.ts",
        "mpeg4.mkv",
        "mpeg2.ts",
    ],
    indirect=True,
)
def test_a_recording_that_begins_with_an_open_group_of_pictures(clip, tmp_path):
    """The first B-frames need pictures before the file: no other frame takes their place."""
    path = tmp_path / clip.path.name
    with av.open(str(clip.path)) as container, av.open(str(path), "w") as out:
        stream = container.streams.video[0]
        copy = out.add_stream_from_template(stream)
        packets = [packet for packet in container.demux(stream) if packet.size]
        second_key = [i for i, packet in enumerate(packets) if packet.is_keyframe][1]
        for packet in packets[second_key:]:
            packet.stream = copy
            out.mux(packet)
    index, expected = index_of(path), truth(path)
    by_pts = dict(zip(expected.pts, expected.frames, strict=True))
    frames = {i: by_pts[pts] for i, pts in enumerate(index.pts.tolist()) if pts in by_pts}
    assert len(frames) >= len(expected.frames) >= 45
    assert read_frames(index) == frames
    for ordinal in range(len(index)):
        alone = {ordinal: frames[ordinal]} if ordinal in frames else {}
        assert read_frames(index, [ordinal]) == alone, ordinal


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("name", REAL)
def test_real_clips_against_a_plain_loop(name):
    path = data.video(name)
    expected, index = truth(path), known_index(path)
    assert len(index) == len(expected.frames) == REAL[name]
    if index.seekable:
        assert index.pts.tolist() == list(expected.pts)
    assert read_frames(index) == dict(enumerate(expected.frames))
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    some = sorted(rng.choice(len(index), 25, replace=False).tolist())
    assert read_frames(index, some) == expected.at(some)
    for key in expected.keys[:: max(1, len(expected.keys) // 4)]:
        ordinals = [i for i in (key - 1, key) if i >= 0]
        assert [read_frames(index, [i]) for i in ordinals] == [expected.at([i]) for i in ordinals]
