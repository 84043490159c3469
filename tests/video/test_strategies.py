"""What each decode strategy delivers, and that it takes what was predicted."""

from __future__ import annotations

import numpy as np
import pytest
from clips import Clip, make_clip, read_number
from shapes import SHAPES

from vqe.video.decode_plan import (
    DROP_PACKETS,
    DecodePlan,
    DecodeWork,
    spans_of,
)
from vqe.video.indexing import build_index
from vqe.video.packet_gate import PacketGate, relative_sizes
from vqe.video.reader import Reader
from vqe.video.strategies import (
    COMPLETE,
    EveryFrame,
    FrameSet,
    Gated,
    KeyFrames,
    ReferenceFrames,
    Refinement,
    Stride,
)

FRAMES, GOP = 400, 25

EXACT = ("plain.mp4", "b-frames.mp4", "b-frames.mkv", "open-gop.mp4", "vp9.webm", "mpeg4-p.avi")
"""Their work is known to the packet: each seek lands where it should, no packet comes twice."""

GATE = PacketGate(threshold=1.2, auc=0.9, sample=100)

STRATEGIES = {
    "every": EveryFrame(),
    "set": FrameSet(),
    "key": KeyFrames(),
    "reference": ReferenceFrames(),
    "third": Stride(3),
    "far": Stride(40),
    "gate": Gated(GATE),
    "refinement": Refinement(),
}

ASKED = {
    "all": np.arange(FRAMES),
    "middle": np.arange(110, 240),
    "one": np.array([333]),
    "first": np.array([0]),
    "none": np.empty(0, np.int64),
    "some": np.array([3, 9, 64, 65, 66, 131, 149, 150, 151, 299, 390]),
}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder, made = tmp_path_factory.mktemp("strategies"), {}

    def get(name: str) -> Clip:
        if name not in made:
            options = {"size": (80, 48), **SHAPES[name], "frames": FRAMES, "gop": GOP}
            clip = make_clip(folder / name, **options)
            made[name] = clip, build_index(str(clip.path))
        return made[name][1]

    return get


def read(plan, threads=1):
    """The drawn number by ordinal, and the reader."""
    reader, numbers = Reader(threads=threads), {}
    for batch in reader.read(plan):
        for row, ordinal in enumerate(batch.ordinals.tolist()):
            assert ordinal not in numbers
            numbers[ordinal] = read_number(batch.luma(row))
    assert list(numbers) == sorted(numbers)
    assert not reader.report.damage
    return numbers, reader


def expected_ordinals(strategy, index, asked):
    match strategy:
        case EveryFrame() | FrameSet():
            return asked
        case KeyFrames() | Refinement():
            return asked[index.keyframe[asked]]
        case Stride(step):
            return asked[::step]
        case Gated(gate):
            large = relative_sizes(index)[asked] > gate.threshold
            return asked[large | index.keyframe[asked]]
    raise AssertionError


@pytest.mark.parametrize("name", ["b-frames.mp4", "open-gop.mp4", "b-frames.ts", "mpeg4.avi"])
@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("strategy", [key for key in STRATEGIES if key != "reference"])
def test_what_a_strategy_delivers(clips, name, strategy, asked):
    index = clips(name)
    plan = STRATEGIES[strategy].plan(index, ASKED[asked])
    expected = expected_ordinals(STRATEGIES[strategy], index, ASKED[asked]).tolist()
    assert plan.ordinals.tolist() == expected
    assert plan.name == ("key frames" if strategy == "refinement" else STRATEGIES[strategy].name)
    numbers, _ = read(plan)
    assert numbers == {ordinal: ordinal for ordinal in expected}


@pytest.mark.slow
@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_work_is_what_was_predicted(clips, name, strategy, asked):
    index = clips(name)
    plan = STRATEGIES[strategy].plan(index, ASKED[asked])
    _, reader = read(plan)
    assert reader.report.work == plan.work


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_in_a_transport_stream_only_seeks_take_more(clips, strategy):
    for asked in ASKED.values():
        plan = STRATEGIES[strategy].plan(clips("b-frames.ts"), asked)
        _, reader = read(plan)
        more = reader.report.work - plan.work
        assert (more.keys, more.others, more.offered) == (0, 0, 0)
        assert 0 <= more.seeks <= 2 * plan.work.seeks
        assert 0 <= more.packets <= more.seeks


def test_open_groups_cut_by_segments_take_a_little_more(clips):
    plan = EveryFrame().plan(clips("hevc-open.mkv"), ASKED["all"])
    _, reader = read(plan)
    more = reader.report.work - plan.work
    assert 0 <= more.packets < 0.1 * FRAMES


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("name", ["b-frames.mp4", "open-gop.mp4"])
def test_the_work_of_several_threads_is_about_that(clips, name, strategy):
    """Each thread has a seek more, to its first segment, and drops nothing between them."""
    plan = STRATEGIES[strategy].plan(clips(name), ASKED["all"])
    numbers, _ = read(plan)
    again, reader = read(plan, threads=3)
    assert again == numbers
    more = reader.report.work - plan.work
    n_segments = len(list(plan.segments()))
    assert (more.keys, more.others, more.offered) == (0, 0, 0)
    assert abs(more.seeks) <= n_segments
    assert abs(more.packets) <= n_segments * DROP_PACKETS


def test_no_less_is_decoded_than_is_asked_for(clips):
    for name in EXACT:
        for strategy in (*COMPLETE, KeyFrames(), Stride(7)):
            plan = strategy.plan(clips(name), ASKED["all"])
            work = plan.work
            assert work.keys + work.others + work.offered <= work.packets <= FRAMES
            assert work.keys + work.others >= len(plan.ordinals)


