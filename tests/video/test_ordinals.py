"""Frame identity: a frame has one ordinal, however it is reached."""

from __future__ import annotations

import itertools
import zlib

import av
import data
import numpy as np
import pytest
from clips import read_number
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapes import SHAPES

from vqe.video.index import build_index
from vqe.video.reader import Reader

every_shape = pytest.mark.parametrize("clip", SHAPES, indirect=True)


def frames_of(index, spans):
    """(ordinal, drawn number, checksum of the luma) of each frame that is read."""
    reader = Reader(index, batch_frames=8)
    out = []
    for batch in reader.read(spans):
        for row, ordinal in enumerate(batch.ordinals.tolist()):
            luma = batch.luma(row)
            out.append((ordinal, read_number(luma), zlib.crc32(luma.tobytes())))
    assert reader.lost == []
    return out


@pytest.fixture(scope="module")
def sequential():
    """The frames of a clip, read from end to end, made once."""
    known = {}

    def read(clip):
        if clip.path not in known:
            index = build_index(str(clip.path))
            known[clip.path] = index, frames_of(index, [(0, len(index))])
        return known[clip.path]

    return read


@every_shape
def test_the_ordinal_is_the_number_drawn_into_the_frame(clip, sequential):
    index, frames = sequential(clip)
    assert len(index) == clip.frames
    assert [ordinal for ordinal, _, _ in frames] == list(range(clip.frames))
    assert [number for _, number, _ in frames] == list(range(clip.frames))


@every_shape
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(drawn=st.data())
def test_spans_give_the_frames_of_a_sequential_reading(clip, sequential, drawn):
    index, frames = sequential(clip)
    edges = drawn.draw(st.sets(st.integers(0, len(index)), min_size=2, max_size=10).map(sorted))
    spans = list(zip(edges[::2], edges[1::2], strict=False))
    expected = [frames[i] for start, stop in spans for i in range(start, stop)]
    assert frames_of(index, spans) == expected


@every_shape
def test_timestamps_count_from_the_first_frame(clip):
    index = build_index(str(clip.path))
    # Containers round to their own clock, 90 kHz for a transport stream and 1/fps for AVI.
    tolerance = 0 if clip.path.suffix in (".mp4", ".mkv", ".webm") else 12
    expected = 1000 * np.array(clip.milliseconds)
    np.testing.assert_allclose(index.timestamps_us, expected, atol=tolerance)


@every_shape
def test_key_frames_and_seekability(clip, sequential):
    index, _ = sequential(clip)
    with av.open(str(clip.path)) as container:
        keys = [bool(frame.key_frame) for frame in container.decode(video=0)]
    assert index.keyframe.tolist() == keys
    # AVI does not store when frames are shown, which matters where there may be B-frames; a raw
    # stream stores no times at all.
    assert index.seekable == (clip.path.name not in ("mpeg4.avi", "h264.avi", "raw.h264"))


@every_shape
def test_pts_are_those_of_the_stream(clip, sequential):
    index, _ = sequential(clip)
    with av.open(str(clip.path)) as container:
        time_base = container.streams.video[0].time_base
        pts = [frame.pts for frame in container.decode(video=0)]
    assert index.time_base == time_base
    if index.seekable:
        assert index.pts.tolist() == pts


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "n_frames"),
    [
        ("intel_one-by-one-person.mp4", 1394),
        ("intel_car-detection.mp4", 377),
        ("tfl_piccadilly_night_bus.mp4", 243),
        ("tfl_tooley_truck.mp4", 244),
        ("ahmetozlu_road.mp4", 905),
        ("opencv_vtest.avi", 795),
        ("bgslibrary_video02.avi", 748),
    ],
)
def test_real_clips_against_a_plain_loop(name, n_frames):
    path = str(data.video(name))
    expected = []
    with av.open(path) as container:
        for frame in container.decode(video=0):
            plane = frame.planes[0]
            luma = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
            luma = luma[: frame.height, : frame.width]
            expected.append((len(expected), zlib.crc32(luma.tobytes())))
    index = build_index(path)
    assert len(index) == len(expected) == n_frames
    whole = [(ordinal, crc) for ordinal, _, crc in frames_of(index, [(0, n_frames)])]
    assert whole == expected
    rng = np.random.default_rng(3)
    edges = np.sort(rng.choice(n_frames, 8, replace=False)).tolist()
    spans = [(start, min(start + 9, stop)) for start, stop in itertools.pairwise(edges)]
    some = [(ordinal, crc) for ordinal, _, crc in frames_of(index, spans)]
    assert some == [expected[i] for start, stop in spans for i in range(start, stop)]
