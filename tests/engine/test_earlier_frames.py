"""Queries about objects that stand still for long: most frames follow from an earlier one."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
from clips import Oracle, Visit, make_clip

import vqe
from vqe.statistics.units import count_errors

pytestmark = pytest.mark.slow

FRAMES, FPS = 3000, 10
BOUNDS = "FNR WITHIN 5% FDR WITHIN 5% PER FRAME"
SECONDS = 0.002


@pytest.fixture(scope="module")
def parked(tmp_path_factory):
    """Five minutes with buses that stand still, half of the time. The network knows every other one
    only: they look alike, so that no model can tell."""
    rng = np.random.default_rng(6)
    visits, start = [], 15
    while start < FRAMES - 90:
        stop = start + int(rng.integers(30, 80))
        visits.append(Visit(start, stop, pace=0))
        start = stop + int(rng.integers(20, 60))
    path = tmp_path_factory.mktemp("parked") / "parked.mp4"
    clip = make_clip(path, FRAMES, gop=50, visits=visits)
    return replace(clip, visits=clip.visits[::2])


def ask(clip, end=BOUNDS, where="", **settings):
    """The oracle, the result, and its rows."""
    oracle = Oracle(clip, fingerprint="oracle", seconds=SECONDS)
    con = vqe.connect(device="cpu", fill=False, **settings)
    con.register_model("oracle", oracle)
    result = con.sql(f"SELECT FRAMES FROM {clip.sql} WHERE contains('bus') {where} {end}")
    return oracle, result, result.to_arrow_table()


def frame_errors(clip, table):
    answer = np.isin(np.arange(FRAMES), table["frame"].to_numpy())
    return count_errors(clip.present("bus"), answer, np.arange(FRAMES))


@pytest.fixture(scope="module")
def answered(parked):
    return ask(parked)


def test_objects_that_stand_still_are_found(parked, answered):
    oracle, result, table = answered
    assert "earlier frame" in result.profile.plan
    found = frame_errors(parked, table)
    assert max(found.fnr, found.fdr) <= 0.05
    assert len(oracle.frames_seen) == len(set(oracle.frames_seen)) < FRAMES / 2
    linked = [row for row in table.to_pylist() if row["decided_by"] == "difference"]
    assert len(linked) > 200
    assert not any(row["score"] for row in linked)
    link = next(stage for stage in result.profile.stages if "earlier frame" in stage.name)
    assert link.passed_on < link.frames_in / 3


def test_explain_tells_the_link(answered):
    _, result, _ = answered
    told = " ".join(result.explain().split())
    assert re.search(r"earlier frame[^:]*: same below .* frames, else asks on ", told)


def test_the_same_query_again_asks_nobody(parked):
    oracle = Oracle(parked, fingerprint="oracle", seconds=SECONDS)
    con = vqe.connect(device="cpu", fill=False)
    con.register_model("oracle", oracle)
    sql = f"SELECT FRAMES FROM {parked.sql} WHERE contains('bus') {BOUNDS}"
    first = con.sql(sql).to_arrow_table()
    asked = len(oracle.frames_seen)
    again = con.sql(sql)
    assert again.to_arrow_table()["frame"] == first["frame"]
    assert again.profile.reason == "stored plan"
    assert "earlier frame" in again.profile.plan
    assert len(oracle.frames_seen) == asked


def test_linked_answers_are_proved(parked):
    """The anchors are asked about before the first unit is drawn: what is proved are answers."""
    oracle, result, table = ask(parked, BOUNDS.replace("5%", "10%") + " CONFIDENCE 90%")
    certificate = result.profile.certificate
    assert certificate is not None, result.profile.reason
    assert "earlier frame" in result.profile.plan
    assert all(reached <= 0.1 for reached in certificate.reached.values())
    found = frame_errors(parked, table)
    assert max(found.fnr, found.fdr) <= 0.1
    assert "difference" in table["decided_by"].to_pylist()
    assert len(oracle.frames_seen) == len(set(oracle.frames_seen)) < 0.8 * FRAMES


@pytest.mark.parametrize("calls", [1500, 1300, 1000])
def test_a_budget_is_kept(parked, calls):
    """It is enough for the labels that a cascade takes, and then perhaps not for its anchors."""
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        oracle, _, table = ask(parked, f"{BOUNDS} BUDGET {calls} CALLS")
    assert len(oracle.frames_seen) == len(set(oracle.frames_seen)) <= calls
    assert frame_errors(parked, table).fnr <= 0.05