def test_reference_frames_leave_out_what_no_other_frame_needs(clips):
    index = clips("b-frames.mp4")
    numbers, reader = read(ReferenceFrames().plan(index, ASKED["all"]))
    assert numbers == {ordinal: ordinal for ordinal in numbers}
    assert FRAMES / 4 <= len(numbers) < 0.6 * FRAMES
    assert reader.report.decoded == len(numbers)
    left_out = np.setdiff1d(ASKED["all"], list(numbers))
    assert index.out_of_turn[left_out].all()
    # Without B-frames, that is none.
    numbers, _ = read(ReferenceFrames().plan(clips("plain.mp4"), ASKED["all"]))
    assert list(numbers) == list(range(FRAMES))
    # Frames of those asked for only, whatever is decoded on the way.
    some, _ = read(ReferenceFrames().plan(index, ASKED["some"]))
    all_, _ = read(ReferenceFrames().plan(index, ASKED["all"]))
    assert set(some) == set(all_) & set(ASKED["some"].tolist())


def test_a_set_skips_what_nobody_needs_on_the_way(clips):
    """Every frame decodes all of a group up to the last one asked for, the set much less."""
    index = clips("b-frames.mp4")
    asked = np.array([GOP - 2, 4 * GOP - 2])
    every, every_reader = read(EveryFrame().plan(index, asked))
    few, set_reader = read(FrameSet().plan(index, asked))
    assert every == few
    assert every_reader.report.decoded > 2 * GOP - 8
    assert set_reader.report.decoded < 0.6 * every_reader.report.decoded


def test_key_frames_take_one_packet_each(clips):
    plan = KeyFrames().plan(clips("b-frames.mkv"), ASKED["all"])
    assert plan.work == DecodeWork(
        packets=FRAMES // GOP, keys=FRAMES // GOP, seeks=FRAMES // GOP - 1
    )


def test_key_frames_where_decoding_can_only_begin_at_the_start(clips):
    index = clips("mpeg4.avi")
    assert not index.seekable
    plan = KeyFrames().plan(index, ASKED["all"])
    assert len(plan.ordinals) > 10
    assert plan.work.packets > FRAMES - 2 * GOP
    numbers, reader = read(plan)
    assert reader.report.work.packets <= plan.work.packets + 4
    assert list(numbers) == plan.ordinals.tolist()


def test_what_is_counted_is_all_decoded_and_predicted_so(clips):
    """Where frames are counted, none may be skipped."""
    for strategy in (FrameSet(), Stride(40), ReferenceFrames()):
        plan = strategy.plan(clips("mpeg4.avi"), ASKED["all"])
        _, reader = read(plan)
        assert reader.report.work.offered == 0
        assert plan.work.offered == 0
        assert abs((reader.report.work - plan.work).others) <= 4


def test_a_stride_reads_on_or_jumps(clips):
    index = clips("plain.mp4")
    assert Stride(10).plan(index, ASKED["all"]).work.seeks == 0
    far = Stride(3 * GOP).plan(index, ASKED["all"]).work
    assert far.seeks == len(ASKED["all"][:: 3 * GOP]) - 1
    assert far.packets < FRAMES / 4


def test_refinement_comes_between_key_frames(clips):
    index, strategy = clips("b-frames.mp4"), Refinement()
    intervals = np.array([2, 3, 9])
    plan = strategy.between(index, ASKED["all"], intervals)
    inside = [i for n in intervals for i in range(n * GOP + 1, (n + 1) * GOP)]
    assert plan.ordinals.tolist() == inside
    assert plan.name == strategy.name
    numbers, reader = read(plan)
    assert list(numbers.values()) == inside
    assert reader.report.work == plan.work
    both = np.concatenate([plan.ordinals, strategy.plan(index, ASKED["all"]).ordinals])
    assert len(both) == len(np.unique(both))
    nothing = strategy.between(index, ASKED["some"], np.array([0]))
    assert nothing.ordinals.tolist() == [3, 9]


def test_an_empty_plan_takes_nothing(clips):
    index = clips("plain.mp4")
    for strategy in STRATEGIES.values():
        plan = strategy.plan(index, ASKED["none"])
        assert plan.work == DecodeWork()
        assert list(plan.segments()) == []
        assert read(plan)[0] == {}


def test_work_adds_up():
    a, b = DecodeWork(5, 1, 2, 2, 1), DecodeWork(50, 10, 20, 20, 10)
    assert a + b == DecodeWork(55, 11, 22, 22, 11)
    assert a + b - a == b
    assert DecodeWork() + a == a


def test_work_of_two_halves_is_that_of_the_whole_and_a_seek(clips):
    index = clips("b-frames.mp4")
    first = FrameSet().plan(index, np.arange(200)).work
    second = FrameSet().plan(index, np.arange(200, FRAMES)).work
    whole = FrameSet().plan(index, ASKED["all"]).work
    assert first + second - whole == DecodeWork(seeks=1)


def test_which_strategies_are_complete():
    complete = {s.name for s in STRATEGIES.values() if s.complete}
    assert complete == {s.name for s in COMPLETE} == {"every frame", "frame set"}
    assert len({s.name for s in STRATEGIES.values()}) == len(STRATEGIES)


@pytest.mark.parametrize(
    ("ordinals", "spans"),
    [([], []), ([4], [(4, 5)]), ([0, 1, 2, 5, 7, 8], [(0, 3), (5, 6), (7, 9)])],
)
def test_spans(ordinals, spans):
    assert spans_of(np.array(ordinals, np.int64)) == spans


def test_a_plan_keeps_its_frames(clips):
    plan = DecodePlan("mine", clips("plain.mp4"), ASKED["some"], "unwanted")
    segments = np.concatenate([segment.ordinals for segment in plan.segments()])
    np.testing.assert_array_equal(segments, ASKED["some"])
