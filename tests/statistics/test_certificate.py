"""Certificates: exact chances in tiny populations, and what they report."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vqe.statistics.betting import Stratum, label_floor
from vqe.statistics.certificate import (
    Tally,
    draws_if_clean,
    least_bound,
    least_draws,
    log_evidence,
    proved,
)
from vqe.statistics.fixed_sequence import FixedSequence

DELTA = 0.3
"""Large, so that tiny populations can be certified, and wrongly so."""
KINDS = list(product((False, True, None), (False, True)))
"""What a plan answers about a unit, and the truth."""


def tally_of(population, drawn, known) -> Tally:
    """After `drawn` units of each kind, an array (6, …), of a population of (6,)."""
    wrong = {False: drawn[1], True: drawn[2]}
    absent, present = (
        Stratum(int(population[2 * i : 2 * i + 2].sum()), drawn[2 * i : 2 * i + 2].sum(0), wrong[a])
        for i, a in enumerate((False, True))
    )
    asked = population[4:].sum() - drawn[4:].sum(0)
    return Tally(
        absent, present, asked, positives=known[1] + drawn[5], negatives=known[0] + drawn[4]
    )


def is_broken(population, drawn, known, bounds):
    """By counting: which states have final answers with a rate above its bound, bool (…)."""
    missed, false = population[1] - drawn[1], population[2] - drawn[2]
    positives = known[1] + population[[1, 3, 5]].sum()
    negatives = known[0] + population[[0, 2, 4]].sum()
    returned = positives - missed + false
    shares = {"FNR": (missed, positives), "FPR": (false, negatives), "FDR": (false, returned)}
    return np.any([shares[rate][0] > b * shares[rate][1] + 1e-9 for rate, b in bounds.items()], 0)


def all_states(population):
    """int (6, …): how many of each kind may have been drawn."""
    return np.array(np.meshgrid(*(np.arange(n + 1) for n in population), indexing="ij"))


def chance_of_a_wrong_proof(population, known, bounds, decide=proved) -> float:
    """Exactly, over all orders of drawing the whole population, with a look after every draw."""
    states = all_states(population)
    now, _ = decide(tally_of(population, states, known), bounds, DELTA)
    wrong = now & is_broken(population, states, known, bounds)
    chance, total = np.zeros(wrong.shape), 0.0
    chance[(0,) * len(population)] = 1
    for state in sorted(np.ndindex(wrong.shape), key=sum):
        if wrong[state]:
            total += chance[state]
            continue
        left = np.subtract(population, state)
        for kind in np.flatnonzero(left):
            after = tuple(np.add(state, np.arange(len(population)) == kind))
            chance[after] += chance[state] * left[kind] / left.sum()
    return total


def populations(units: int):
    """Every number of units of the first four kinds; one unit is asked about."""
    for counts in product(range(units + 1), repeat=3):
        if sum(counts) <= units:
            yield np.array([*counts, units - sum(counts), 0, 1])


BOUNDS = [
    {"FNR": 0.3},
    {"FPR": 0.3},
    {"FDR": 0.4},
    {"FNR": 0.25, "FDR": 0.25},
]


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("known", [(0, 0), (1, 2)])
def test_no_tiny_population_is_certified_wrongly_too_often(bounds, known):
    chances = [chance_of_a_wrong_proof(each, known, bounds) for each in populations(6)]
    assert max(chances) <= DELTA
    assert max(chances) > 0.05  # It is no empty promise: some are certified.


@pytest.mark.parametrize("rate", ["FNR", "FDR"])
def test_a_test_that_promises_too_much_is_found_out(rate):
    """As if the null allowed twice the errors: bets against it then win too fast."""

    def careless(tally, bounds, delta):
        return proved(tally, {name: 2 * bound for name, bound in bounds.items()}, delta)

    chances = [
        chance_of_a_wrong_proof(each, (0, 0), {rate: 0.2}, careless) for each in populations(6)
    ]
    assert max(chances) > DELTA


def test_a_sequence_of_plans_has_the_same_chance():
    """Two plans on the same draws, by all orders; a wrong proof of either counts."""
    bounds = {"FNR": 0.25, "FDR": 0.3}
    worst = 0.0
    # Units by truth and both plans' answers.
    kinds = [(True, False, False), (True, True, False), (True, True, True), (False, False, False),
             (False, False, True)]  # fmt: skip
    for counts in product(range(3), range(3), range(2, 4), (2,), range(2)):
        population = np.array(counts)
        states = all_states(population)
        shape = states.shape[1:]
        verdicts = []
        for plan in (1, 2):
            rows = [KINDS.index((kind[plan], kind[0])) for kind in kinds]
            spread = np.zeros((6, len(kinds)), int)
            spread[rows, np.arange(len(kinds))] = 1
            drawn = np.tensordot(spread, states, 1)
            now, gate = proved(tally_of(spread @ population, drawn, (0, 0)), bounds, DELTA)
            verdicts.append((now & is_broken(spread @ population, drawn, (0, 0), bounds), gate))
        (wrong_1, gate), (wrong_2, _) = verdicts
        chance, total = np.zeros((2, *shape)), 0.0
        chance[(0,) * chance.ndim] = 1
        for state in sorted(np.ndindex(shape), key=sum):
            if gate[state]:
                chance[1][state] += chance[0][state]
                chance[0][state] = 0
            left = population - state
            for passed, wrong in enumerate((wrong_1, wrong_1 | wrong_2)):
                here = chance[passed][state]
                if wrong[state]:
                    total += here
                    continue
                for kind in np.flatnonzero(left):
                    after = tuple(np.add(state, np.arange(len(kinds)) == kind))
                    chance[passed][after] += here * left[kind] / left.sum()
        worst = max(worst, total)
    assert 0.05 < worst <= DELTA


def test_the_evidence_is_below_that_of_every_hypothesis():
    """`log_evidence` takes cells of the nuisance; here every pair (M, F) is tried."""
    rng = np.random.default_rng(3)
    for _ in range(60):
        sizes = rng.integers(5, 40, 2)
        drawn = [int(rng.integers(0, size + 1)) for size in sizes]
        errors = [int(rng.binomial(n, 0.1)) for n in drawn]
        wrong, other = (Stratum(int(s), n, e) for s, n, e in zip(sizes, drawn, errors, strict=True))
        tally = Tally(wrong, other, positives=int(rng.integers(0, 9)))
        least = math.inf
        for m in range(wrong.errors, wrong.size - wrong.right + 1):
            for f in range(other.errors, other.size - other.right + 1):
                if m - wrong.errors <= 0.2 * (tally.positives + m + other.size - f) + 1e-9:
                    continue
                bets = [_wealth(stratum, k) for stratum, k in ((wrong, m), (other, f))]
                least = min(least, 0.9 * bets[0] + 0.05 * bets[1] * (1 + bets[0]))
        assert np.exp(log_evidence("FNR", 0.2, tally)) <= least * (1 + 1e-9)


def _wealth(stratum: Stratum, k: int) -> float:
    if k == 0:  # Nobody bets on fewer than no errors.
        return 1.0
    size, n, m = stratum.size, stratum.drawn, stratum.errors
    b = 5 * size / k
    log_q = math.lgamma(0.5 + m) + math.lgamma(b + n - m) - math.lgamma(0.5 + b + n)
    log_q += math.lgamma(0.5 + b) - math.lgamma(0.5) - math.lgamma(b)
    chance = math.perm(k, m) * math.perm(size - k, n - m) / math.perm(size, n)
    return math.exp(log_q) / chance


def test_fpr_is_fnr_of_the_negatives():
    absent, present = Stratum(900, 120, 2), Stratum(300, 50, 1)
    plain = Tally(absent, present, positives=7, negatives=3)
    turned = Tally(present, absent, positives=3, negatives=7)
    assert log_evidence("FPR", 0.1, plain) == log_evidence("FNR", 0.1, turned)


@settings(max_examples=60)
@given(st.data())
def test_more_bound_and_fewer_errors_are_more_evidence(data):
    sizes = [data.draw(st.integers(20, 5000)) for _ in range(2)]
    drawn = [data.draw(st.integers(1, size)) for size in sizes]
    errors = [data.draw(st.integers(0, min(n, 5))) for n in drawn]
    absent, present = (Stratum(*each) for each in zip(sizes, drawn, errors, strict=True))
    tally = Tally(absent, present)
    low, high = sorted(data.draw(st.floats(0.001, 0.9)) for _ in range(2))
    for rate in ("FNR", "FPR", "FDR"):
        held = log_evidence(rate, low, tally)
        assert log_evidence(rate, high, tally) >= min(held, 0)
        assert log_evidence(rate, low, tally, from_start=True) <= max(held, 0) + 1e-9


def test_everything_drawn_proves_everything():
    tally = Tally(Stratum(20, 20, 3), Stratum(5, 5, 2))
    now, from_start = proved(tally, {"FNR": 0.01, "FPR": 0.01, "FDR": 0.01}, 0.05)
    assert now
    assert not from_start
    assert least_bound("FNR", tally, 0.05) == 0


def test_clean_draws_come_close_to_the_floor():
    tally = Tally(Stratum(77_760), Stratum(8_640))
    bounds = {"FNR": 0.05, "FDR": 0.05}
    floor = label_floor(433, 86_400, 0.05)
    assert floor <= draws_if_clean(tally, bounds, 0.05) <= 1.1 * floor
    assert draws_if_clean(tally, {"FNR": 0.0001}, 0.05) > 0.9 * 86_400


def test_the_floor_is_that_of_the_hardest_bound():
    counts = {"units": 3_600, "positives": 36, "negatives": 3_564, "returned": 100}
    each = {
        rate: least_draws({rate: bound}, 0.05, **counts)
        for rate, bound in (("FNR", 0.05), ("FPR", 0.01), ("FDR", 0.1))
    }
    expected = {"FNR": 2, "FPR": 36, "FDR": 11}
    assert each == {rate: label_floor(k, 3_600, 0.05) for rate, k in expected.items()}
    assert least_draws({"FNR": 0.05, "FPR": 0.01, "FDR": 0.1}, 0.05, **counts) == each["FNR"]


def test_the_least_bound_is_just_proved():
    tally = Tally(Stratum(70_000, 900, 2), Stratum(8_000, 100, 1), positives=100)
    for rate in ("FNR", "FPR", "FDR"):
        least = least_bound(rate, tally, 0.05)
        assert least is not None
        assert log_evidence(rate, least, tally) >= math.log(20)
        assert log_evidence(rate, 0.99 * least, tally) < math.log(20)


def test_none_in_n():
    tally = Tally(Stratum(3600, 300), Stratum(0))
    assert tally.positives_seen == 0
    assert least_bound("FNR", tally, 0.05) is None
    assert least_bound("FDR", tally, 0.05) == 0  # Nothing is returned.


def drawn_units(n: int):
    rng = np.random.default_rng(5)
    truth = rng.random(n) < 0.3
    cautious = [None if rng.random() < 0.1 else bool(each) for each in truth]
    cheap = [bool(each) ^ bool(rng.random() < 0.02) for each in truth]
    return [(bool(t), (a, b)) for t, a, b in zip(truth, cautious, cheap, strict=True)]


def plans() -> list[Tally]:
    return [
        Tally(Stratum(6_000), Stratum(3_000), asked=1_000),
        Tally(Stratum(7_000), Stratum(3_000)),
    ]


def test_a_sequence_stops_before_the_plan_that_is_wrong_too_often():
    sequence = FixedSequence(plans(), {"FNR": 0.03, "FDR": 0.03}, confidence=0.95)
    clean = sequence.draws_if_clean()
    assert 0 < clean < 1_000
    for truth, answers in drawn_units(1_500):
        sequence.update(truth, answers)
    assert sequence.proved == 0
    assert sequence.under_test == 1
    assert not sequence.finished
    assert sequence.draws_if_clean() > clean


def test_what_is_proved_stands_whatever_is_drawn_later():
    bounds = {"FNR": 0.03, "FDR": 0.03}
    sequence = FixedSequence(plans(), bounds, confidence=0.95)
    for truth, answers in drawn_units(1_500):
        sequence.update(truth, answers)
    assert sequence.proved == 0
    for _ in range(20):
        sequence.update(True, (False, False))  # missed by both
    assert least_bound("FNR", sequence.tallies[0], sequence.delta) > 0.03
    assert sequence.reached()["FNR"] == 0.03
    assert 0 < sequence.reached()["FDR"] < 0.03


def test_all_plans_may_be_proved():
    sequence = FixedSequence(plans(), {"FNR": 0.2, "FDR": 0.2}, confidence=0.95)
    for truth, answers in drawn_units(300):
        sequence.update(truth, answers)
    assert sequence.finished
    assert sequence.proved == 1
    assert sequence.draws_if_clean() == 0


def test_a_sequence_is_restored_from_its_labels():
    units = drawn_units(500)
    whole = FixedSequence(plans(), {"FNR": 0.03, "FDR": 0.03}, confidence=0.95)
    for truth, answers in units[:400]:
        whole.update(truth, answers)
    restored = FixedSequence(plans(), {"FNR": 0.03, "FDR": 0.03}, confidence=0.95)
    for truth, answers in units[:400]:
        restored.update(truth, answers)
    for truth, answers in units[400:]:
        whole.update(truth, answers)
        restored.update(truth, answers)
        assert vars(whole) == vars(restored)
    assert whole.proved is not None


def test_labels_that_chose_a_plan_must_not_certify_it():
    """Of a hundred plans that miss a little more than the bound allows, take the luckiest."""
    rng = np.random.default_rng(8)
    units, positives, missed, tuning, replays = 1_000, 300, 33, 130, 60
    truth = np.arange(units) < positives
    honest = cheated = 0
    for _ in range(replays):
        absent = np.tile(~truth, (100, 1))
        for plan in absent:
            plan[rng.choice(positives, missed, replace=False)] = True
        order = rng.permutation(units)
        first, rest = order[:tuning], order[tuning:]
        chosen = absent[(absent & truth)[:, first].sum(1).argmin()]
        whole = Tally(Stratum(int(chosen.sum())), Stratum(int((~chosen).sum())))
        cheated += _certified(whole, first, truth, chosen)
        left = Tally(
            Stratum(int(chosen[rest].sum())),
            Stratum(int((~chosen)[rest].sum())),
            positives=int(truth[first].sum()),
            negatives=int((~truth[first]).sum()),
        )
        honest += _certified(left, rest[:tuning], truth, chosen)
    assert honest <= 0.1 * replays
    assert cheated > 0.5 * replays


def _certified(tally: Tally, drawn, truth, absent) -> bool:
    for unit in drawn:
        tally = tally.with_label(bool(truth[unit]), not absent[unit])
    return bool(proved(tally, {"FNR": 0.1}, 0.05)[0])
