"""Training specialized models: reproducible, and nobody else's business."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from vqe.models import threads
from vqe.models.heads import Lesson
from vqe.models.specialized import ARCHITECTURES, train
from vqe.models.threads import keep_torch_threads, torch_threads
from vqe.models.torch_network import without_tf32
from vqe.physical.stages import SpecializedStage


def trained(name="cnn 64×16", steps=12):
    """A model, and the thumbnails that it was trained with."""
    arch = ARCHITECTURES[name]
    rng = np.random.default_rng(0)
    thumbnails = rng.integers(0, 255, (120, arch.size, arch.size, 3)).astype(np.uint8)
    lesson = Lesson(rng.random((120, 1)) < 0.4)
    return train(arch, thumbnails, lesson, seed=3, steps=steps), thumbnails


def scores(name="cnn 64×16", steps=12):
    model, thumbnails = trained(name, steps)
    return model.score(thumbnails)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_one_step_is_enough_to_time_training(name):
    assert np.isfinite(scores(name, steps=1)).all()


def test_training_side_by_side_gives_what_it_gives_alone():
    alone = scores()
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda _: scores(), range(3)))
    for score in together:
        np.testing.assert_array_equal(score, alone)


def test_training_draws_nothing_from_the_generator_of_the_process():
    state = torch.get_rng_state()
    scores()
    assert torch.equal(torch.get_rng_state(), state)
    first = scores(steps=3)
    torch.manual_seed(99)
    np.testing.assert_array_equal(scores(steps=3), first)


def test_a_thread_that_starts_meanwhile_has_its_own_number_of_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    seen = []
    try:
        with torch_threads(1):
            assert torch.get_num_threads() == 1
            with torch_threads(2):
                other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
                other.start()
                other.join()
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert seen == [3]


def in_thread(action):
    """What the action returns in a thread of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(action).result()


def test_a_stage_that_has_started_starts_no_more_threads(monkeypatch):
    """Each change of the number of threads takes a few new ones: too many for a batch of eight."""
    model, thumbnails = trained()
    expected = model.score(thumbnails)
    stage = SpecializedStage(model, -1.0, 1.0)
    changes = []
    change = threads._set_for_this_thread
    monkeypatch.setattr(
        threads, "_set_for_this_thread", lambda n: (changes.append(n), change(n))[1]
    )

    def segments():
        torch.set_num_threads(3)
        scores = []
        for _ in range(2):
            stage.start()
            scores += [model.score(thumbnails[i : i + 8]) for i in range(0, 120, 8)]
        return np.concatenate(scores), torch.get_num_threads()

    before = torch.get_num_threads()
    try:
        scores, of_worker = in_thread(segments)
    finally:
        torch.set_num_threads(before)
    assert changes == [1]
    assert of_worker == 1
    np.testing.assert_allclose(scores, np.tile(expected, 2), rtol=1e-4, atol=1e-4)


def test_other_threads_keep_their_number_when_one_keeps_its_own():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert in_thread(lambda: (keep_torch_threads(1), torch.get_num_threads())[1]) == 1
        assert torch.get_num_threads() == 3
        assert in_thread(torch.get_num_threads) == 3
    finally:
        torch.set_num_threads(before)


def test_networks_that_change_the_flags_of_cudnn_take_turns():
    before = torch.backends.cudnn.allow_tf32
    second_is_in = threading.Event()

    def second():
        with without_tf32():
            second_is_in.set()

    thread = threading.Thread(target=second)
    with without_tf32():
        assert not torch.backends.cudnn.allow_tf32
        thread.start()
        assert not second_is_in.wait(0.05)
    thread.join()
    assert torch.backends.cudnn.allow_tf32 == before
