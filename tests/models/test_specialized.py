"""Training specialized models: reproducible, and nobody else's business."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from vqe.models.specialized import ARCHITECTURES, train
from vqe.models.threads import torch_threads
from vqe.models.torch_network import without_tf32


def scores(name="cnn 64×16", steps=12):
    arch = ARCHITECTURES[name]
    rng = np.random.default_rng(0)
    thumbnails = rng.integers(0, 255, (120, arch.size, arch.size, 3)).astype(np.uint8)
    model = train(arch, thumbnails, rng.random(120) < 0.4, seed=3, steps=steps)
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
