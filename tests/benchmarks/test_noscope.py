"""The benchmark runs, counts everything, and its figures follow from one another."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import data
import numpy as np
import pytest
from clips import LABELS, Oracle, Visit, make_clip
from fabricated import keys_of, noscope_results

import vqe
from benchmarks import noscope, prices
from benchmarks.asked import ask, with_ceiling, with_timer
from benchmarks.footage import Footage
from benchmarks.noscope import QUICK, QUICK_MODEL, _bounds, _break_even, _decode, _realised
from benchmarks.prices import WARM_UP_FRAMES, Price, Pricing, timed_index
from benchmarks.run import main
from benchmarks.systems import SYSTEMS, Run, Task
from vqe.models.load import load_reference
from vqe.video.indexing import build_index

NOTHING = np.zeros(1, np.bool_)


HOURS = 2.0
FRAMES = 72_000  # of HOURS of a scene with ten a second
LABELS_BOUGHT = 3219


def a_run(system: str, seconds: float) -> Run:
    return Run(system, "", NOTHING, {"scan": seconds}, (), 0.0, 0, 0)


def break_even(
    *, reference: float, skipping: float, fixed: float, label: float, frame: float, cascade=True
) -> dict[str, float | None]:
    """Seconds of the baselines, of vqe's one-off work, and for each frame labelled or scanned."""
    scanned = FRAMES - LABELS_BOUGHT
    cold = Run(
        "cold",
        "",
        NOTHING,
        {"labelling": label * LABELS_BOUGHT, "training": fixed, "scan": frame * scanned},
        ("labelling", "training"),
        0.0,
        0,
        0,
        details={
            "cascade": cascade,
            "refined": False,
            "labels_to_plan": LABELS_BOUGHT,
            "scanned_frames": scanned,
        },
    )
    runs = {
        "reference": a_run("reference", reference),
        "skipping": a_run("skipping", skipping),
        "cold": cold,
    }
    return _break_even(runs, Footage("person", HOURS, 0.1))


def test_break_even() -> None:
    # Labels cost what the reference network does: 7,200 s for 72,000 frames.
    found = break_even(reference=7200, skipping=720, fixed=90, label=0.1, frame=0.02)
    hours = found["over_reference_hours"]
    assert hours is not None
    n = hours * 36_000
    labels = min(n / 4, 12 * n**0.5)
    assert 90 + 0.1 * labels + 0.02 * (n - labels) == pytest.approx(0.1 * n, rel=0.02)
    assert found["over_skipping_hours"] is None


def test_labels_that_grow_more_slowly_than_the_video_pay_in_the_end() -> None:
    found = break_even(reference=7200, skipping=1800, fixed=10, label=0.1, frame=0.02)
    hours = found["over_skipping_hours"]
    assert hours is not None
    n = hours * 36_000
    labels = 12 * n**0.5
    assert 10 + 0.1 * labels + 0.02 * (n - labels) == pytest.approx(0.025 * n, rel=0.02)


def test_what_is_noise_breaks_even_at_no_length() -> None:
    none = {"over_reference_hours": None, "over_skipping_hours": None}
    assert break_even(reference=7200, skipping=7200, fixed=9, label=0.1, frame=0.097) == none
    # Without a cascade vqe is the reference network, however the clock ran.
    cheap = {"fixed": 0.0, "label": 0.0, "frame": 0.01}
    assert break_even(reference=7200, skipping=7200, cascade=False, **cheap) == none


def test_a_baseline_that_is_left_out_breaks_even_nowhere() -> None:
    cold = a_run("cold", 10.0)
    cold = replace(cold, details={"refined": True, "scanned_frames": FRAMES, "cascade": False})
    runs = {"reference": a_run("reference", 7200.0), "cold": cold}
    assert _break_even(runs, Footage("person", HOURS, 0.1)) == {"over_reference_hours": None}


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


