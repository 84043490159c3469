"""Conditions on several things at once: one pass, one question, bounds on all of it together."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from clips import Oracle, Visit, make_clip

import vqe
from vqe.models.specialized import HEADED
from vqe.planner import cascade, search, training
from vqe.planner.sampling import draw_blocks
from vqe.statistics.units import count_errors

FRAMES, FPS = 4000, 10
BOUND = 0.02


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    """Buses now and then, some of them two at a time; a truck comes with every second bus, and
    stays for longer: where there is a bus there is rarely none."""
    rng = np.random.default_rng(3)
    visits, start, number = [], 150, 0
    while start < FRAMES - 500:
        stop = start + int(rng.integers(150, 250))
        visits.append(Visit(start, stop))
        if number % 2:
            visits.append(Visit(start + 60, stop))
            visits.append(Visit(start - 40, stop - 30, "truck"))
        start = stop + int(rng.integers(150, 350))
        number += 1
    path = tmp_path_factory.mktemp("street") / "street.mp4"
    return make_clip(path, FRAMES, size=(96, 80), gop=50, visits=visits)


def seen(clip):
    """What is in each frame: buses, their number, and trucks."""
    buses = np.zeros(FRAMES, np.int64)
    for visit in clip.visits:
        if visit.label == "bus":
            buses[visit.start : visit.stop] += 1
    return buses > 0, buses, clip.present("truck")


early = np.arange(FRAMES) < FRAMES // 2

CONDITIONS = {
    "contains('bus') AND contains('truck')": lambda bus, buses, truck: bus & truck,
    "contains('bus') OR contains('truck')": lambda bus, buses, truck: bus | truck,
    "contains('bus') AND NOT contains('truck')": lambda bus, buses, truck: bus & ~truck,
    "NOT (contains('bus') OR contains('truck'))": lambda bus, buses, truck: ~(bus | truck),
    "contains('bus') <> contains('truck')": lambda bus, buses, truck: bus != truck,
    "objects('bus') >= 2": lambda bus, buses, truck: buses >= 2,
    "objects('bus') = 1 AND NOT contains('cat')": lambda bus, buses, truck: buses == 1,
    f"CASE WHEN frame < {FRAMES // 2} THEN contains('bus') ELSE contains('truck') END": (
        lambda bus, buses, truck: np.where(early, bus, truck)
    ),
    f"(frame < {FRAMES // 2} AND objects('bus') > 1) OR contains('truck')": (
        lambda bus, buses, truck: early & (buses > 1) | truck
    ),
}


def answered(clip, condition, accuracy, **settings):
    """What was asked of the oracle, the result, and the frames found, bool (N,)."""
    oracle = Oracle(clip, seconds=0.004)
    with vqe.connect(device="cpu", **settings) as con:
        con.register_model("oracle", oracle)
        result = con.sql(f"SELECT FRAMES FROM {clip.sql} WHERE {condition} {accuracy}")
        found = np.isin(np.arange(FRAMES), result.to_arrow_table()["frame"].to_numpy())
    return oracle, result, found


def errors_of(clip, condition, found):
    """Of the frames found, bool (N,), in windows of a second."""
    truth = CONDITIONS[condition](*seen(clip))
    return count_errors(truth, found, np.arange(FRAMES) // FPS)


@pytest.mark.slow
@pytest.mark.parametrize("condition", CONDITIONS)
def test_bounds_are_about_the_whole_condition(street, condition):
    accuracy = f"FNR WITHIN {BOUND} FDR WITHIN {BOUND}"
    oracle, result, found = answered(street, condition, accuracy)
    errors = errors_of(street, condition, found)
    assert errors.positives > 20
    assert errors.fnr <= BOUND
    assert errors.fdr <= BOUND
    # One call tells everything about a frame, whatever the number of predicates.
    assert max(Counter(oracle.frames_seen).values()) == 1
    assert result.profile.reference_calls == len(oracle.frames_seen) < FRAMES / 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "condition", ["contains('bus') AND NOT contains('truck')", "objects('bus') >= 2"]
)
def test_a_cascade_learns_the_condition_as_a_whole(street, condition):
    accuracy = f"FNR WITHIN {2 * BOUND} FDR WITHIN {2 * BOUND}"
    oracle, result, found = answered(street, condition, accuracy, fill=False)
    errors = errors_of(street, condition, found)
    assert errors.fnr <= 2 * BOUND
    assert errors.fdr <= 2 * BOUND
    assert max(Counter(oracle.frames_seen).values()) == 1
    # Stages of its own decide most frames: none that knows only whether there is a bus could.
    assert result.profile.plan != "no cascade"
    assert result.profile.reference_calls < FRAMES / 2


@pytest.mark.slow
def test_a_head_for_each_atom_keeps_the_bounds_of_the_whole(street, monkeypatch):
    """Where there is no other model, and no detector or link that could do without."""
    name, condition, bound = "cnn 64×16 heads", "contains('bus') <> contains('truck')", 0.1
    monkeypatch.setattr(training, "ARCHITECTURES", {})
    monkeypatch.setattr(training, "HEADED", {name: HEADED[name]})
    monkeypatch.setattr(search, "fit_detectors", lambda evidence: [])
    monkeypatch.setattr(search.Search, "_worth_training", lambda *_: True)
    monkeypatch.setattr(cascade, "find_turns", lambda *_: None)
    monkeypatch.setattr(cascade, "draw_portions", lambda *args: iter([draw_blocks(*args)]))
    accuracy = f"FNR WITHIN {bound} FDR WITHIN {bound}"
    oracle, result, found = answered(street, condition, accuracy, fill=False)
    errors = errors_of(street, condition, found)
    assert errors.positives > 20
    assert errors.fnr <= bound
    assert errors.fdr <= bound
    assert max(Counter(oracle.frames_seen).values()) == 1
    assert result.profile.plan == name
    assert name in result.explain()
    assert result.profile.reference_calls == len(oracle.frames_seen) < FRAMES / 2


def test_exact_asks_about_each_frame_once(street):
    condition = f"(contains('bus') OR contains('truck')) AND frame < {FRAMES // 10}"
    oracle, _, found = answered(street, condition, "EXACT")
    bus, _, truck = seen(street)
    expected = (bus | truck) & (np.arange(FRAMES) < FRAMES // 10)
    assert np.array_equal(found, expected)
    assert sorted(oracle.frames_seen) == list(range(FRAMES // 10))


def test_what_the_index_decides_is_not_decoded(street):
    condition = "frame >= 300 OR contains('bus')"
    oracle, result, found = answered(street, condition, "EXACT")
    assert found[300:].all()
    assert sorted(oracle.frames_seen) == list(range(300))
    assert result.profile.frames_decoded <= 300
    nothing = "(frame < 5 AND keyframe IS NULL AND contains('bus')) OR frame = 7"
    oracle, result, found = answered(street, nothing, "EXACT")
    assert np.flatnonzero(found).tolist() == [7]
    assert not oracle.frames_seen
    assert result.profile.frames_decoded == 0


def test_each_question_of_a_condition_has_a_plan_of_its_own(street):
    condition = "CASE WHEN frame < 60 THEN contains('bus') ELSE contains('truck') END"
    _, result, _ = answered(street, f"{condition} AND frame < 120", "EXACT")
    names = [video.video for video in result.profile.videos]
    assert names == [
        f"{street.path} where contains('bus', min_score => 0.4)",
        f"{street.path} where contains('truck', min_score => 0.4)",
    ]
    told = result.explain()
    assert "Merge in frame order\n   ├─ ReferenceScan" in told
    assert all(json.dumps(name)[1:-1] in result.explain("json") for name in names)


@pytest.mark.slow
def test_a_proof_is_about_the_condition_as_a_whole(street):
    condition = "CASE WHEN frame < 200 THEN contains('bus') ELSE contains('truck') END"
    accuracy = "FNR WITHIN 20% CONFIDENCE 90%"
    _, result, found = answered(street, f"{condition} AND frame < 400", accuracy)
    bus, _, truck = seen(street)
    expected = np.where(np.arange(FRAMES) < 200, bus, truck) & (np.arange(FRAMES) < 400)
    assert np.array_equal(found, expected)  # there is nothing to prove about the network itself
    assert len(result.profile.videos) == 1


@pytest.mark.slow
def test_numbers_of_each_frame_compared_with_what_is_seen_leave_nothing_to_guess(street):
    condition = "objects('bus') > frame % 2 AND frame < 400"
    _, result, found = answered(street, condition, f"FNR WITHIN {BOUND}")
    _, buses, _ = seen(street)
    assert np.array_equal(found[:400], buses[:400] > np.arange(400) % 2)
    assert "vary from frame to frame" in result.profile.reason
