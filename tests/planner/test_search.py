from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from vqe.errors import QueryCancelledError
from vqe.models.specialized import ARCHITECTURES, HEADED
from vqe.physical.formula import Formula
from vqe.plan.accuracy import Accuracy
from vqe.plan.constants import BOOLEAN
from vqe.plan.expressions import Call, Contains
from vqe.planner import search, training
from vqe.planner.atoms import Atoms
from vqe.planner.cost import Costs, NetworkCost, ScanCost, StageCost
from vqe.planner.evidence import Evidence
from vqe.planner.inquiry import Pictures
from vqe.planner.training import Trainer
from vqe.planner.turns import Turns
from vqe.runtime.context import Context
from vqe.video.costs import DecodeCosts
from vqe.video.decode_plan import DecodeWork
from vqe.video.index import index_of
from vqe.video.packets import Packets

N, FPS = 1500, 10
REMAINING = 20_000


DECODE_COSTS = DecodeCosts(
    packet=0.0, key=0.003, other=0.001, offered=0.001, reference_share=1.0, seek=0.0
)


@pytest.fixture(autouse=True)
def short_trainings(monkeypatch):
    for known, architectures in (("ARCHITECTURES", ARCHITECTURES), ("HEADED", HEADED)):
        short = {name: replace(arch, steps=40) for name, arch in architectures.items()}
        monkeypatch.setattr(training, known, short)


