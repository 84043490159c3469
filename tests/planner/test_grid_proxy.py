"""Guesses on a grid save labels where usual frames look alike, and are withdrawn elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from vqe.models.kernel_model import SIZE
from vqe.plan.accuracy import DEFAULT_ACCURACY, Accuracy
from vqe.planner.fineness import fineness
from vqe.planner.grid_proxy import GridProxy
from vqe.planner.refine import refine
from vqe.planner.refinement import Refinement
from vqe.statistics.units import count_errors

FPS, SPACING = 10, 60
BACKGROUND = np.random.default_rng(99).integers(40, 160, (SIZE, SIZE, 3))


def visited(visits=12, length=150, pause=850):
    """A truth of so many visits."""
    return np.tile(np.repeat([False, True], [pause, length]), visits)


class Scene:
    """Frames with a light square where `seen` says so, and the answers that were asked for."""

    def __init__(self, truth, seen=None):
        self.truth = truth
        self.seen = truth if seen is None else seen
        self.labels = 0
        unit = np.arange(len(truth)) // FPS
        grid = np.union1d(np.arange(0, len(truth), SPACING), [0, len(truth) - 1])
        self.refinement = Refinement(unit, grid)

    def label(self, positions):
        self.labels += len(positions)
        assert not self.refinement.asked[positions].any()
        return self.truth[positions]

    def thumbnails(self, positions):
        rng = np.random.default_rng(7)
        pixels = BACKGROUND + rng.normal(0, 3, (len(positions), SIZE, SIZE, 3))
        corner = rng.integers(4, SIZE - 10, (len(positions), 2))
        for row in np.flatnonzero(self.seen[positions]):
            y, x = corner[row]
            pixels[row, y : y + 8, x : x + 6] += 70
        return np.clip(pixels, 0, 255).astype(np.uint8)

    def proxy(self, accuracy=DEFAULT_ACCURACY, seed=0):
        return GridProxy(self.refinement, accuracy, self.label, self.thumbnails, seed)

    def refine(self, accuracy=DEFAULT_ACCURACY, seed=0):
        """The errors of what is found with the help of a proxy."""
        proxy = self.proxy(accuracy, seed)
        proxy.rule_out()
        refine(self.refinement, accuracy, self.label, proxy)
        return count_errors(self.truth, self.refinement.answers(), self.refinement.unit)

    def labels_without(self):
        plain = Scene(self.truth)
        refine(plain.refinement, DEFAULT_ACCURACY, plain.label, None)
        return plain.labels


@pytest.mark.parametrize("seed", range(3))
def test_frames_that_look_like_most_are_not_asked_about(seed):
    scene = Scene(visited())
    errors = scene.refine(seed=seed)
    assert (errors.fnr, errors.fdr) == (0, 0)
    guessed = scene.refinement.guessed.sum()
    assert guessed > 0.4 * len(scene.refinement.grid)
    assert scene.labels == scene.refinement.asked.sum() <= scene.labels_without() - guessed + 9


def test_where_the_object_is_nearly_always_there_its_presence_is_guessed():
    scene = Scene(~visited())
    errors = scene.refine()
    assert (errors.fnr, errors.fdr) == (0, 0)
    assert scene.refinement.state[scene.refinement.guessed].all()
    assert scene.refinement.guessed.sum() > 0.3 * len(scene.refinement.grid)


def test_a_visit_of_which_one_frame_is_recognised_is_found_whole():
    truth = visited()
    seen = truth & (np.arange(len(truth)) % 1000 < 910)
    scene = Scene(truth, seen)
    errors = scene.refine()
    assert errors.fnr == 0


@pytest.mark.parametrize("seed", range(3))
def test_visits_that_look_like_nothing_are_asked_about(seed):
    """A fifth of the visits cannot be seen in thumbnails: those drawn betray the others."""
    truth = visited(25, 90)
    seen = truth & (np.arange(len(truth)) // 940 % 5 > 0)
    scene = Scene(truth, seen)
    errors = scene.refine(seed=seed)
    assert errors.fnr == 0
    assert not scene.refinement.guessed.any()
    assert scene.labels == scene.labels_without()


def test_where_nothing_can_be_seen_hardly_more_is_asked_about():
    scene = Scene(visited(), np.zeros(12_000, np.bool_))
    assert scene.refine().fnr == 0
    assert scene.labels == scene.labels_without()
    assert not scene.refinement.guessed.any()


@pytest.mark.parametrize("visits", [0, 3])
def test_too_few_visits_to_judge_by_withdraw_the_guesses(visits):
    truth = np.concatenate([visited(visits), np.zeros(12_000, np.bool_)])
    scene = Scene(truth)
    proxy = scene.proxy()
    proxy.rule_out()
    while len(positions := scene.refinement.ask()):
        scene.refinement.tell(positions, scene.label(positions))
    assert proxy.holds() == (not scene.refinement.guessed.any())


def test_errors_without_a_bound_are_not_guessed_at():
    scene = Scene(visited())
    scene.proxy(Accuracy(fdr=0.01)).rule_out()
    assert not scene.refinement.guessed.any()


def test_guesses_do_not_count_as_frames_in_which_nothing_was_seen():
    """Three visits are too few; that nothing was seen elsewhere counts where it was looked."""
    truth = np.zeros(200_000, np.bool_)
    truth[100_000:120_000] = True
    accuracy = Accuracy(fnr=0.05, fdr=0.05)
    asked = Refinement(np.arange(len(truth)) // FPS, np.arange(0, len(truth), SPACING))
    asked.settle(truth)
    assert fineness(asked, accuracy).enough
    guessing = Refinement(asked.unit, asked.grid)
    guessing.guess(asked.grid[asked.grid % 7 > 0], present=False)
    guessing.settle(truth)
    assert guessing.guessed.sum() > 0.7 * len(asked.grid)
    assert not fineness(guessing, accuracy).enough


def test_what_guesses_hide_counts_as_missed():
    scene = Scene(visited())
    scene.refine()
    assert scene.refinement.overlooked(True) < 0.001
    scene.refinement.hidden = 0.2
    visits = 12 * 15
    assert scene.refinement.overlooked(True) == pytest.approx(visits / 0.8 - visits)
    assert scene.refinement.overlooked(False) == 0
    assert not fineness(scene.refinement, DEFAULT_ACCURACY).enough


def test_a_guess_beside_another_answer_is_asked_about():
    refinement = Refinement(np.arange(100) // FPS, np.arange(0, 100, 11))
    refinement.guess(refinement.grid, present=False)
    assert refinement.ask().tolist() == []
    refinement.tell(np.array([44]), np.array([True]))
    assert refinement.ask().tolist() == [33, 55]
    refinement.tell(np.array([33, 55]), np.array([True, True]))
    assert refinement.ask().tolist() == [22, 66]
    refinement.withdraw()
    assert refinement.ask().tolist() == [0, 11, 22, 66, 77, 88, 99]
