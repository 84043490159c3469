"""The replays of certificates: fair populations, the engine's own rule, and cells that can fail."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import certificate_replays, certificates
from benchmarks.certificate_replays import Replays, decide_in_sequence
from benchmarks.certificates import adversarial_cell, most_broken, score_cell
from benchmarks.score_populations import Plan, choose_plans, make_population
from vqe.statistics import fixed_sequence
from vqe.statistics.betting import Stratum
from vqe.statistics.certificate import Tally, proved


def lengths(truth):
    """Of the visits."""
    edges = np.flatnonzero(np.diff(truth.astype(int), prepend=0, append=0))
    return edges[1::2] - edges[::2]


@pytest.mark.parametrize("bursty", [False, True])
@pytest.mark.parametrize("presence", [0.005, 0.5])
def test_populations_hold_what_they_say(presence, bursty):
    rng = np.random.default_rng(0)
    population = make_population(86_400, presence, bursty=bursty, rng=rng)
    assert len(population.truth) == len(population.score) == 86_400
    assert population.truth.sum() == 86_400 * presence
    assert (np.mean(lengths(population.truth)) < 20) == bursty
    apart = population.score[population.truth].mean() - population.score[~population.truth].mean()
    assert apart == pytest.approx(6, abs=0.5)


def test_plans_go_from_conservative_to_cheap():
    population = make_population(86_400, 0.1, bursty=False, rng=np.random.default_rng(1))
    plans = choose_plans(population.truth[::24], population.score[::24], 0.05, (0.01, 0.1, 0.5))
    asked = [plan.high - plan.low for plan in plans]
    assert asked == sorted(asked, reverse=True)
    absent, present = plans[0].answers(population.score)
    assert (absent & population.truth).sum() <= 0.01 * population.truth.sum()
    assert not (absent & present).any()


def test_a_sample_that_shows_nothing_gives_no_plan():
    assert choose_plans(np.zeros(50, bool), np.zeros(50), 0.05, (0.1,)) == []


def test_it_decides_as_the_engine_would(monkeypatch):
    """Unit by unit with `FixedSequence`, and all at once."""
    monkeypatch.setattr(certificate_replays, "PATIENCE", 1e9)
    monkeypatch.setattr(fixed_sequence, "BETWEEN_LOOKS", 0)
    bounds = {"FNR": 0.1, "FDR": 0.1}
    looks = np.arange(1, 201)
    plans = [Plan(1.5, 5), Plan(2.5, 4), Plan(4.6, 4.6)]
    drawn = Replays.empty(2, len(plans), looks)
    used = []
    for replay in range(2):
        rng = np.random.default_rng(replay)
        population = make_population(2_000, 0.5, bursty=True, rng=rng)
        order = rng.permutation(2_000)
        truth, score = population.truth[order], population.score[order]
        answers = [plan.answers(score) for plan in plans]
        drawn.record(replay, truth, answers)
        fresh = [
            Tally(Stratum(int(absent.sum())), Stratum(int(present.sum())), asked=int(asked.sum()))
            for absent, present in answers
            for asked in [~(absent | present)]
        ]
        sequence = fixed_sequence.FixedSequence(fresh, bounds, confidence=0.95)
        for i in range(200):
            said = [
                None if not (absent[i] or present[i]) else bool(present[i])
                for absent, present in answers
            ]
            sequence.update(bool(truth[i]), said)
        used.append(-1 if sequence.proved is None else sequence.proved)
        end = drawn.tally(np.array([replay]), 2, 199)
        assert end.absent.errors == sequence.tallies[2].absent.errors
        assert end.positives == sequence.tallies[2].positives
        assert end.undrawn == sequence.tallies[2].undrawn
    assert decide_in_sequence(drawn, 0.1).plan.tolist() == used
    assert max(used) >= 0


def test_the_number_that_may_break():
    assert most_broken(2_000) == 131
    assert most_broken(1) == 1


def test_a_cell_of_scores():
    rng = np.random.default_rng(2)
    cell = score_cell(24, True, 0.1, 0.05, replays=40, rng=rng)
    assert cell["broken"] <= cell["may_break"]
    assert cell["certified"] >= 0.8
    assert cell["labels_over_floor"] <= 1.5
    assert cell["positives"] == 8_640


def test_plans_that_overreach_are_refused():
    rng = np.random.default_rng(3)
    cell = score_cell(24, False, 0.5, 0.1, replays=40, rng=rng, overreaching=True)
    assert cell["breaks_alone"] > 0.5
    assert cell["certified"] < 0.5
    assert cell["broken"] <= cell["may_break"]


def test_a_rare_object_in_an_hour_is_left_to_exact():
    cell = score_cell(1, False, 0.005, 0.01, replays=5, rng=np.random.default_rng(2))
    assert cell["floor"] == 3_420
    assert cell["certified"] == 0
    assert cell["labels_over_floor"] is None


def careless(tally, bounds, delta):
    """As if the bounds allowed twice as much."""
    return proved(tally, {rate: 2 * bound for rate, bound in bounds.items()}, delta)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "replays"), [("FNR", 200), ("each plan", 60)])
def test_an_adversary_finds_out_a_careless_test_and_no_other(name, replays):
    cells = [
        adversarial_cell(
            name, 0.1, 0.1, replays=replays, rng=np.random.default_rng(4), decide=decide
        )
        for decide in (proved, careless)
    ]
    assert cells[0]["broken"] <= cells[0]["may_break"] < cells[1]["broken"]


def test_the_tables_show_every_cell():
    results = certificates.run(quick=True, replays=3)
    shown = certificates.tables(results)
    assert [len(rows) for rows in shown] == [len(results[sort]) for sort in certificates.SORTS]
    assert all("of 3" in row["broken"] for rows in shown for row in rows)
    assert "FAILS" not in str(shown)
    (line,) = certificates.lines(results)
    assert line.startswith("0 of 5 cells fail")
