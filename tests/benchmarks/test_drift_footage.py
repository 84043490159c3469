from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import drift, drift_footage, drift_report
from benchmarks.timeline import LIGHTS_OFF

SPELLS = [(10, 40), (100, 120)]


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
    assert len(names | {drift.QUICK.calm.key}) == len(drift_footage.KINDS) + 1


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
            "unwatched": answer(without),
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
    calm, dark, refined = drift_report.lines(results(0.03))
    assert "breaks a bound in 0 of 1 without the watch, in 0 with it" in calm
    assert "MORE THAN 2%" in calm
    assert (
        "take 1.1% of the run, 1.1% at most, no more than 2%"
        in drift_report.lines(results(0.011))[0]
    )
    assert dark == "lights off: a cascade breaks a bound in 1 of 2 without the watch, in 0 with it"
    assert refined == "plans by default, refinements in 3 of 6, break a bound in 3"


def test_rows_have_the_median_and_the_worst():
    rows = drift_report.rows(results(0.01))
    assert len(rows) == 2 * len(drift_report.WAYS)
    unwatched, watched = rows[4:6]
    assert (unwatched["median FNR"], unwatched["worst FNR"]) == ("23.6%", "27.3%")
    assert (unwatched["bounds broken"], unwatched["labelled"]) == ("1 of 2", "25%")
    assert (watched["worst FNR"], watched["checked"], watched["corrected"]) == ("5.9%", "7", "3")