@pytest.mark.slow
def test_a_question_is_counted_to_the_last_frame(clip, index) -> None:
    with vqe.connect(progress=False, fill=False) as connection:
        oracle = Oracle(clip, fingerprint="oracle", seconds=0.02)
        connection.register_model("oracle", oracle, labels=LABELS)
        cold, result = ask(connection, index, "bus", None, noscope.ACCURACY)
        again, _ = ask(connection, index, "bus", None, noscope.ACCURACY)
        assert cold.calls == len(oracle.frames_seen)
        better, _ = ask(connection, index, "bus", 0.99, noscope.ACCURACY)
        assert cold.decoded >= len(index)
        assert cold.seconds == pytest.approx(result.profile.wall_seconds, rel=0.05, abs=0.05)
        assert set(cold.one_off) == set(cold.phases) - {"scan"}
        assert 0 < cold.details["cpu"]["foretold"] < 10 * cold.details["cpu"]["measured"]
        assert again.seconds < cold.seconds
        assert not better.answer.any()  # no score is that high
        timed = with_timer(cold, result, index, call_seconds=0.02, threads=2)
        assert timed.in_memory_seconds is not None
        scanned = result.profile.stages[-1].frames_in
        assert timed.in_memory_seconds >= 0.02 * scanned
        assert timed.in_memory_seconds < cold.phases["scan"] + 0.5
        price = Price(1, exact=0.03, call=0.02, in_memory=0.02, rounds=(0.03,))
        ceiling = with_ceiling(timed, price, decoding=0.001).details["ceiling"]
        assert ceiling["seconds"] == pytest.approx(cold.phases["scan"])
        scanned = cold.details["stages"][0]["frames_in"]
        assert ceiling["by_stages"] == pytest.approx(timed.in_memory_seconds + 0.001 * scanned)


@pytest.mark.slow
def test_a_refinement_is_counted_as_work_and_not_as_one_off(clip, index) -> None:
    with vqe.connect(progress=False) as connection:
        oracle = Oracle(clip, fingerprint="oracle", seconds=0.02)
        connection.register_model("oracle", oracle, labels=LABELS)
        cold, result = ask(connection, index, "bus", None, noscope.ACCURACY)
        again, _ = ask(connection, index, "bus", None, noscope.ACCURACY)
    assert cold.details["refined"]
    assert cold.one_off == ("index",)
    assert cold.calls == len(oracle.frames_seen) < len(index) / 2
    assert cold.details["scanned_frames"] == len(index)
    timed = with_timer(cold, result, index, call_seconds=0.02, threads=2)
    assert timed.in_memory_seconds == pytest.approx(0.02 * cold.calls)
    price = Price(1, exact=0.03, call=0.025, in_memory=0.02, rounds=(0.03,))
    ceiling = with_ceiling(timed, price, decoding=0.001).details["ceiling"]
    assert ceiling["by_stages"] == pytest.approx(0.025 * cold.calls + 0.001 * cold.decoded)
    assert ceiling["seconds"] == pytest.approx(cold.seconds - cold.phases["index"])
    assert again.calls == again.decoded == 0
    runs = {name: a_run(name, 3600.0) for name in ("reference", "skipping")} | {"cold": cold}
    found = _break_even(runs, Footage("person", 1 / 60, 0.1))
    assert found["over_reference_hours"] is not None


@pytest.mark.slow
def test_prices_come_from_stretches(clip, index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prices, "LEAST_SECONDS", 1.0)
    oracle = Oracle(clip, seconds=0.01)
    pricing = Pricing(load_reference(oracle, labels=LABELS), index, "bus")
    with vqe.connect(progress=False) as connection:
        connection.register_model("oracle", oracle, labels=LABELS)
        pricing.measure(connection, 0.2)
        pricing.measure(connection, 0.6)
    price = pricing.price
    assert len(price.rounds) == 2
    assert price.frames >= 2 * prices.PROBE_FRAMES
    assert price.exact == pytest.approx(np.mean(price.rounds))
    assert 0.01 <= price.in_memory <= price.call < 0.03
    assert 0.01 <= price.exact < 0.05


