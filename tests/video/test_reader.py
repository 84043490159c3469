"""Segments, batches and threads: what is read does not depend on who reads it."""

from __future__ import annotations

import itertools
import os
import threading
import time
from contextlib import closing

import numpy as np
import pytest
from clips import make_clip, read_number
from reading import read_frames, seen
from shapes import SHAPES

from vqe.errors import VideoError, VideoNotFoundError
from vqe.video import reader as reader_module
from vqe.video.decode_plan import SEGMENT_FRAMES, DecodeWork
from vqe.video.indexing import build_index
from vqe.video.reader import BATCH_FRAMES, Reader
from vqe.video.strategies import EveryFrame, FrameSet, KeyFrames, Stride

FRAMES, GOP = 1300, 50


@pytest.fixture(scope="module")
def long_index(tmp_path_factory):
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    return build_index(str(make_clip(path, FRAMES, size=(80, 48), gop=GOP).path))


@pytest.fixture(scope="module")
def indexes(tmp_path_factory):
    """By the name of a shape: 300 frames."""
    folder, made = tmp_path_factory.mktemp("reader"), {}

    def get(name):
        if name not in made:
            options = {"size": (80, 48), "gop": 12, **SHAPES[name], "frames": 300}
            made[name] = build_index(str(make_clip(folder / name, **options).path))
        return made[name]

    return get


def every(index, *ranges):
    """A plan for these ranges of frames; for all where there are none."""
    ordinals = np.concatenate([np.arange(*r) for r in ranges or [(0, len(index))]])
    return EveryFrame().plan(index, ordinals)


def numbers_of(batches):
    return [
        (ordinal, read_number(batch.luma(row)))
        for batch in batches
        for row, ordinal in enumerate(batch.ordinals.tolist())
    ]


def workers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("vqe-worker")]


def open_files(path):
    links = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink(f"/proc/self/fd/{fd}"))
        except OSError:  # closed meanwhile
            continue
    return links.count(str(path))


# Segments.


def test_segments_are_cut_at_key_frames(long_index):
    segments = list(every(long_index, (3, 1290)).segments())
    assert SEGMENT_FRAMES == 2 * GOP
    starts = [int(segment.ordinals[0]) for segment in segments]
    assert starts == [3, *range(SEGMENT_FRAMES, 1290, SEGMENT_FRAMES)]
    assert [segment.number for segment in segments] == list(range(len(segments)))
    together = np.concatenate([segment.ordinals for segment in segments])
    np.testing.assert_array_equal(together, np.arange(3, 1290))


def test_segments_are_measured_in_packets_to_decode(long_index):
    """A few frames here and there make few segments, however far apart they are."""
    assert len(list(KeyFrames().plan(long_index, np.arange(FRAMES)).segments())) == 1
    last_of_each = np.arange(GOP - 1, FRAMES, GOP)
    segments = list(FrameSet().plan(long_index, last_of_each).segments())
    assert len(segments) == FRAMES // SEGMENT_FRAMES
    assert {len(segment.ordinals) for segment in segments} == {2}


def test_a_group_of_pictures_is_never_cut(long_index, indexes):
    for index in (long_index, indexes("open-gop.mp4"), indexes("one-gop.mp4")):
        rng = np.random.default_rng(2)
        for share in (0.02, 0.3, 1.0):
            ordinals = np.flatnonzero(rng.random(len(index)) < share)
            segments = list(FrameSet().plan(index, ordinals).segments())
            groups = [set(index.gop_of(segment.ordinals).tolist()) for segment in segments]
            assert sum(map(len, groups)) == len(set.union(*groups))
    assert len(list(every(indexes("one-gop.mp4")).segments())) == 1


@pytest.mark.parametrize("name", ["b-frames.mp4", "open-gop.mp4", "mpeg4.avi", "one-gop.mp4"])
def test_runs_cover_their_frames_and_begin_at_entries(indexes, name):
    index = indexes(name)
    rng = np.random.default_rng(4)
    for share in (0.01, 0.1, 0.6, 1.0):
        ordinals = np.flatnonzero(rng.random(len(index)) < share)
        plan = FrameSet().plan(index, ordinals)
        for segment in plan.segments():
            runs = list(plan.runs(segment.ordinals))
            wanted = np.concatenate([run.ordinals for run in runs])
            np.testing.assert_array_equal(wanted, segment.ordinals)
            for run in runs:
                assert run.first in index.entry_rank
                ranks = index.decode_rank[run.ordinals]
                assert run.first <= ranks.min()
                assert run.last == ranks.max()


def test_groups_that_touch_make_one_run(long_index):
    plan = every(long_index, (10, 160))
    (run,) = plan.runs(plan.ordinals)
    assert (run.first, run.last) == (0, 159)
    few = FrameSet().plan(long_index, np.array([10, 60]))
    assert [(run.first, run.last) for run in few.runs(few.ordinals)] == [(0, 10), (50, 60)]


# Batches.


