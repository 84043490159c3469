"""Scans in which most frames are linked to an earlier one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from clips import Oracle, Visit, make_clip, spoil

from vqe.config import Settings
from vqe.detections import concatenate
from vqe.detectors.earlier import EarlierFrame
from vqe.errors import DamagedVideoError
from vqe.models.load import load_reference
from vqe.physical.cascade_scan import CascadeScanExec
from vqe.physical.damage import raise_damage
from vqe.physical.earlier import EarlierFrameStage
from vqe.physical.question import Question
from vqe.physical.stages import ReferenceStage
from vqe.plan.expressions import Contains
from vqe.runtime.context import Context
from vqe.storage.labels import LabelStore
from vqe.video.indexing import build_index
from vqe.video.strategies import EveryFrame

FRAMES, GOP, DELAY = 600, 50, 10
LINK = EarlierFrameStage(EarlierFrame(None), threshold=1.5, delay=DELAY)
VISITS = [Visit(40, 145, pace=0), Visit(190, 260), Visit(333, 420, pace=0), Visit(455, 460)]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A minute with buses, two of which stand still."""
    path = tmp_path_factory.mktemp("earlier") / "earlier.mp4"
    return make_clip(path, FRAMES, gop=GOP, visits=VISITS)


def scan(clip, *, ordinals=None, labelled=(), labels=None, threads=1, **fields):
    """The rows of a scan, the frames that it asked about, and the context that it ran in."""
    oracle = Oracle(clip, fingerprint="oracle")
    network = load_reference(oracle)
    index = build_index(str(clip.path), lambda: None)
    question = Question(Contains("bus", 0.5, None), network.labels)
    labels = labels or LabelStore(2**30)
    for ordinal in labelled:
        labels.add(np.array([ordinal]), replace(concatenate([]), n_frames=1))  # nothing there
    leaf = CascadeScanExec(
        video="v",
        index=index,
        ordinals=np.arange(FRAMES) if ordinals is None else ordinals,
        question=question,
        stages=(),
        reference=ReferenceStage(network, question, labels),
        labels=labels,
        fresh=np.empty(0, np.int64),
        decoding=EveryFrame(),
        title="v",
        link=LINK,
        **fields,
    )
    context = Context(Settings(decode_threads=threads))
    rows = [row for part in leaf.execute(context) for row in part.to_pylist()]
    return rows, sorted(oracle.frames_seen), context


def frames(rows):
    return [row["frame"] for row in rows]


@pytest.fixture(scope="module")
def scanned(clip):
    return scan(clip)


def test_the_answers_are_those_of_the_network(clip, scanned):
    rows, asked, context = scanned
    present = clip.present("bus")
    wrong = np.flatnonzero(present != np.isin(np.arange(FRAMES), frames(rows)))
    assert not len(wrong)
    assert len(asked) < FRAMES / 3
    for row in rows:
        by = "reference" if row["frame"] in asked else "difference"
        assert row["decided_by"] == by
        assert (row["score"] is None) == (by == "difference")
    link, last = context.metrics.scans[0].stages
    assert (link.name, link.frames_in, link.decided) == (
        "earlier frame",
        FRAMES,
        FRAMES - len(asked),
    )
    assert last.frames_in == last.decided == len(asked)


def test_no_anchor_is_older_than_the_delay_nor_from_another_segment(clip, scanned):
    _, asked, _ = scanned
    assert np.diff([*asked, FRAMES]).max() <= DELAY
    plan = EveryFrame().plan(build_index(str(clip.path), lambda: None), np.arange(FRAMES))
    begins = {int(segment.ordinals[0]) for segment in plan.segments()}
    assert len(begins) > 3
    assert begins <= set(asked)


@pytest.mark.parametrize("fields", [{"threads": 4}, {"batch_frames": 3}, {"batch_frames": 200}])
def test_threads_and_batches_change_nothing(clip, scanned, fields):
    rows, asked, _ = scan(clip, **fields)
    assert (rows, asked) == scanned[:2]


def test_a_part_of_the_frames(clip):
    """Anchors are among the frames that the query is about, and not too old for them."""
    every_third = np.arange(1, FRAMES, 3)
    rows, asked, _ = scan(clip, ordinals=every_third)
    assert frames(rows) == [o for o in every_third if clip.present("bus")[o]]
    assert len(asked) < len(every_third)
    assert set(asked) <= set(every_third.tolist())
    far_apart = np.arange(1, FRAMES, DELAY)
    assert scan(clip, ordinals=far_apart)[1] == far_apart.tolist()


def test_others_are_linked_to_a_labelled_frame(clip, scanned):
    """Whoever labelled it: here the store says that an object is not there, which is."""
    at = next(i for i, frame in enumerate(scanned[1]) if clip.present("bus")[frame + DELAY])
    known, behind = scanned[1][at + 1 : at + 3]
    assert behind - known > 3
    rows, asked, _ = scan(clip, labelled=[known])
    assert asked == sorted({*scanned[1]} - {known})
    assert {*frames(scanned[0])} - {*frames(rows)} == {*range(known, behind)}


def test_once_its_anchors_have_labels_nobody_is_asked(clip, scanned):
    labels = LabelStore(2**30)
    first = scan(clip, labels=labels)
    again = scan(clip, labels=labels)
    assert first[1] == scanned[1]
    assert not again[1]
    assert frames(again[0]) == frames(first[0])


def test_lost_frames_have_no_answer(clip, tmp_path):
    broken = replace(clip, path=tmp_path / "broken.mp4")
    broken.path.write_bytes(clip.path.read_bytes())
    spoil(broken.path, slice(352, 400))  # the rest of a group of pictures with an object
    found, _, context = scan(broken)
    with pytest.raises(DamagedVideoError) as raised:
        raise_damage(context)
    ((start, stop),) = raised.value.lost
    assert 350 < start <= 353
    assert stop == 400
    present = [frame for frame in np.flatnonzero(clip.present("bus")) if not start <= frame < stop]
    assert frames(found) == present
