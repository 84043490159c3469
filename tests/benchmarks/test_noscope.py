"""The benchmark runs, counts everything, and its figures follow from one another."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import data
import numpy as np
import pytest
from clips import LABELS, Oracle, Visit, make_clip

import vqe
from benchmarks import noscope
from benchmarks.asked import ask, exact_stretch, with_timer
from benchmarks.footage import Footage
from benchmarks.noscope import QUICK, QUICK_MODEL, _bounds, _break_even, _decode, _realised
from benchmarks.run import main
from benchmarks.systems import SYSTEMS, Run, Task
from vqe.video.indexing import build_index

NOTHING = np.zeros(1, np.bool_)


def a_run(system: str, seconds: float, one_off: float = 0.0) -> Run:
    phases = {"labelling": one_off, "scan": seconds - one_off}
    return Run(system, "", NOTHING, phases, ("labelling",), 0.0, 0, 0)


def break_even(**seconds: float) -> dict[str, float | None]:
    runs = {
        "reference": a_run("reference", seconds["reference"]),
        "skipping": a_run("skipping", seconds["skipping"]),
        "cold": a_run("cold", seconds["cold"], seconds["one_off"]),
    }
    return _break_even(runs, Footage("person", 2.0, 0.1))


def test_break_even() -> None:
    # Two hours of video: 100 s of one-off work, and 50 s for each hour.
    found = break_even(reference=1000, skipping=100, cold=200, one_off=100)
    assert found["over_reference_hours"] == pytest.approx(100 / 450)
    assert found["over_skipping_hours"] is None
    assert break_even(reference=9, skipping=102, cold=200, one_off=100) == {
        "over_reference_hours": None,
        "over_skipping_hours": pytest.approx(100),
    }


def test_flicker_is_what_a_majority_would_change() -> None:
    present = np.zeros(200, np.bool_)
    present[50:100] = True
    present[70] = False
    present[150] = True
    found = _realised(present, Footage("person", 0.1, 0.1))
    assert found["flicker"] == pytest.approx(2 / 50)
    assert found["runs"] == 3
    assert found["presence"] == 50 / 200


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("noscope")
    visits = [Visit(100, 180), Visit(300, 420), Visit(900, 960)]
    return make_clip(folder / "a.mp4", 1200, fps=20, size=(96, 72), visits=visits)


@pytest.fixture(scope="module")
def index(clip):
    return build_index(str(clip.path), lambda: None)


def test_a_question_is_counted_to_the_last_frame(clip, index) -> None:
    with vqe.connect(progress=False) as connection:
        oracle = Oracle(clip, fingerprint="oracle", seconds=0.02)
        connection.register_model("oracle", oracle, labels=LABELS)
        cold, result = ask(connection, index.path, "bus", index, noscope.ACCURACY)
        again, _ = ask(connection, index.path, "bus", index, noscope.ACCURACY)
        assert cold.calls == len(oracle.frames_seen)
        assert cold.decoded >= len(index)
        assert cold.seconds == pytest.approx(result.profile.wall_seconds, rel=0.05, abs=0.05)
        assert set(cold.one_off) == set(cold.phases) - {"scan"}
        assert again.seconds < cold.seconds
        timed = with_timer(cold, result, index, call_seconds=0.02, threads=2)
        assert timed.in_memory_seconds is not None
        scanned = result.profile.stages[-1].frames_in
        assert timed.in_memory_seconds >= 0.02 * scanned
        assert timed.in_memory_seconds < cold.phases["scan"] + 0.5


def test_a_stretch_is_answered_by_the_network_alone(clip, index) -> None:
    with vqe.connect(progress=False) as connection:
        oracle = Oracle(clip)
        connection.register_model("oracle", oracle, labels=LABELS)
        seconds, profile = exact_stretch(connection, index.path, "bus", 300, 364)
        assert sorted(oracle.frames_seen) == list(range(300, 364))
    assert profile.stages[-1].frames_in == 64
    assert seconds > 0


def test_bare_decoding_decodes_everything(index) -> None:
    assert _decode(index, threads=2) == len(index)


def test_skipping_may_err_as_much_as_was_asked_or_as_vqe_did(clip, index) -> None:
    truth = clip.present("bus")
    task = Task(index, truth, 0.1, 1, 0)
    assert _bounds(task, truth) == (0.01, 0.01)
    missed = truth.copy()
    missed[300:420] = False  # six of thirteen seconds
    fnr, fdr = _bounds(task, missed)
    assert fnr == pytest.approx(6 / 13, abs=0.05)
    assert fdr == 0.01


def test_quick_footage_gives_noscope_something_to_learn() -> None:
    (one,) = QUICK
    assert any(visit.stop < one.frames / 4 for visit in one.timeline.visits)
    (one,) = noscope.DEFAULT
    assert sum(visit.stop < one.frames / 4 for visit in one.timeline.visits) >= 2


@pytest.mark.data
@pytest.mark.slow
def test_a_quick_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = data.video(QUICK[0].of.clip)
    output = tmp_path / "noscope.json"
    main(["noscope", "--quick", "--output", str(output)])
    text = output.read_text(encoding="utf-8")
    for path in (clip.parent, QUICK[0].path.parent):
        assert str(path) not in text
    results = json.loads(text)
    assert (results["benchmark"], results["set"]) == ("noscope", "quick")
    assert results["model"] == QUICK_MODEL
    (found,) = results["footages"]
    frames = found["footage"]["frames"]
    assert found["decoding"]["frames"] == frames == 1800
    assert found["truth"]["disagreements"] <= 1
    systems = {run["system"]: run for run in found["systems"]}
    assert list(systems) == list(SYSTEMS)
    for run in systems.values():
        assert run["seconds"] == pytest.approx(sum(run["phases"].values()), abs=1e-2)
        assert set(run["one_off"]) <= set(run["phases"])
        assert sum(run["errors"]["frame"].values()) == frames
        assert sum(run["errors"]["window majority"].values()) == frames // 30
        assert run["calls"] <= frames
    no_errors = systems["reference"]["errors"]
    for counts in no_errors.values():
        assert counts["false_negatives"] == counts["false_positives"] == 0
        assert counts["true_positives"] > 0
    assert systems["reference"]["measured"] == "scaled"
    assert {systems[name]["measured"] for name in ("skipping", "noscope")} == {"charged"}
    assert systems["noscope"]["details"]["networks_tried"] == 2
    # vqe's own promise, and what the store is for.
    assert systems["cold"]["measured"] == "measured"
    assert systems["again"]["calls"] == 0
    assert systems["again"]["seconds"] < systems["cold"]["seconds"]
    assert systems["other"]["label"] == "chair"
    assert systems["cold"]["plan"].partition(" (")[0] in capsys.readouterr().out


def test_every_footage_of_the_sets_has_its_own_file() -> None:
    keys = {one.key for one in (*noscope.DEFAULT, *noscope.FULL, *noscope.QUICK)}
    assert len(keys) == 1 + 3 + 1
    assert replace(noscope.FULL[0], hours=1 / 3, seed=11) == noscope.DEFAULT[0]