def test_the_warm_up_is_another_video_of_the_same_size() -> None:
    for one in (*noscope.standard(), *QUICK):
        beginning = one.beginning(WARM_UP_FRAMES)
        assert (beginning.width, beginning.height) == (one.width, one.height)
        assert len(beginning.timeline) == beginning.frames == WARM_UP_FRAMES
        assert not np.array_equal(beginning.timeline.source, one.timeline.source[:WARM_UP_FRAMES])


def test_the_index_is_timed(clip) -> None:
    index, seconds = timed_index(str(clip.path))
    assert len(index) == 1200
    assert seconds > 0


def test_bare_decoding_is_timed_and_complete(index, tmp_path: Path) -> None:
    assert _decode(index, threads=2) > 0
    damaged = tmp_path / "damaged.mp4"
    content = bytearray(Path(index.path).read_bytes())
    content[len(content) // 3 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 3)
    damaged.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be decoded"):
        _decode(replace(index, path=str(damaged)), threads=1)


def test_skipping_may_err_as_much_as_was_asked_or_as_vqe_did(clip, index) -> None:
    truth = clip.present("bus")
    task = Task(index, truth, 0.1, 1, 0)
    assert _bounds(task, truth) == (0.01, 0.01)
    missed = truth.copy()
    missed[300:420] = False  # six of thirteen seconds
    fnr, fdr = _bounds(task, missed)
    assert fnr == pytest.approx(6 / 13, abs=0.05)
    assert fdr == 0.01


def test_baselines_may_be_left_out(index, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = np.arange(len(index)) % 200 < 100
    task = Task(index, truth, 0.1, 1, 0)
    ours = replace(a_run("cold", 1.0), answer=truth)
    price = Price(1, exact=0.03, call=0.02, in_memory=0.02, rounds=(0.03,))
    released = replace(a_run("noscope", 2.0), in_memory_calls=3)
    monkeypatch.setattr(noscope.noscope_released, "run", lambda *_, **__: released)
    for without, expected in (
        ((), ["skipping", "noscope"]),
        (("noscope",), ["skipping"]),
        (("skipping", "other"), ["noscope"]),
        (("noscope", "skipping"), []),
    ):
        bench = noscope.Bench("", 0, 1, 1, quick=True, without=without)
        runs = bench._baselines(task, price, ours)
        assert [run.system for run in runs] == expected
        assert all(run.in_memory_seconds for run in runs)


def test_quick_footage_gives_noscope_something_to_learn() -> None:
    (one,) = QUICK
    assert any(visit.stop < one.frames / 4 for visit in one.timeline.visits)
    (one,) = noscope.DEFAULT
    quarters = [visit.start * 4 // one.frames for visit in one.timeline.visits]
    assert quarters.count(0) >= 2
    assert set(quarters) == {0, 1, 2, 3}


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
    assert keys_of(results) == keys_of(noscope_results())
    assert (results["benchmark"], results["set"]) == ("noscope", "quick")
    assert results["model"] == QUICK_MODEL
    (found,) = results["footages"]
    frames = found["footage"]["frames"]
    assert found["decoding"]["frames"] == frames == 1800
    assert found["truth"]["positives"] > 0
    assert found["truth"]["disagreements"] <= 1
    systems = {run["system"]: run for run in found["systems"]}
    assert list(systems) == list(SYSTEMS)
    for run in systems.values():
        assert run["seconds"] == pytest.approx(sum(run["phases"].values()), abs=1e-2)
        assert set(run["one_off"]) <= set(run["phases"])
        assert sum(run["errors"]["frame"].values()) == frames
        assert sum(run["errors"]["window majority"].values()) == frames // 30
        assert run["calls"] <= frames
    for counts in systems["reference"]["errors"].values():
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
    assert systems["cold"]["details"]["cascade"]
    assert systems["cold"]["plan"].partition(" (")[0] in capsys.readouterr().out


def test_every_footage_of_the_sets_has_its_own_file() -> None:
    keys = {one.key for one in (*noscope.DEFAULT, *noscope.FULL, *noscope.QUICK)}
    assert len(keys) == 1 + 3 + 1
    assert replace(noscope.FULL[0], hours=1 / 3, seed=4) == noscope.DEFAULT[0]
