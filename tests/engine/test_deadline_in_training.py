"""A DEADLINE that comes while specialized models are trained."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from clips import Oracle, Visit, make_clip

import vqe
from vqe.models import specialized
from vqe.models.specialized import ARCHITECTURES
from vqe.planner import allowance, cascade, search, training
from vqe.planner.sampling import draw_blocks
from vqe.statistics.units import count_errors

pytestmark = pytest.mark.slow

FRAMES = 3000
DEADLINE = 600
SQL = (
    "SELECT FRAMES FROM {} WHERE contains('bus') FNR WITHIN 10% FDR WITHIN 10% PER FRAME "
    f"DEADLINE INTERVAL '{DEADLINE} seconds'"
)
STEP_SECONDS = 5.0
USING = 100.0
"""Seconds of the DEADLINE that a plan is to be given."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Five minutes with a bus in a half of them."""
    visits = [Visit(start, start + 40) for start in range(20, FRAMES - 60, 80)]
    path = tmp_path_factory.mktemp("deadline") / "clip.mp4"
    return make_clip(path, FRAMES, size=(96, 80), gop=60, visits=visits)


@pytest.fixture
def clock(monkeypatch):
    """What a query takes for the time: STEP_SECONDS for each step of a training, above all."""
    clock = SimpleNamespace(began=time.perf_counter(), trained=0.0)

    def now():
        return time.perf_counter() + clock.trained

    draw = specialized.torch.multinomial

    def step(*args, **kwargs):
        clock.trained += STEP_SECONDS
        return draw(*args, **kwargs)

    monkeypatch.setattr(allowance, "time", SimpleNamespace(perf_counter=now))
    monkeypatch.setattr(specialized.torch, "multinomial", step)
    clock.seconds = lambda: now() - clock.began
    return clock


def endless(name):
    """An architecture whose training would take days."""
    return replace(ARCHITECTURES[name], steps=10**7)


def ask(clip, monkeypatch, *architectures):
    """There is one sample, and no training looks too long."""

    def once(*args):
        yield draw_blocks(*args)

    monkeypatch.setattr(cascade, "draw_portions", once)
    monkeypatch.setattr(search, "fit_detectors", lambda evidence: [])
    monkeypatch.setattr(search.Search, "_worth_training", lambda *_: True)
    monkeypatch.setattr(training, "ARCHITECTURES", {arch.name: arch for arch in architectures})
    monkeypatch.setattr(search.Search, "_using", lambda *_: USING)
    oracle = Oracle(clip, seconds=0.004)
    con = vqe.connect(device="cpu", fill=False)
    con.register_model("oracle", oracle)
    result = con.sql(SQL.format(clip.sql))
    return oracle, result


def test_a_plan_that_was_found_before_is_used(clip, clock, monkeypatch):
    short = replace(ARCHITECTURES["linear 32"], steps=40)
    oracle, result = ask(clip, monkeypatch, short, endless("cnn 64×16"))
    table = result.to_arrow_table()
    assert DEADLINE - 1.2 * USING < clock.seconds() < DEADLINE
    profile = result.profile
    told = {a.name: a.reason for a in profile.alternatives}
    assert told["cnn 64×16"] == "the DEADLINE came while it was trained"
    assert profile.plan == "linear 32"
    assert "specialized" in table["decided_by"].to_pylist()
    assert profile.reference_calls == len(set(oracle.frames_seen)) < FRAMES
    assert profile.shortfall is None
    answer = np.isin(np.arange(FRAMES), table["frame"].to_numpy())
    found = count_errors(clip.present("bus"), answer, np.arange(FRAMES))
    assert max(found.fnr, found.fdr) <= 0.1


def test_without_one_the_reference_network_answers_as_far_as_it_may(clip, clock, monkeypatch):
    """A DEADLINE comes that leaves nothing for other frames: they are as those next to them."""
    oracle, result = ask(clip, monkeypatch, endless("linear 32"))
    monkeypatch.setattr(search.Search, "_using", lambda *_: 0.0)
    with pytest.warns(vqe.AccuracyWarning, match="DEADLINE .* ended with"):
        table = result.to_arrow_table()
    assert clock.seconds() < 1.1 * DEADLINE
    assert result.profile.reason == "what could be asked about, and the rest from that"
    assert set(table["decided_by"].to_pylist()) == {"reference", "fill"}
    assert result.profile.shortfall.labels == len(set(oracle.frames_seen)) < FRAMES
    assert "DEADLINE" in result.explain()
