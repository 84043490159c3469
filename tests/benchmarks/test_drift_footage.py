from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from clips import Visit, make_clip

from benchmarks import drift, drift_footage, drift_report
from benchmarks.recalled import recalled
from benchmarks.timeline import LIGHTS_OFF
from benchmarks.truth import STEPS, Truth
from vqe.planner import cascade
from vqe.video.indexing import build_index

SPELLS = [(10, 40), (100, 120)]
FRAMES = 1800


def known(path, negative=()):
    """Three minutes with buses, and all that is known of them."""
    visits = [Visit(start, start + 60) for start in range(40, FRAMES - 100, 300)]
    clip = make_clip(path, FRAMES, gop=50, visits=visits, negative=negative)
    index, present = build_index(str(path), lambda: None), clip.present("bus")
    frame = np.flatnonzero(present)
    seen = {
        "frame": frame.astype(np.int32),
        "label": pa.array(["bus"] * len(frame)).dictionary_encode(),
        "score": np.full(len(frame), 9 * STEPS // 10, np.uint16),
    }
    truth = Truth("m", "print", "cpu", 0.5, FRAMES, np.empty(0, np.uint32), pa.table(seen))
    kind = "lights" if negative else "none"
    footage = replace(drift.QUICK, kind=kind, spells=tuple(negative))
    return drift.Known(footage, index, recalled(truth, index, ("bus",)), present)


def changed(before, after):
    return np.flatnonzero((before != after).reshape(len(before), -1).any(axis=1))


@pytest.mark.parametrize(("kind", "part"), [("lights", "light"), ("jolts", "shift")])
def test_spells_are_disturbed_and_nothing_else(kind, part):
    calm = drift.QUICK.timeline
    disturbed = drift_footage.disturbed(calm, SPELLS, kind, 360)
    where = changed(getattr(calm, part), getattr(disturbed, part))
    assert where.tolist() == [*range(10, 40), *range(100, 120)]
    assert (disturbed.source == calm.source).all()


def test_disturbances_are_those_of_the_generator():
    calm = drift.QUICK.timeline
    inside = np.r_[10:40, 100:120]
    dark = drift_footage.disturbed(calm, SPELLS, "lights", 360).light[inside]
    assert dark == pytest.approx(calm.light[inside] * LIGHTS_OFF)
    steps = drift_footage.disturbed(calm, SPELLS, "exposure", 360).light[inside]
    assert steps == pytest.approx(calm.light[inside] * 0.75)
    away = drift_footage.disturbed(calm, SPELLS, "jolts", 360).shift[inside] - calm.shift[inside]
    assert (away == (6, -6)).all()
    with pytest.raises(ValueError, match="exposure, lights, jolts"):
        drift_footage.disturbed(calm, SPELLS, "rain", 360)


def test_a_disturbed_footage_has_a_name_of_its_own():
    names = {replace(drift.QUICK, kind=kind).key for kind in drift_footage.KINDS}
    other = replace(drift.QUICK, kind="lights", spells=tuple(SPELLS)).key
    assert len(names | {other}) == len(drift_footage.KINDS) + 1


def test_a_footage_is_disturbed_in_its_spells():
    footage = replace(drift.QUICK, kind="lights", spells=tuple(SPELLS))
    where = changed(drift.QUICK.timeline.light, footage.timeline.light)
    assert where.tolist() == [*range(10, 40), *range(100, 120)]
    assert footage.inside(np.array([9, 10, 39, 40, 100, 119, 120])) == 4
    assert drift.QUICK.inside(np.arange(200)) == 0


def test_spells_spare_the_blocks_with_labels(tmp_path):
    clip = make_clip(tmp_path / "a.mp4", 120)
    index = build_index(str(clip.path), lambda: None)
    asked = np.array([25, 31, 33, 78, 119])  # in the blocks 2, 3, 7, 11 of ten frames each
    assert drift_footage.unlabelled(index, asked) == ((0, 20), (40, 70), (80, 110))
    assert drift_footage.unlabelled(index, np.arange(5, 120, 10)) == ()
    assert drift_footage.unlabelled(index, np.arange(0)) == ((0, 120),)


@pytest.mark.slow
def test_plans_have_not_seen_the_spells(tmp_path, monkeypatch):
    monkeypatch.setattr(drift, "LABEL", "bus")
    monkeypatch.setattr(cascade, "LEAST_SAVING_SECONDS", 0.0)
    calm = known(tmp_path / "calm.mp4")
    asked = drift.labelled(calm)
    assert 0 < len(asked) < FRAMES / 2
    spells = drift_footage.unlabelled(calm.index, asked)
    disturbed = known(tmp_path / "disturbed.mp4", spells)
    assert disturbed.footage.inside(np.arange(FRAMES)) > FRAMES / 4
    assert disturbed.footage.inside(asked) == 0
    answers = drift._cascades(disturbed)
    assert answers["unwatched"]["labels_to_plan"] > 0
    assert answers["unwatched"]["disturbed"] <= 0.02 * answers["unwatched"]["labels_to_plan"]


def answer(missed, **more):
    seen = {"true_positives": 80, "true_negatives": 100, "false_positives": 0}
    errors = seen | {"false_negatives": missed}
    return {"errors": errors, "labels": 50, "plan": "refinement", **more}


def footage(kind, without, with_, waste):
    return {
        "kind": kind,
        "frames": 200,
        "disturbed": 0 if kind == "none" else 50,
        "answers": {
            "unwatched": answer(without, labels_to_plan=40, disturbed=2 if kind == "lights" else 0),
            "watched": answer(with_, checked=7, corrected=3, waste=waste),
            "loose": answer(0),
            "default": answer(1) | {"plan": "linear 32"},
        },
    }


def results(waste):
    footages = [footage("none", 10, 10, waste), footage("lights", 30, 5, 0.5)]
    footages.append(footage("lights", 20, 4, 0.4))
    return {"bound": 0.2, "default_bound": 0.01, "footages": footages}


def test_the_lines_say_what_broke():
    calm, dark, refined, hidden = drift_report.lines(results(0.03))
    assert "breaks a bound in 0 of 1 without the watch, in 0 with it" in calm
    assert "MORE THAN 2%" in calm
    assert (
        "take 1.1% of the run, 1.1% at most, no more than 2%"
        in drift_report.lines(results(0.011))[0]
    )
    assert dark == "lights off: a cascade breaks a bound in 1 of 2 without the watch, in 0 with it"
    assert refined == "plans by default, refinements in 3 of 6, break a bound in 3"
    assert hidden == (
        "plans of disturbed footage labelled a disturbed frame in 2 of 2 cases: 4 of all their 80 "
        "labels"
    )


def test_rows_have_the_median_and_the_worst():
    rows = drift_report.rows(results(0.01))
    assert len(rows) == 2 * len(drift_report.WAYS)
    unwatched, watched = rows[4:6]
    assert (unwatched["median FNR"], unwatched["worst FNR"]) == ("23.6%", "27.3%")
    assert (unwatched["bounds broken"], unwatched["labelled"]) == ("1 of 2", "25%")
    assert (watched["worst FNR"], watched["checked"], watched["corrected"]) == ("5.9%", "7", "3")