@pytest.fixture(scope="module")
def present():
    """Visits of five seconds in every thirty."""
    return (np.arange(N) // 50) % 3 == 1


def evidence(present, *, in_blocks, in_pixels):
    """What the object does to the block differences and to the thumbnails."""
    rng = np.random.default_rng(0)
    blocks = rng.gamma(5.0, 1.0, (N, 400))
    blocks[present] += 300.0 * in_blocks
    thumbnails = {}
    for size in {arch.size for arch in ARCHITECTURES.values()}:
        pictures = rng.integers(90, 130, (N, size, size, 3))
        if in_pixels:
            pictures[present, size // 4 : size // 2, size // 4 : size // 2] += 80
        thumbnails[size] = pictures.astype(np.uint8)
    return Evidence(
        ordinals=np.arange(N),
        block=np.arange(N) // FPS,
        present=present,
        training=(np.arange(N) // FPS) % 2 == 0,
        drawn=np.ones(N, np.bool_),
        thumbnails=thumbnails,
        reference=np.zeros((48, 64), np.uint8),
        differences=blocks,
        looks=rng.normal(0, 0.01, (N, 3)),
        thumbnail_seconds=dict.fromkeys(thumbnails, 0.0002),
        difference_seconds=0.0001,
    )


def with_atoms(found, *columns):
    """The same, where the condition is that any of several labels is there."""
    either = Contains("0", 0.5)
    for i in range(1, len(columns)):
        either = Call("or_kleene", (either, Contains(str(i), 0.5)), BOOLEAN)
    return replace(found, atoms=Atoms(Formula(either), np.stack(columns, axis=1)))


def panning(found):
    """The same before a background that passes by."""
    thumbnails = {}
    for size, pictures in found.thumbnails.items():
        tiles = np.random.default_rng(1).integers(-60, 60, (size // 4, size, 1))
        background = np.kron(tiles, np.ones((4, 4, 1)))[:size]
        shifts = np.arange(N) * size // 32
        passing = np.stack([np.roll(background, shift, axis=1)[:, :size] for shift in shifts])
        thumbnails[size] = (pictures + passing).clip(0, 255).astype(np.uint8)
    return replace(found, thumbnails=thumbnails)


def turns(present):
    """The frames around each change, where nothing changes but the object."""
    means = np.random.default_rng(2).normal(100, 0.5, (N, 400)).astype(np.float32)
    means[present, 90:110] += 60
    before = np.flatnonzero(np.diff(present.astype(int)))
    around = (before[:, None] + np.arange(-4, 6)).ravel()
    return Turns(
        around,
        np.repeat(np.arange(len(before)), 10),
        present[around],
        means[around],
        last=before,
        pictures=Pictures(np.arange(N), means, 0.0001),
    )


def decide(
    evidence,
    reference_seconds,
    find_turns=lambda most_labels: None,
    invested=0.0,
    seconds_left=lambda: math.inf,
    context=None,
):
    packets = Packets(np.arange(N), np.arange(N), np.full(N, 100), np.ones(N, bool))
    index = index_of(
        packets,
        path="",
        width=64,
        height=48,
        time_base=Fraction(1, FPS),
        timed=True,
        seekable=True,
        source="packets",
    )
    trainer = Trainer(seed=0, device="cpu")
    trainer.invested = invested
    costs = Costs(
        decode=DECODE_COSTS,
        reference=NetworkCost(reference_seconds, cores=1),
        difference=evidence.difference_seconds,
        specialized=trainer.scoring,
    )
    plans = search.Search(
        index=index,
        evidence=evidence,
        accuracy=Accuracy(fnr=0.1, fdr=0.01),
        costs=costs,
        frames=REMAINING,
        work=DecodeWork(packets=REMAINING, others=REMAINING),
        reference_name="ref",
        seconds_left=seconds_left,
    )
    plans.explore(context or Context(), trainer)
    plans.consider_links(Context(), find_turns)
    return plans.decide()


def kinds(decision):
    return [stage.decided_by for stage in decision.stages]


@pytest.mark.slow
def test_difference_detector_only(present):
    decision = decide(evidence(present, in_blocks=True, in_pixels=False), 0.05)
    assert kinds(decision) == ["difference"]


@pytest.mark.slow
def test_specialized_model_only(present):
    decision = decide(evidence(present, in_blocks=False, in_pixels=True), 0.05)
    assert kinds(decision) == ["specialized"]


def test_heads_are_offered_where_several_atoms_vary(present):
    def offered(found):
        return [arch.name for arch in Trainer(seed=0, device="cpu").offered(found)]

    found = evidence(present, in_blocks=False, in_pixels=True)
    half, never = present & (np.arange(N) % 2 == 0), np.zeros(N, np.bool_)
    assert offered(found) == list(ARCHITECTURES)
    assert offered(with_atoms(found, present, never)) == list(ARCHITECTURES)
    assert offered(with_atoms(found, half, present & ~half)) == [
        "linear 32",
        "cnn 64×16",
        "cnn 64×16 heads",
        "cnn 96×16",
        "cnn 96×16 heads",
    ]
    assert offered(replace(found, present=never)) == []


class Clock:
    """A DEADLINE that is a second nearer whenever one looks at it, as every step of a training
    does."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __call__(self):
        self.seconds -= 1
        return self.seconds


def searched(found, monkeypatch, *, seconds_left):
    """A search for which trials of trainings foretell nothing."""

    def expected(self, arch, evidence, check):
        self.scoring[arch.name] = 0.0
        return 0.0

    monkeypatch.setattr(Trainer, "expected", expected)
    monkeypatch.setattr(search.Search, "_using", lambda *_: 0.0)
    names = ("linear 32", "cnn 64×16")
    monkeypatch.setattr(
        training, "ARCHITECTURES", {name: training.ARCHITECTURES[name] for name in names}
    )
    return decide(found, 0.05, seconds_left=seconds_left)


def test_a_deadline_that_comes_in_a_training_leaves_the_plans_before_it(present, monkeypatch):
    """The linear model takes 40 steps; its successor is given up in the middle of as many."""
    found = evidence(present, in_blocks=False, in_pixels=True)
    decision = searched(found, monkeypatch, seconds_left=Clock(60))
    assert decision.name == "linear 32"
    (skipped,) = (a for a in decision.alternatives if a.name == "cnn 64×16")
    assert (skipped.seconds, skipped.reason) == (None, "the DEADLINE came while it was trained")
    decision = searched(found, monkeypatch, seconds_left=Clock(20))
    assert "specialized" not in kinds(decision)
    assert [a.name for a in decision.alternatives if "DEADLINE" in a.reason] == ["linear 32"]


def test_a_model_that_could_not_be_used_in_time_is_not_trained(present, monkeypatch):
    """Decoding alone takes longer than what the DEADLINE leaves."""
    found = evidence(present, in_blocks=False, in_pixels=True)
    decoding = search.UNHURRIED * DECODE_COSTS.other * REMAINING
    monkeypatch.setattr(Trainer, "train", None)
    decision = decide(found, 0.05, seconds_left=lambda: decoding)
    told = {a.name: a.reason for a in decision.alternatives}
    assert all(told[name].endswith(": the DEADLINE is nearer") for name in ARCHITECTURES)


def test_a_training_is_cancelled_with_its_query(present, monkeypatch):
    context = Context()

    def cancelled():
        context.cancelled.set()
        return 1e9

    found = evidence(present, in_blocks=False, in_pixels=True)
    with pytest.raises(QueryCancelledError):
        decide(found, 0.05, seconds_left=cancelled, context=context)


@pytest.mark.slow
def test_heads_where_there_is_nothing_else(present, monkeypatch):
    monkeypatch.setattr(training, "ARCHITECTURES", {})
    found = evidence(present, in_blocks=False, in_pixels=True)
    first_half = present & (np.arange(N) < N // 2)
    decision = decide(with_atoms(found, first_half, present & ~first_half), 0.05)
    assert decision.name in HEADED
    assert kinds(decision) == ["specialized"]
    assert decision.measured.units.false_negatives == 0
    assert "specialized" not in kinds(decide(found, 0.05))


@pytest.mark.slow
def test_a_link_where_nothing_but_time_tells_the_frames_apart(present):
    """Labels for turns are sought in proportion to the calls that a link may save."""
    found = evidence(present, in_blocks=False, in_pixels=False)
    asked = []

    def find_turns(most_labels):
        asked.append(most_labels)
        return turns(present)

    decision = decide(found, 0.0003, find_turns)
    assert decision.stages == ()
    assert decision.name == decision.link.name
    steps = {step.name: step for step in decision.predictions}
    assert steps["ref"].frames_in < 0.2 * REMAINING
    assert steps[decision.link.name].frames_in == REMAINING
    assert asked == [pytest.approx(0.1 * REMAINING, rel=0.1)]
    assert decision.measured.units.false_negatives == 0
    assert decide(found, 0.0003).link is None  # no turns, no link


@pytest.mark.slow
def test_a_link_behind_a_detector(present):
    """The detector knows the empty scene, the link what stays in it."""
    found = evidence(present, in_blocks=True, in_pixels=False)
    decision = decide(found, 0.05, lambda most_labels: turns(present))
    assert kinds(decision) == ["difference"]
    assert decision.link is not None
    assert decision.name.endswith(decision.link.name)
    for level in decision.stricter:
        assert [stage.name for stage in level] == [stage.name for stage in decision.stages]
    assert len(decision.stricter) > 0


@pytest.mark.slow
def test_no_cascade_where_nothing_tells_the_frames_apart(present):
    decision = decide(evidence(present, in_blocks=False, in_pixels=False), 0.05)
    predicted = {step.name: step.frames_in for step in decision.predictions}
    assert predicted["ref"] > 0.85 * REMAINING


def test_no_cascade_where_the_reference_network_is_cheap(present):
    decision = decide(evidence(present, in_blocks=True, in_pixels=True), 1e-6)
    assert decision.stages == ()
    assert {other.name for other in decision.alternatives} >= set(ARCHITECTURES)


@pytest.mark.slow
def test_the_decision_is_the_cheapest_up_to_the_price_of_safety(present):
    decision = decide(evidence(present, in_blocks=True, in_pixels=True), 0.05)
    whole = REMAINING * 0.05
    cheapest = min(o.seconds for o in decision.alternatives if o.seconds is not None)
    seconds = sum(step.seconds for step in decision.predictions)
    assert seconds <= cheapest + 0.06 * (whole - cheapest)
    assert decision.measured is not None
    assert decision.measured.units.false_negatives == 0
    assert decision.measured.units.units == N // FPS // 2


@pytest.mark.slow
def test_a_dear_model_is_not_trained_for_nothing(present):
    decision = decide(evidence(present, in_blocks=True, in_pixels=True), 0.0003)
    skipped = [other for other in decision.alternatives if other.seconds is None]
    assert skipped
    assert all("training takes" in other.reason for other in skipped)


WASTED = 2 * search.INVESTED * REMAINING * 0.05


def test_trainings_that_save_nothing_come_to_an_end(present):
    found = evidence(present, in_blocks=False, in_pixels=False)
    decision = decide(found, 0.05, invested=WASTED)
    skipped = {other.name: other.reason for other in decision.alternatives if other.seconds is None}
    assert set(ARCHITECTURES) <= set(skipped)
    assert all("have not paid" in skipped[name] for name in ARCHITECTURES)


@pytest.mark.slow
def test_what_a_cascade_saves_may_be_invested(present):
    """The same seconds, but a difference detector saves more than them."""
    found = evidence(present, in_blocks=True, in_pixels=False)
    decision = decide(found, 0.05, invested=WASTED)
    assert not any("have not paid" in other.reason for other in decision.alternatives)


@pytest.mark.slow
def test_no_difference_detector_where_the_camera_moves(present):
    found = panning(evidence(present, in_blocks=True, in_pixels=True))
    decision = decide(found, 0.05)
    assert "difference" not in kinds(decision)
    (dropped,) = (other for other in decision.alternatives if "camera moves" in other.reason)
    assert (dropped.name, dropped.seconds) == ("difference detectors", None)
    assert not any("mse" in other.name for other in decision.alternatives)
    fixed = decide(evidence(present, in_blocks=True, in_pixels=True), 0.05)
    assert not any("camera moves" in other.reason for other in fixed.alternatives)


@pytest.mark.slow
def test_a_cascade_is_watched(present):
    watch = decide(evidence(present, in_blocks=True, in_pixels=False), 0.05).watch
    looks = np.array([[0, 0, 0], [0, 0, 0.35], [0, 0, 0.45]])
    assert watch.known.novel(looks).tolist() == [False, False, True]
    assert decide(evidence(present, in_blocks=True, in_pixels=True), 1e-6).watch is None


def test_each_stage_sees_what_the_one_before_hands_on():
    cost = ScanCost(DECODE_COSTS, (StageCost("a", 0.001, 0.5), StageCost("b", 0.01, 0.1)))
    steps = cost.predict(frames=1000, work=DecodeWork(packets=1500, keys=100, others=1400))
    assert [(step.name, step.frames_in, step.decided) for step in steps] == [
        ("decode", 1500, 0),
        ("a", 1000, 500),
        ("b", 500, 450),
    ]
    assert [step.seconds for step in steps] == pytest.approx([1.7, 1.0, 5.0])
