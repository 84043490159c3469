from __future__ import annotations

import numpy as np
import pytest

from benchmarks import drift
from benchmarks.timeline import LIGHTS_OFF

SPELLS = [(10, 40), (100, 120)]


def changed(before, after):
    return np.flatnonzero((before != after).reshape(len(before), -1).any(axis=1))


@pytest.mark.parametrize(("kind", "part"), [("lights", "light"), ("jolts", "shift")])
def test_spells_are_disturbed_and_nothing_else(kind, part):
    calm = drift.CALM.timeline
    disturbed = drift.disturbed(calm, SPELLS, kind, 360)
    where = changed(getattr(calm, part), getattr(disturbed, part))
    assert where.tolist() == [*range(10, 40), *range(100, 120)]
    assert (disturbed.source == calm.source).all()


def test_disturbances_are_those_of_the_generator():
    calm = drift.CALM.timeline
    inside = np.r_[10:40, 100:120]
    dark = drift.disturbed(calm, SPELLS, "lights", 360).light[inside]
    assert dark == pytest.approx(calm.light[inside] * LIGHTS_OFF)
    steps = drift.disturbed(calm, SPELLS, "exposure", 360).light[inside]
    assert steps == pytest.approx(calm.light[inside] * 0.75)
    away = drift.disturbed(calm, SPELLS, "jolts", 360).shift[inside] - calm.shift[inside]
    assert (away == (6, -6)).all()
    with pytest.raises(ValueError, match="jolts, exposure, lights"):
        drift.disturbed(calm, SPELLS, "rain", 360)


def test_a_disturbed_footage_has_a_name_of_its_own():
    parameters = {name: getattr(drift.QUICK, name) for name in drift.QUICK.__dataclass_fields__}
    names = {drift.DisturbedFootage(**parameters, kind=kind).key for kind in drift.KINDS}
    assert len(names | {drift.QUICK.key}) == len(drift.KINDS) + 1


def footage(kind, without, with_, waste):
    errors = {"true_positives": 80, "true_negatives": 100, "false_positives": 0}
    return {
        "kind": kind,
        "frames": 200,
        "disturbed": 0 if kind == "none" else 50,
        "plan": "linear 32",
        "errors": [errors | {"false_negatives": n} for n in (without, with_)],
        "watch": {"labels": 7, "corrected": 3},
        "waste": waste,
    }


def test_the_lines_say_what_broke():
    results = {
        "bound": 0.2,
        "footages": [footage("none", 10, 10, 0.03), footage("lights", 30, 5, 0.5)],
    }
    calm, dark = drift.lines(results)
    assert "are kept without the watch and kept with it" in calm
    assert "MORE THAN 2%" in calm
    assert dark == "lights off: the bounds are broken without the watch and kept with it"
    better = replace_waste(results, 0.011)
    assert "false alarms take 1.1% of the run, no more than 2%" in drift.lines(better)[0]
    row = drift.rows(results)[1]
    assert row["FNR without"] == "27.3% (30 of 110)"
    assert (row["FNR with"], row["checked"]) == ("5.9% (5 of 85)", "7")


def replace_waste(results, waste):
    calm, *others = results["footages"]
    return results | {"footages": [calm | {"waste": waste}, *others]}
