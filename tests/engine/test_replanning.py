"""The scene changes for good where no label was: the rest of the video gets a plan of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from clips import Oracle, Visit, make_clip

import vqe
from vqe.models.specialized import ARCHITECTURES
from vqe.planner import cascade, patience, search, training
from vqe.planner.sampling import draw_blocks
from vqe.statistics.units import count_errors

FRAMES, KNOWN, CHANGE = 3000, 1200, 1250
BOUND = 0.2
SQL = "SELECT FRAMES FROM {} WHERE contains('bus') FNR WITHIN 20% FDR WITHIN 20% PER FRAME"

pytestmark = pytest.mark.slow


def visits(**more):
    chance = np.random.default_rng(4)
    found, start = [], 15
    while start < FRAMES - 80:
        stop = start + int(chance.integers(25, 60))
        found.append(Visit(start, stop, **more))
        start = stop + int(chance.integers(40, 90))
    return found


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """A clip that is in negative from CHANGE on."""
    path = tmp_path_factory.mktemp("changed") / "changed.mp4"
    return make_clip(path, FRAMES, gop=50, visits=visits(), negative=[(CHANGE, FRAMES)])


@pytest.fixture(scope="module")
def parked(tmp_path_factory):
    """The same with objects that stand still."""
    path = tmp_path_factory.mktemp("parked") / "parked.mp4"
    return make_clip(path, FRAMES, gop=50, visits=visits(pace=0), negative=[(CHANGE, FRAMES)])


@pytest.fixture(scope="module")
def vanished(tmp_path_factory):
    """The network sees objects that stand still; from CHANGE on no picture shows when they come."""
    everyone = visits(pace=0)
    shown = [visit for visit in everyone if visit.stop < CHANGE]
    path = tmp_path_factory.mktemp("vanished") / "vanished.mp4"
    clip = make_clip(path, FRAMES, gop=50, visits=shown, negative=[(CHANGE, FRAMES)])
    return replace(clip, visits=tuple(everyone))


@pytest.fixture(autouse=True, scope="module")
def sample_before_the_change():
    """The first plan learns from the beginning alone; there is one sample, and one kind of plan."""

    def draw(index, frames, unit_us, seed):
        early = frames[:KNOWN] if frames[0] == 0 else frames
        yield draw_blocks(index, early, unit_us, seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cascade, "draw_portions", draw)
        patch.setattr(training, "ARCHITECTURES", {"linear 32": ARCHITECTURES["linear 32"]})
        patch.setattr(search, "fit_detectors", lambda evidence: [])
        patch.setattr(search.Search, "_worth_training", lambda *_: True)
        patch.setattr(cascade, "LEAST_SAVING_SECONDS", 0.0)
        yield


def ask(clip, **settings):
    oracle = Oracle(clip, fingerprint="oracle", seconds=0.004)
    con = vqe.connect(device="cpu", fill=False, **settings)
    con.register_model("oracle", oracle)
    result = con.sql(SQL.format(clip.sql))
    return con, oracle, result, result.to_arrow_table()


@pytest.fixture(scope="module")
def replanned(changed):
    return ask(changed)


def errors(clip, table):
    answer = np.zeros(FRAMES, bool)
    answer[table["frame"].to_numpy()] = True
    return count_errors(clip.present("bus"), answer, np.arange(FRAMES))


def test_the_rest_gets_a_plan_of_its_own(changed, replanned):
    _, oracle, result, table = replanned
    first, second = result.profile.videos
    assert CHANGE < first.until < FRAMES
    assert second.video == f"{first.video} from frame {first.until}"
    assert (second.plan, second.reason) == ("linear 32", "cheapest plan that keeps the bounds")
    assert second.until is None
    assert len(oracle.frames_seen) == len(set(oracle.frames_seen))
    assert result.profile.reference_calls == len(oracle.frames_seen)
    frames = table["frame"].to_pylist()
    assert frames == sorted(set(frames))
    found = errors(changed, table)
    assert found.fnr <= BOUND
    assert found.fdr <= BOUND


def test_that_is_cheaper_than_to_go_on(changed, replanned, monkeypatch):
    _, oracle, *_ = replanned
    monkeypatch.setattr(patience.Patience, "ends", lambda *_: False)
    _, going_on, result, _ = ask(changed)
    (only,) = result.profile.videos
    assert only.until is None
    assert len(oracle.frames_seen) < 0.7 * len(going_on.frames_seen)


def test_explanations_tell_where(changed, replanned):
    con, _, result, _ = replanned
    first, _ = result.profile.videos
    text = result.explain()
    assert f"planned anew: '{first.video}' from frame {first.until} on" in text
    assert "Replan the rest once labels keep contradicting the plan" in text
    told = con.sql("EXPLAIN " + SQL.format(changed.sql)).to_arrow_table()["plan"].to_pylist()
    assert f"up to frame {first.until}: from there on planned anew" in " ".join(
        " ".join(told).split()
    )


def test_a_later_query_has_both_plans_at_once(changed, replanned):
    con, oracle, result, table = replanned
    asked = len(oracle.frames_seen)
    again = con.sql(SQL.format(changed.sql))
    rows = again.to_arrow_table()
    assert rows["frame"].to_pylist() == table["frame"].to_pylist()
    # What was checked then may be an anchor now, from which a few frames look otherwise.
    assert len(oracle.frames_seen) <= 1.01 * asked
    plans = again.profile.videos
    assert [plan.reason for plan in plans] == ["stored plan", "stored plan"]
    assert plans[0].until == result.profile.videos[0].until


def test_threads_and_batches_change_nothing(changed, replanned):
    *_, expected = replanned
    *_, table = ask(changed, decode_threads=3, batch_size=50)
    assert table.combine_chunks() == expected.combine_chunks()


@pytest.fixture
def links_alone(monkeypatch):
    """No model is trained: frames are linked, or shown to the network."""
    monkeypatch.setattr(training, "ARCHITECTURES", {})


@pytest.fixture(scope="module")
def replanned_link(vanished):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "ARCHITECTURES", {})
        return ask(vanished)


def test_a_link_that_turns_go_unseen_by_is_given_up(vanished, replanned_link):
    _, oracle, result, table = replanned_link
    first, second = result.profile.videos
    assert first.plan.startswith("earlier frame")
    assert CHANGE < first.until < FRAMES
    assert second.reason != "stored plan"
    assert second.until is None
    assert "difference" in table["decided_by"].to_pylist()
    assert len(oracle.frames_seen) == len(set(oracle.frames_seen)) < FRAMES
    found = errors(vanished, table)
    assert max(found.fnr, found.fdr) <= BOUND


def test_a_later_query_links_by_both_plans(vanished, replanned_link):
    con, _, result, _ = replanned_link
    again = con.sql(SQL.format(vanished.sql))
    found = errors(vanished, again.to_arrow_table())
    assert max(found.fnr, found.fdr) <= BOUND
    before, now = result.profile.videos, again.profile.videos
    assert [plan.reason for plan in now] == ["stored plan", "stored plan"]
    assert [(plan.plan, plan.until) for plan in now] == [(p.plan, p.until) for p in before]


@pytest.mark.usefixtures("links_alone")
def test_threads_and_batches_change_no_linked_row(vanished, replanned_link):
    *_, expected = replanned_link
    *_, table = ask(vanished, decode_threads=3, batch_size=50)
    assert table.combine_chunks() == expected.combine_chunks()


@pytest.mark.usefixtures("links_alone")
def test_without_the_watch_such_a_link_goes_wrong(vanished, replanned_link):
    """Its anchors are soon too old, which limits the harm."""
    *_, watched = replanned_link
    _, _, result, table = ask(vanished, drift=False)
    assert result.profile.plan.startswith("earlier frame")
    assert errors(vanished, table).fnr > 3 * errors(vanished, watched).fnr


@pytest.mark.usefixtures("links_alone")
def test_a_link_that_still_sees_the_turns_is_kept(parked):
    _, oracle, result, table = ask(parked)
    (only,) = result.profile.videos
    assert only.plan.startswith("earlier frame")
    assert only.until is None
    assert only.drift  # it was looked at, and found right
    assert len(oracle.frames_seen) < FRAMES / 3
    found = errors(parked, table)
    assert max(found.fnr, found.fdr) <= BOUND