def test_batches_end_with_their_segment(long_index):
    reader = Reader()
    batches = list(reader.read(every(long_index, (3, 1290))))
    starts = {}
    for batch in batches:
        assert 1 <= len(batch) <= BATCH_FRAMES
        assert len(batch.images) == len(batch.ordinals)
        starts.setdefault(batch.segment, int(batch.ordinals[0]))
    assert starts == {i: max(3, SEGMENT_FRAMES * i) for i in range(13)}
    assert numbers_of(batches) == [(i, i) for i in range(3, 1290)]
    report = reader.report
    assert report.decoded == 1290
    assert report.work == DecodeWork(packets=1290, keys=26, others=1264)
    assert report.seconds > 0
    assert not report.damage


def test_batches_of_large_pictures_hold_fewer(long_index, monkeypatch):
    monkeypatch.setattr(reader_module, "BATCH_BYTES", 5 * 80 * 48 * 3 // 2)
    sizes = {len(batch) for batch in Reader().read(every(long_index, (0, 100)))}
    assert sizes == {5}
    monkeypatch.setattr(reader_module, "BATCH_BYTES", 1)
    assert {len(batch) for batch in Reader().read(every(long_index, (0, 20)))} == {1}


@pytest.mark.parametrize("batch_frames", [1, 7, 64, 1000])
def test_segments_do_not_depend_on_the_batch_size(long_index, batch_frames):
    plan = every(long_index, (10, 20), (300, 1300))
    reader = Reader(batch_frames=batch_frames)
    got = [(o, b.segment) for b in reader.read(plan) for o in b.ordinals.tolist()]
    assert got == [(o, s.number) for s in plan.segments() for o in s.ordinals.tolist()]


# Threads.


NAMES = ("b-frames.mp4", "open-gop.mp4", "b-frames.mkv", "b-frames.ts", "mpeg4.avi", "one-gop.mp4")


@pytest.mark.slow
@pytest.mark.parametrize("name", [*NAMES, "vp9.webm", "hevc-open.mkv", "mpeg4-p.avi"])
def test_any_number_of_threads_reads_the_same(indexes, name):
    index = indexes(name)
    rng = np.random.default_rng(1)
    sets = [np.arange(len(index)), np.sort(rng.choice(len(index), 40, replace=False))]
    for plan in [s.plan(index, o) for s in (EveryFrame(), FrameSet(), Stride(3)) for o in sets]:
        results = []
        for threads in (1, 2, 3, 4):
            reader = Reader(threads=threads)
            results.append(
                [
                    (ordinal, batch.segment, seen(image))
                    for batch in reader.read(plan)
                    for ordinal, image in zip(batch.ordinals.tolist(), batch.images, strict=True)
                ]
            )
            assert not reader.report.damage
        assert [ordinal for ordinal, _, _ in results[0]] == plan.ordinals.tolist()
        assert [number.number for _, _, number in results[0]] == plan.ordinals.tolist()
        assert results[1:] == results[:1] * 3


def test_each_thread_has_a_file_of_its_own(long_index):
    for threads in (1, 2, 3):
        with closing(Reader(threads=threads).read(every(long_index))) as batches:
            next(batches)
            deadline = time.monotonic() + 5
            while open_files(long_index.path) < threads and time.monotonic() < deadline:
                time.sleep(0.001)
            assert open_files(long_index.path) == len(workers()) == threads
        assert open_files(long_index.path) == 0
        assert workers() == []


def test_all_is_closed_when_all_is_read(long_index):
    list(Reader(threads=2).read(every(long_index, (0, 300))))
    assert open_files(long_index.path) == 0
    assert workers() == []


def test_nothing_is_opened_before_the_first_batch_is_asked_for(long_index):
    batches = Reader(threads=2).read(every(long_index))
    assert open_files(long_index.path) == 0
    batches.close()
    assert workers() == []


def test_a_consumer_that_fails_leaves_nothing_open(long_index):
    def consume():
        for batch in Reader(threads=2).read(every(long_index)):
            raise KeyError(int(batch.ordinals[0]))

    with pytest.raises(KeyError):
        consume()
    assert open_files(long_index.path) == 0
    assert workers() == []


def test_closing_does_not_read_to_the_end(long_index):
    reader = Reader(threads=2, batch_frames=4)
    with closing(reader.read(every(long_index))) as batches:
        next(batches)
    assert reader.report.decoded < FRAMES / 2


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_the_budget_bounds_what_is_decoded_ahead(long_index, monkeypatch, threads):
    frame_bytes = next(Reader(batch_frames=1).read(every(long_index, (0, 1)))).nbytes
    budget, batch = 40, 4
    monkeypatch.setattr(reader_module, "READ_AHEAD_BYTES", budget * frame_bytes)
    reader = Reader(threads=threads, batch_frames=batch)
    taken = 0
    with closing(reader.read(every(long_index))) as batches:
        for frames in batches:
            taken += len(frames)
            if taken % 200 < batch:
                time.sleep(0.05)  # as far ahead as they may
            # Besides those that wait, each thread holds a batch, and its decoder has begun another.
            assert reader.report.decoded <= taken + budget + (threads + 1) * 2 * batch
    assert taken == FRAMES


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_a_budget_below_one_batch_still_reads_all(indexes, monkeypatch, threads):
    monkeypatch.setattr(reader_module, "READ_AHEAD_BYTES", 1)
    index = indexes("b-frames.mp4")
    got = numbers_of(Reader(threads=threads).read(every(index)))
    assert got == [(i, i) for i in range(300)]


def test_cancelling_ends_reading(long_index):
    cancelled = threading.Event()
    reader = Reader(threads=2, batch_frames=4, cancelled=cancelled.is_set)
    batches = reader.read(every(long_index))
    next(batches)
    cancelled.set()
    for _ in batches:  # whatever was decoded before
        pass
    assert reader.report.decoded < FRAMES
    assert workers() == []


# Processing in the threads that decode.


class Weighed:
    def __init__(self, value):
        self.value = value
        self.nbytes = 8


@pytest.mark.parametrize("threads", [1, 3])
def test_batches_are_processed_where_they_are_decoded(long_index, threads):
    names, main = set(), threading.get_ident()

    def start():
        count = 0

        def process(frames):
            nonlocal count
            names.add(threading.get_ident())
            count += len(frames)
            return Weighed((frames.segment, count, int(frames.ordinals[-1])))

        return process

    plan = every(long_index)
    results = [item.value for item in Reader(threads=threads).process(plan, start)]
    expected = []
    for segment in plan.segments():  # the count begins anew in each
        counts = [*range(BATCH_FRAMES, SEGMENT_FRAMES, BATCH_FRAMES), SEGMENT_FRAMES]
        expected += [(segment.number, n, segment.number * SEGMENT_FRAMES + n - 1) for n in counts]
    assert results == expected
    assert main not in names
    assert 1 <= len(names) <= threads


def test_an_error_of_the_process_comes_in_its_place(long_index):
    def process(frames):
        if frames.ordinals[0] >= 500:
            raise ValueError("too late")
        return Weighed(int(frames.ordinals[-1]))

    for threads in (1, 2, 4):
        got = []
        with pytest.raises(ValueError, match="too late"):
            got.extend(Reader(threads=threads).process(every(long_index), lambda: process))
        assert got[-1].value == 499
        assert open_files(long_index.path) == 0


# What a reader counts.


def test_a_far_frame_is_reached_by_a_seek(long_index):
    reader = Reader()
    (batch,) = reader.read(every(long_index, (1234, 1235)))
    assert numbers_of([batch]) == [(1234, 1234)]
    # One group of pictures, not the 1,234 frames before.
    assert reader.report.work == DecodeWork(packets=35, keys=1, others=34, seeks=1)
    assert reader.report.decoded == 35


def test_reading_on_needs_no_second_decoding(long_index):
    reader = Reader()
    # All in one group of pictures: its frames are decoded once.
    batches = reader.read(every(long_index, (100, 103), (110, 112), (140, 145)))
    assert sum(len(batch) for batch in batches) == 10
    assert reader.report.decoded == 45
    assert reader.report.work.seeks == 1


def test_a_reader_counts_all_that_it_reads(long_index):
    reader = Reader(threads=2)
    list(reader.read(every(long_index, (0, 50))))
    first = reader.report
    list(reader.read(every(long_index, (0, 200))))
    both = reader.report
    assert (first.decoded, both.decoded) == (50, 250)
    assert both.work.packets == 250
    assert both.seconds > first.seconds
    assert Reader().report.work == DecodeWork()


def test_nothing_is_asked_for(long_index):
    reader = Reader(threads=2)
    assert list(reader.read(every(long_index, (5, 5)))) == []
    assert reader.report.work == DecodeWork()


def test_two_readers_at_once(indexes):
    one, two = indexes("b-frames.mp4"), indexes("open-gop.mp4")
    with (
        closing(Reader(threads=2).read(every(one))) as first,
        closing(Reader(threads=2).read(every(two))) as second,
    ):
        pairs = list(itertools.zip_longest(first, second))
    for i in range(2):
        assert numbers_of(pair[i] for pair in pairs if pair[i]) == [(n, n) for n in range(300)]


# Files that are gone.


@pytest.mark.parametrize("threads", [1, 2])
def test_a_file_that_was_deleted(tmp_path, threads):
    index = build_index(str(make_clip(tmp_path / "a.mp4", 250, size=(80, 48)).path))
    (tmp_path / "a.mp4").unlink()
    with pytest.raises(VideoNotFoundError, match=r"no such file: '.*a\.mp4'"):
        list(Reader(threads=threads).read(every(index)))
    (tmp_path / "a.mp4").write_bytes(b"no film")
    with pytest.raises(VideoError, match="is not a video that can be read"):
        list(Reader(threads=threads).read(every(index)))
    assert workers() == []


def test_frames_between(plain):
    index = build_index(str(plain.path))
    assert index.frames_between(0, None) == (0, 100)
    assert index.frames_between(1_000_000, 2_000_000) == (10, 20)
    assert index.frames_between(1_000_001, 2_000_001) == (11, 21)
    assert index.frames_between(99_000_000, None) == (100, 100)
    assert index.frames_between(2_000_000, 1_000_000) == (20, 20)


def test_reading_is_what_the_other_tests_read(plain):
    assert list(read_frames(plain.path)) == list(range(100))
