"""The price of the reference network, as a query comes to know it."""

from __future__ import annotations

import numpy as np
import pytest
from clips import Oracle, make_clip

from vqe.models.load import load_reference
from vqe.physical.question import Question
from vqe.plan.effort import Effort
from vqe.plan.expressions import Contains
from vqe.planner.allowance import Allowance
from vqe.planner.cost import NetworkCost
from vqe.planner.labeller import Labeller
from vqe.runtime.context import Context
from vqe.storage.labels import LabelStore
from vqe.video.indexing import build_index

SECONDS = 0.01


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("labeller") / "clip.mp4", 40)


def asked(clip, expected, calls):
    """A labeller that was told what the network takes, and has called it so often."""
    network = load_reference(Oracle(clip, seconds=SECONDS), device="cpu")
    context = Context()
    labeller = Labeller(
        network,
        Question(Contains("bus", 0.5), network.labels),
        LabelStore(2**20),
        context,
        allowance=Allowance.of(Effort(), context.metrics, began=0.0),
        expected=expected and NetworkCost(expected, cores=1.5),
    )
    index = build_index(str(clip.path), lambda: None)
    labeller.read(index, np.arange(calls * network.batch_size), "labelling")
    return labeller


@pytest.mark.parametrize("calls", [1, 2])
def test_without_a_price_the_first_call_counts_until_there_is_another(clip, calls):
    labeller = asked(clip, None, calls)
    assert labeller.seconds_per_frame >= SECONDS


def test_an_expected_price_counts_before_a_call_and_after_a_first_that_was_slower(clip):
    for calls in (0, 1):
        labeller = asked(clip, 1e-4, calls)
        assert labeller.cost == NetworkCost(1e-4, cores=1.5)


def test_a_first_call_that_was_faster_refutes_the_expected_price(clip):
    assert SECONDS <= asked(clip, 60.0, 1).seconds_per_frame < 60


@pytest.mark.parametrize("expected", [1e-4, 60.0])
def test_what_two_calls_have_measured_counts_whatever_was_expected(clip, expected):
    assert SECONDS <= asked(clip, expected, 2).seconds_per_frame < 60
