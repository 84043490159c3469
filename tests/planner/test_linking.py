"""Links, chosen by labelled blocks and held against frames that were not labelled."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from vqe.detectors.earlier import EARLIER_FRAMES
from vqe.physical.earlier import EarlierFrameStage
from vqe.plan.accuracy import Accuracy
from vqe.planner.inquiry import Pictures
from vqe.planner.linking import Linking
from vqe.planner.sampling import draw_blocks
from vqe.planner.selection import Selection
from vqe.planner.turns import MOST_TURNS, Turns
from vqe.statistics.units import count_errors, unit_of

N, FPS = 20_000, 10
ACCURACY = Accuracy(fnr=0.05, fdr=0.05, unit_us=None)
STRICT = Accuracy(fnr=0.002, fdr=0.002, unit_us=None)


class Video:
    """Objects that stand still for some seconds, in a picture that is otherwise noise.

    `visible`: by how much, in grey values; `restless`: how much everything else changes; `flicker`:
    share of the frames with an object in which the network overlooks it.
    """

    def __init__(self, seed, *, visible=60.0, restless=0.5, flicker=0.0):
        rng = np.random.default_rng(seed)
        self.present = np.zeros(N, np.bool_)
        at = 20
        while at < N:
            stop = at + int(rng.integers(40, 120))
            self.present[at:stop] = True
            at = stop + int(rng.integers(40, 200))
        self.timestamps_us = np.arange(N) * 1_000_000 // FPS
        self.means = rng.normal(100, restless, (N, 400)).astype(np.float32)
        self.means[self.present, 90:94] += np.float32(visible)
        self.present &= rng.random(N) >= flicker

    def linking(self, seed=0, accuracy=ACCURACY, frames=N):
        """What is learned of labelled blocks, about so many frames."""
        blocks = draw_blocks(self, np.arange(N), accuracy.unit_us, seed)
        ordinals = np.concatenate([block.ordinals for block in blocks])
        sizes = [len(block.ordinals) for block in blocks]
        evidence = SimpleNamespace(
            ordinals=ordinals,
            block=np.repeat(np.arange(len(blocks)), sizes),
            present=self.present[ordinals],
            training=np.repeat([block.training for block in blocks], sizes),
        )
        chosen = ~evidence.training
        units = unit_of(self.timestamps_us[ordinals[chosen]], accuracy.unit_us)
        selection = Selection(
            evidence.present[chosen],
            np.unique(units, return_inverse=True)[1],
            evidence.block[chosen],
            np.ones(chosen.sum(), np.bool_),
        )
        spans = [
            np.arange(block.ordinals[0], block.ordinals[-1] + 1)
            for block in blocks
            if not block.training
        ]
        turns = self._turns(np.concatenate(spans))
        return Linking(self, evidence, selection, accuracy, turns, frames=frames)

    def _turns(self, inside):
        last = np.flatnonzero(self.present[1:] != self.present[:-1])
        around = last[:MOST_TURNS, None] + np.arange(-4, 6)
        return Turns(
            around.ravel(),
            np.repeat(np.arange(len(around)), 10),
            self.present[around.ravel()],
            self.means[around.ravel()],
            last=last,
            pictures=Pictures(inside, self.means[inside], 0.0),
        )


def best(linking, part=1.0):
    """A link for frames that no other stage has answered."""
    present = linking.selection.present
    return linking.best(present, np.ones(len(present), np.bool_), part=part)


def answers(video, stage):
    """What frames linked by a stage are told to be, and the share that is asked about."""
    values, anchor = stage.detector.values(video.means), np.arange(N)
    for i in range(1, N):
        last = anchor[i - 1]
        if i - last < stage.delay and stage.detector.change(values[i], values[last]) < (
            stage.threshold
        ):
            anchor[i] = last
    return video.present[anchor], (anchor == np.arange(N)).mean()


@pytest.mark.slow
@pytest.mark.parametrize("unit_us", [None, 1_000_000])
def test_the_bounds_hold_for_frames_that_were_not_labelled(unit_us):
    accuracy = Accuracy(fnr=0.02, fdr=0.02, unit_us=unit_us)
    for seed in range(3):
        video = Video(seed)
        link = best(video.linking(seed, accuracy))
        answer, asked = answers(video, link.stage)
        found = count_errors(video.present, answer, unit_of(video.timestamps_us, unit_us))
        assert max(found.fnr, found.fdr) <= 0.02
        assert asked < 0.25
        assert link.passes == pytest.approx(asked, abs=0.03)
        assert link.errors.fnr <= 0.02


def test_hardly_a_frame_is_linked_where_a_turn_cannot_be_seen():
    link = best(Video(0, visible=0.0).linking(accuracy=STRICT))
    assert link is None or link.passes > 0.8
    assert best(Video(0).linking(accuracy=STRICT)).passes < 0.2


def test_hardly_a_frame_is_linked_where_everything_changes_as_much():
    link = best(Video(0, visible=60.0, restless=60.0).linking(accuracy=STRICT))
    assert link is None or link.passes > 0.5


def test_what_flickers_is_hardly_linked():
    """The answer turns in every tenth frame of a visit, and nothing is to be seen of that."""
    for seed in range(3):
        video = Video(seed, flicker=0.1)
        link = best(video.linking(seed))
        assert link is None or link.passes > 0.6
        if link is not None:
            found = count_errors(video.present, answers(video, link.stage)[0], np.arange(N))
            assert max(found.fnr, found.fdr) <= 0.05


def test_a_short_video_has_less_room_for_bad_luck():
    """Of few turns that may go wrong, more do than expected at times; of many, hardly."""
    asked = np.ones(len(Video(0).linking().selection.present), np.bool_)
    shares = []
    for frames in (N // 4, N, 100 * N):
        _, share = Video(0).linking(frames=frames).to_turn(asked, 10, 1.0)
        shares.append(share)
    assert 0 < shares[0] < shares[1] < shares[2] < 1
    assert Video(0).linking(frames=N).to_turn(asked, 10, 0.5)[1] < 0.5 * shares[1]


def test_a_unit_near_a_tie_is_harmed_by_a_single_frame():
    """One with six of ten positive is lost with two; one that is full only with five, and where
    fewer frames turn than that, it is safe."""
    present = np.array([True] * 6 + [False] * 4 + [True] * 10 + [False] * 10)
    unit = np.repeat(np.arange(3), 10)
    everything = np.ones(30, np.bool_)
    linking = Linking.__new__(Linking)
    linking.accuracy = Accuracy(fnr=0.1, fdr=0.2)
    linking.selection = Selection(present, unit, unit, everything)
    turned = np.zeros(30, np.bool_)
    turned[:12] = True
    (missed, some), (false, _), (of_units, lost), (_, gained) = linking.harms(turned)
    assert (missed == present).all()
    assert (false == ~present).all()
    assert of_units[:6].tolist() == [1.0] * 6
    assert not of_units[6:].any()
    assert (some, lost, gained) == pytest.approx((1.6, 0.2, 0.4))
    turned[10:15] = True
    ((_, _), (_, _), (of_units, _), (_, _)) = linking.harms(turned)
    assert of_units[10:20].tolist() == [0.2] * 10


def test_anchors_that_flicker_unseen_are_reckoned_with():
    """Of a block only every other frame is labelled: an answer that turns for one frame at a time
    is as often among these as among the others, where nobody sees it."""
    linking = Video(0, flicker=0.1).linking()
    asked = np.ones(len(linking.selection.present), np.bool_)
    always = EarlierFrameStage(EARLIER_FRAMES[0], np.inf, 10)
    anchors = linking.played.anchors(always, asked)
    wrong = ~linking.played.right(always, asked, anchors)
    present = linking.selection.present
    assert wrong[present].mean() > 0.08


@pytest.mark.parametrize("accuracy", [Accuracy(fnr=0.05), Accuracy(fdr=0.05), Accuracy(fpr=0.05)])
def test_both_kinds_of_error_need_a_bound(accuracy):
    assert best(Video(0).linking(accuracy=accuracy)) is None


def test_anchors_are_not_older_than_blocks_are_long_nor_younger_than_labels_are_apart():
    video = Video(0)
    assert video.linking().delays == (5, 10)
    long_units = Accuracy(fnr=0.05, fdr=0.05, unit_us=5_000_000)
    assert video.linking(accuracy=long_units).delays == (5, 10, 20, 40)


def test_the_errors_of_other_stages_count():
    """Where those before have used up what is allowed, no link may add to it."""
    linking = Video(0).linking()
    present = linking.selection.present
    asked = np.ones(len(present), np.bool_)
    missed = np.flatnonzero(present)[: int(0.06 * present.sum())]
    asked[missed] = False
    answer = present.copy()
    answer[missed] = False
    assert linking.best(answer, asked, part=1.0) is None
    answer[missed] = True
    assert linking.best(answer, asked, part=1.0) is not None


def test_thresholds_keep_away_from_what_a_turn_changes():
    """Hardly any frame that stands still has changed by half of it."""
    video = Video(0)
    link = best(video.linking())
    turn = int(np.flatnonzero(np.diff(video.present.astype(int)))[0])
    before, after = link.stage.detector.values(video.means[turn : turn + 2])
    assert link.stage.threshold < link.stage.detector.change(before, after) / 2
    assert link.stage.delay == 10
    assert link.passes < 0.2
