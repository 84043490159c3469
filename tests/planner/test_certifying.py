"""Proofs of frozen plans: how often they are wrong, what they cost, and that they can go on."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from vqe.physical.question import Question
from vqe.physical.stages import ABSENT, PRESENT, UNKNOWN
from vqe.plan.accuracy import Accuracy
from vqe.plan.effort import Effort
from vqe.plan.expressions import Contains
from vqe.planner.allowance import SpentError
from vqe.planner.certifying import Certifying, UnprovableError
from vqe.planner.proof import FrozenPlans, Proof

QUESTION = Question(Contains("bus", 0.5), ("bus",))


def marked(truth: np.ndarray) -> np.ndarray:
    """The marks of labels that say so."""
    return np.where(truth, 1.0, -1.0)


class Told(Certifying):
    """A proof whose labels come from an array instead of a video, `most` of them."""

    def __init__(
        self, proof: Proof, truth: np.ndarray, accuracy: Accuracy, most: int = 10**9
    ) -> None:
        n = len(truth)
        scan = SimpleNamespace(
            question=QUESTION,
            accuracy=accuracy,
            ordinals=np.arange(n),
            frames=n,
            effort=Effort(calls=most),
        )
        self.purse = SimpleNamespace(fresh=[], affordable=most)
        super().__init__(scan, proof, self.purse)  # type: ignore[arg-type]
        self.truth = truth
        self.asked: set[int] = set()

    def _ask(self, positions: np.ndarray) -> None:
        paid = positions[np.isnan(self.proof.mark[positions])][: self.purse.affordable]
        self.purse.affordable -= len(paid)
        self.asked |= set(paid.tolist())
        self.proof.mark[paid] = marked(self.truth[paid])
        if np.isnan(self.proof.mark[positions]).any():
            raise SpentError


def frozen(answers: np.ndarray, unit: np.ndarray, seed: int = 0, labels=()) -> Proof:
    """`answers`: int8 (K, N) of K plans; `labels`: (position, truth) of those known before."""
    mark = np.full(answers.shape[1], np.nan, np.float32)
    for position, truth in labels:
        mark[position] = marked(truth)
    label = np.where(np.isnan(mark), UNKNOWN, mark > 0).astype(np.int8)
    plans = FrozenPlans(answers.astype(np.int8), np.zeros(answers.shape, np.int8))
    return Proof.freeze(plans, unit, mark, label, seed)


def bounds(bound: float, confidence: float = 0.95) -> Accuracy:
    return Accuracy(fnr=bound, fdr=bound, confidence=confidence)


def rates(truth: np.ndarray, answer: np.ndarray) -> tuple[float, float]:
    return (truth & ~answer).sum() / truth.sum(), (answer & ~truth).sum() / max(answer.sum(), 1)


@pytest.mark.slow
@pytest.mark.parametrize(("missed", "false"), [(1.05, 0.0), (0.0, 1.05), (1.5, 1.5)])
def test_what_is_proved_is_hardly_ever_wrong(missed: float, false: float) -> None:
    """Plans that break a bound by a little, each seed with another draw, of frames."""
    replays, wrong, proved = 60, 0, 0
    n, positives, bound = 400, 200, 0.1
    truth = np.arange(n) < positives
    answer = truth.copy()
    answer[: round(missed * bound * positives)] = False
    answer[positives : positives + round(false * bound * positives / (1 - bound))] = True
    for seed in range(replays):
        proof = frozen(answer[None].astype(np.int8), np.arange(n), seed)
        try:
            certificate, answers = Told(proof, truth, bounds(bound, 0.9)).run()
        except UnprovableError:
            continue
        proved += 1
        wrong += max(rates(truth, answers.present)) > bound
        assert certificate.confidence == 0.9
    # 10 % of 60 may be wrong: more than 14 would have a probability of 0.0006.
    assert wrong <= 14
    assert proved > 0


def test_a_right_plan_is_proved_with_few_labels() -> None:
    truth = np.arange(6000) % 3 == 0
    proof = frozen(truth[None].astype(np.int8), np.arange(6000))
    told = Told(proof, truth, bounds(0.05))
    certificate, answers = told.run()
    assert (answers.present == truth).all()
    assert certificate.drawn == len(told.asked) < 600
    assert certificate.absent[2] == certificate.present[2] == 0
    assert all(0 < reached <= 0.05 for reached in certificate.reached.values())
    assert "0 of" in certificate.evidence


def test_units_that_labels_settle_are_not_drawn() -> None:
    """Ten frames a unit; six labels settle a positive one, five a negative one."""
    unit = np.repeat(np.arange(100), 10)
    truth = unit % 2 == 0
    labels = [(f, truth[f]) for f in range(1000) if f % 10 < 6]
    proof = frozen(truth[None].astype(np.int8), unit, labels=labels)
    assert not len(proof.order)
    told = Told(proof, truth, bounds(0.01))
    certificate, answers = told.run()
    assert (certificate.settled, certificate.drawn, told.asked) == (100, 0, set())
    assert "no other can be wrong" in certificate.evidence
    assert (answers.present == truth).all()


def test_a_unit_is_settled_by_a_majority_and_no_more() -> None:
    unit = np.repeat(np.arange(400), 10)
    truth = unit % 2 == 0
    told = Told(frozen(truth[None].astype(np.int8), unit), truth, bounds(0.2))
    certificate, _ = told.run()
    assert 5 * certificate.drawn <= len(told.asked) <= 6 * certificate.drawn


def test_the_cheapest_plan_that_is_proved_answers() -> None:
    """The first asks about a half, the second about a tenth, and the third is wrong."""
    rng = np.random.default_rng(3)
    truth = rng.random(8000) < 0.5
    plans = np.stack([truth, truth, truth]).astype(np.int8)
    plans[0, rng.random(8000) < 0.5] = UNKNOWN
    plans[1, rng.random(8000) < 0.1] = UNKNOWN
    wrong = rng.random(8000) < 0.3
    plans[2] = np.where(wrong, ~truth, truth)
    told = Told(frozen(plans, np.arange(8000)), truth, bounds(0.05))
    certificate, answers = told.run()
    assert (certificate.plan, certificate.plans) == (2, 3)
    assert (answers.present == truth).all()
    assert len(told.asked) < 2000


def test_what_a_plan_leaves_open_the_reference_network_answers() -> None:
    """Units of ten frames, of which a stage answers four: labels decide."""
    unit = np.repeat(np.arange(300), 10)
    truth = unit % 3 == 0
    answer = np.where(np.arange(3000) % 10 < 4, ABSENT, UNKNOWN)
    proof = frozen(answer[None], unit)
    assert (proof.claims == UNKNOWN).all()
    _, answers = Told(proof, truth, bounds(0.1)).run()
    majority = np.add.reduceat(answers.present, np.arange(0, 3000, 10)) > 5
    assert (majority == truth[::10]).all()


def test_exact_where_a_proof_costs_as_much() -> None:
    """One positive frame in two hundred: its bound allows no miss at all."""
    truth = np.arange(200) == 7
    told = Told(frozen(truth[None].astype(np.int8), np.arange(200)), truth, bounds(0.01))
    with pytest.raises(UnprovableError, match="a proof takes about"):
        told.run()
    assert not told.asked


def test_a_proof_goes_on_where_it_stopped() -> None:
    """The draws of one confidence are the first of those of a higher one."""
    truth = np.arange(6000) % 3 == 0
    proof = frozen(truth[None].astype(np.int8), np.arange(6000))
    Told(proof, truth, bounds(0.05, 0.8)).run()
    drawn = len(proof.truths)
    told = Told(proof, truth, bounds(0.05, 0.99))
    certificate, _ = told.run()
    assert certificate.drawn == len(proof.truths) > drawn
    assert len(told.asked) == certificate.drawn - drawn


def test_every_proof_draws_anew() -> None:
    """What is known of other draws must not tell where this one goes."""
    plans = np.zeros((1, 500), np.int8)
    orders = [
        frozen(plans, np.arange(500), seed=5),
        frozen(plans, np.arange(500), seed=6),
        frozen(1 - plans, np.arange(500), seed=5),
        frozen(plans, np.arange(500), seed=5, labels=[(499, 0.0)]),
    ]
    firsts = {tuple(proof.order[:20].tolist()) for proof in orders}
    assert len(firsts) == 4
    assert frozen(plans, np.arange(500), seed=5).order.tolist() == orders[0].order.tolist()


@pytest.mark.slow
def test_labels_of_an_earlier_proof_do_not_bias_the_next() -> None:
    """Both draw among the same units. The second plan returns half of all negatives: half of the
    frames that the first one has labelled settle those, but for the positive units."""
    rng = np.random.default_rng(0)
    n_units, size = 300, 10
    unit = np.repeat(np.arange(n_units), size)
    cat, bus = rng.random(n_units) < 0.5, rng.random(n_units) < 0.5
    wrong = 0
    for seed in range(8):
        first = Told(frozen(cat[unit][None].astype(np.int8), unit, seed), cat[unit], bounds(0.2))
        first.run()
        says = bus | (~bus & (np.arange(n_units) % 2 == 0))
        labels = [(frame, bus[unit[frame]]) for frame in first.asked]
        proof = frozen(says[unit][None].astype(np.int8), unit, seed, labels)
        told = Told(proof, bus[unit], bounds(0.1))
        _, answers = told.run()
        units = np.add.reduceat(answers.present, np.arange(0, n_units * size, size)) > size / 2
        wrong += rates(bus, units)[1] > 0.1
    assert wrong <= 2


def test_labels_that_tip_a_unit_settle_it() -> None:
    """Two plans: the first leaves frames open whose labels would tip what the second says rightly
    of their units. Once they are there, such units are labelled until they are known."""
    unit = np.repeat(np.arange(400), 10)
    truth = np.where(np.arange(4000) % 10 < 6, (unit % 2 == 0), False)  # 6 of 10, or none
    second = np.where(np.arange(4000) % 10 >= 4, (unit % 2 == 0), False)  # the right majority
    plans = np.stack([np.full(4000, UNKNOWN), second]).astype(np.int8)
    plans[0, np.arange(4000) % 10 < 6] = second[np.arange(4000) % 10 < 6]
    proof = frozen(plans, unit)
    proof.mark[np.arange(4000) % 10 >= 6] = -1.0  # as the first plan would have them labelled
    _, answers = Told(proof, truth, bounds(0.2, 0.6)).run()
    units = np.add.reduceat(answers.present, np.arange(0, 4000, 10)) > 5
    assert max(rates(np.arange(400) % 2 == 0, units)) <= 0.2


def test_what_was_left_to_labels_and_not_labelled_is_not_proved() -> None:
    """Stages answer four frames of each unit, wrongly; labels of six would have to outvote them."""
    unit = np.repeat(np.arange(300), 10)
    truth = np.ones(3000, bool)
    answer = np.where(np.arange(3000) % 10 < 4, ABSENT, UNKNOWN)
    told = Told(frozen(answer[None], unit), truth, bounds(0.1), most=1000)
    with pytest.raises(SpentError):
        told.run()
    shortfall, _ = told.short()
    assert shortfall.reached == {"FNR": None, "FDR": None}
    assert shortfall.labels == 1000


def test_what_was_paid_for_is_used() -> None:
    truth = np.arange(3000) % 3 == 0
    told = Told(frozen(truth[None].astype(np.int8), np.arange(3000)), truth, bounds(0.01), most=200)
    with pytest.raises(SpentError):
        told.run()
    shortfall, answers = told.short()
    assert shortfall.labels == len(told.asked) <= 200
    assert shortfall.labels == (~np.isnan(answers.mark)).sum() > 100
    assert all(0.01 < reached < 0.2 for reached in shortfall.reached.values())


def test_claims_of_a_unit_need_a_majority_of_frames() -> None:
    unit = np.repeat([0, 1, 2, 3], 4)
    answer = [*(1, 1, 1, -1), *(0, 0, -1, -1), *(1, 1, -1, -1), *(-1, -1, -1, 0)]
    proof = frozen(np.array([answer]), unit)
    assert proof.claims.tolist() == [[PRESENT, ABSENT, UNKNOWN, UNKNOWN]]
