"""The scene changes for good where no label was: the rest of the video gets a plan of its own."""

from __future__ import annotations

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


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """A clip that is in negative from CHANGE on."""
    chance = np.random.default_rng(4)
    visits, start = [], 15
    while start < FRAMES - 80:
        stop = start + int(chance.integers(25, 60))
        visits.append(Visit(start, stop))
        start = stop + int(chance.integers(40, 90))
    path = tmp_path_factory.mktemp("changed") / "changed.mp4"
    return make_clip(path, FRAMES, gop=50, visits=visits, negative=[(CHANGE, FRAMES)])


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
    assert any(f"up to frame {first.until}: from there on planned anew" in line for line in told)


def test_a_later_query_has_both_plans_at_once(changed, replanned):
    con, oracle, result, table = replanned
    asked = len(oracle.frames_seen)
    again = con.sql(SQL.format(changed.sql))
    rows = again.to_arrow_table()
    assert rows["frame"].to_pylist() == table["frame"].to_pylist()
    assert len(oracle.frames_seen) == asked
    plans = again.profile.videos
    assert [plan.reason for plan in plans] == ["stored plan", "stored plan"]
    assert plans[0].until == result.profile.videos[0].until


def test_threads_and_batches_change_nothing(changed, replanned):
    *_, expected = replanned
    *_, table = ask(changed, decode_threads=3, batch_size=50)
    assert table.combine_chunks() == expected.combine_chunks()
