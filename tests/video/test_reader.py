"""Batches, segments and what a reader counts."""

from __future__ import annotations

import os

import numpy as np
import pytest
from clips import make_clip
from vqe.video.segments import SEGMENT_FRAMES, cut_at_keyframes, spans_of

from vqe.video.indexing import build_index
from vqe.video.reader import BATCH_FRAMES, Reader


@pytest.fixture(scope="module")
def long_index(tmp_path_factory):
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    return build_index(str(make_clip(path, 1300, size=(80, 48), gop=50).path))


def test_batches_end_with_their_segment(long_index):
    reader = Reader(long_index)
    batches = list(reader.read([(3, 1290)]))
    starts = {}
    for batch in batches:
        assert 1 <= len(batch) <= BATCH_FRAMES
        starts.setdefault(batch.segment, int(batch.ordinals[0]))
    # Cut at the first key frame that is SEGMENT_FRAMES or more after the last cut.
    assert starts == {0: 3, 1: 550, 2: 1100}
    ordinals = np.concatenate([batch.ordinals for batch in batches])
    np.testing.assert_array_equal(ordinals, np.arange(3, 1290))
    assert reader.decoded >= 1287
    assert reader.seconds > 0


def test_segments_do_not_depend_on_the_batch_size(long_index):
    def segments(batch_frames):
        reader = Reader(long_index, batch_frames=batch_frames)
        batches = reader.read([(10, 20), (300, 1300)])
        return [(o, batch.segment) for batch in batches for o in batch.ordinals.tolist()]

    assert segments(7) == segments(64)


def test_no_cut_without_a_key_frame(long_index):
    assert list(cut_at_keyframes(long_index, [(0, SEGMENT_FRAMES)])) == [(0, SEGMENT_FRAMES)]
    # The next key frame, 1050, is not before the end of the span.
    assert list(cut_at_keyframes(long_index, [(530, 1050)])) == [(530, 1050)]
    assert list(cut_at_keyframes(long_index, [(530, 1060)])) == [(530, 1050), (1050, 1060)]
    assert list(cut_at_keyframes(long_index, [(5, 5)])) == []


def test_spans_of():
    assert spans_of(np.array([], np.int64)) == []
    assert spans_of(np.array([4])) == [(4, 5)]
    assert spans_of(np.array([0, 1, 2, 5, 7, 8])) == [(0, 3), (5, 6), (7, 9)]


def test_a_far_frame_is_reached_by_a_seek(long_index):
    reader = Reader(long_index)
    (batch,) = reader.read([(1234, 1235)])
    assert batch.ordinals.tolist() == [1234]
    assert reader.decoded <= 50  # one group of pictures, not the 1,234 frames before


def test_reading_on_needs_no_second_decoding(long_index):
    reader = Reader(long_index)
    # All in one group of pictures: its frames are decoded once.
    assert sum(len(b) for b in reader.read([(100, 103), (110, 112), (140, 145)])) == 10
    assert reader.decoded <= 46


def open_files(path):
    links = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink(f"/proc/self/fd/{fd}"))
        except OSError:  # closed meanwhile
            continue
    return links.count(str(path))


def test_closing_the_generator_closes_the_file(long_index):
    batches = Reader(long_index).read([(0, 1300)])
    next(batches)
    assert open_files(long_index.path) == 1
    batches.close()
    assert open_files(long_index.path) == 0


def test_frames_between(plain):
    index = build_index(str(plain.path))
    assert index.frames_between(0, None) == (0, 100)
    assert index.frames_between(1_000_000, 2_000_000) == (10, 20)
    assert index.frames_between(1_000_001, 2_000_001) == (11, 21)
    assert index.frames_between(99_000_000, None) == (100, 100)
    assert index.frames_between(2_000_000, 1_000_000) == (20, 20)
