"""What counts as a change between two results, at the edges of the band."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fabricated import KEY, counts, footage, noscope_results, system

from benchmarks.compare import as_text, change, compare, differences, error_change, main
from benchmarks.noscope_results import merged
from benchmarks.report import committed

ON_GPU = noscope_results()["machine"] | {"gpu": "NVIDIA H200"}


def with_systems(*systems: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return noscope_results(footages=[footage(systems=list(systems))], **changes)


def found(old: dict[str, Any], new: dict[str, Any]) -> dict[str, int]:
    """How many lines of each kind."""
    findings = vars(compare(old, new))
    return {kind: len(lines) for kind, lines in findings.items() if kind != "compared" and lines}


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        (100.0, 100.0, 0),
        (100.0, 105.0, 0),
        (100.0, 105.1, 1),
        (105.0, 100.0, 0),
        (105.1, 100.0, -1),
        (0.0, 0.0, 0),
        (0.0, 0.001, 1),
    ],
)
def test_the_band_of_a_figure(old: float, new: float, wanted: int) -> None:
    assert change(old, new) == wanted


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ((0.01, 1), (0.02, 2), 0),  # twice the rate, but one unit
        ((0.01, 1), (0.03, 3), 1),
        ((0.03, 3), (0.01, 1), -1),
        ((0.100, 100), (0.105, 105), 0),  # five units, but 5% of the rate
        ((0.100, 100), (0.106, 106), 1),
        ((None, 0), (0.5, 2), 1),
        ((0.5, 2), (None, 0), -1),
        ((None, 0), (None, 0), 0),
        ((0.10, 10), (0.10, 20), 0),  # of twice as many
    ],
)
def test_the_band_of_errors(
    old: tuple[float | None, int], new: tuple[float | None, int], wanted: int
) -> None:
    assert error_change(old, new) == wanted


def test_results_are_like_themselves() -> None:
    results = [noscope_results(), *committed("first"), *committed("decode"), *committed("noscope")]
    for each in results:
        assert found(each, each) == {}
        assert differences(each, each) == []
        assert compare(each, each).compared > 0


def test_slower_is_what_seconds_and_ratio_call_slower() -> None:
    old = with_systems(system("reference"), system("cold"))
    slower = with_systems(system("reference"), system("cold", seconds=260.0))
    assert found(old, slower) == {"slower": 1}
    assert found(slower, old) == {"faster": 1}
    (line,) = compare(old, slower).slower
    assert line == f"{KEY}, cold: 240.00 s → 260.00 s (+8.3%), ratio 2.50 → 2.31 (-7.7%)"
    # All took longer on a machine with other work: that of the baseline is all that is sure.
    noisy = with_systems(system("reference", seconds=650.0), system("cold", seconds=260.0))
    assert found(old, noisy) == {"baselines": 1, "unclear": 1}
    assert compare(old, noisy).baselines[0].startswith(f"{KEY}, reference:")
    within = with_systems(system("reference"), system("cold", seconds=252.0))
    assert found(old, within) == {}


def test_without_a_baseline_the_seconds_decide() -> None:
    assert found(with_systems(system("cold")), with_systems(system("cold", seconds=300.0))) == {
        "slower": 1
    }


def test_baselines_stand_apart() -> None:
    old = with_systems(system("reference"))
    changed = footage(systems=[system("reference", seconds=900.0)])
    changed["decoding"]["seconds"] = 30.0
    findings = compare(old, noscope_results(footages=[changed]))
    assert [line.partition(":")[0] for line in findings.baselines] == [
        f"{KEY}, decoding",
        f"{KEY}, reference",
    ]
    assert not findings.worse
    assert "Baselines that took another time" in as_text(findings)
    assert "2 compared, 0 as fast as before." in as_text(findings)
    (first,) = committed("first")
    slower = json.loads(json.dumps(first))
    for asked in slower["questions"]:
        asked["exact"]["seconds"] *= 2
        asked["query"]["seconds"] *= 2
    assert found(first, slower) == {"baselines": 4, "unclear": 4}


def test_each_footage_was_made_by_its_own_run() -> None:
    newer = noscope_results()["machine"]
    newer = newer | {"versions": newer["versions"] | {"torch": "9"}}
    old = noscope_results(footages=[footage(), footage("b-1h-1")])
    new = merged(old, noscope_results(set="full", machine=newer, footages=[footage("b-1h-1")]))
    assert differences(old, new) == [
        "different set: default, now full (b-1h-1)",
        "different torch: None, now 9 (b-1h-1)",
    ]
    again = noscope_results(machine=newer, footages=new["footages"])
    assert differences(new, again) == ["different set: full, now default (b-1h-1)"]
    # A footage that another machine measured is compared by its ratio alone.
    here, there = ({"set": "default", "machine": machine} for machine in (newer, ON_GPU))
    slow = [system("reference", seconds=60.0), system("cold", seconds=24.0)]
    before = noscope_results(footages=[footage(run=here)])
    after = noscope_results(footages=[footage(systems=slow, run=there)])
    assert found(before, after) == {"only_old": 5}


def test_between_machines_only_ratios_count() -> None:
    old = with_systems(system("reference"), system("cold"))
    fast = [system("reference", seconds=60.0), system("cold", seconds=24.0)]
    assert found(old, with_systems(*fast, machine=ON_GPU)) == {}
    fast[1]["seconds"] = 30.0
    assert found(old, with_systems(*fast, machine=ON_GPU)) == {"slower": 1}


def test_errors_per_second_and_per_frame() -> None:
    def results(second: dict[str, int], frame: dict[str, int]) -> dict[str, Any]:
        errors = {"second": second, "frame": frame}
        return with_systems(system("cold", errors=errors))

    old = results(counts(2, 0), counts(20, 8))
    assert found(old, results(counts(3, 1), counts(21, 9))) == {}
    worse = results(counts(4, 0), counts(15, 12))
    assert found(old, worse) == {"less_accurate": 2, "more_accurate": 1}
    text = "\n".join(compare(old, worse).less_accurate)
    assert f"{KEY}, cold: FNR per second 2.0% (2 of 100) → 4.0% (4 of 100)" in text
    assert "FDR per frame 9.1% (8 of 88) → 12.4% (12 of 97)" in text


def test_what_is_only_in_one() -> None:
    old = with_systems(system("reference"), system("cold"))
    new = with_systems(system("reference"), system("again"))
    findings = compare(old, new)
    assert findings.only_old == [f"{KEY}, cold"]
    assert findings.only_new == [f"{KEY}, again"]
    assert findings.compared == 2  # the reference network, and decoding


def test_what_was_not_the_same() -> None:
    old = noscope_results()
    new = noscope_results(model="onnx:b.onnx", set="full", machine=ON_GPU)
    new["footages"][0]["systems"][3]["errors"]["second"] = counts(0, 0) | {"true_positives": 90}
    assert differences(old, new) == [
        "different model: onnx:a.onnx, now onnx:b.onnx",
        "different set: default, now full",
        "different gpu: None, now NVIDIA H200",
        f"different truth of {KEY}, cold, positive seconds: 100, now 90",
    ]


def write(path: Path, results: dict[str, Any]) -> str:
    path.write_text(json.dumps(results), encoding="utf-8")
    return str(path)


def test_only_fail_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = write(tmp_path / "old.json", with_systems(system("reference"), system("cold")))
    changed = with_systems(system("reference"), system("cold", seconds=300.0), threads=4)
    new = write(tmp_path / "new.json", changed)
    assert main([old, new]) == 0
    assert main([old, new, "--fail"]) == 1
    assert main([new, old, "--fail"]) == 0
    assert main([old, old, "--fail"]) == 0
    capsys.readouterr()
    doubtful = with_systems(system("reference", seconds=620.0), system("cold", seconds=258.0))
    assert main([old, write(tmp_path / "doubtful.json", doubtful), "--fail"]) == 0
    assert "UNCLEAR, look at these: seconds and ratio do not agree (1):" in capsys.readouterr().out
    main([old, new])
    text = capsys.readouterr().out
    assert text.startswith("old: 2 cores of Abacus, no GPU, commit 0123456789 of 2026-01-02\nnew: ")
    assert text.index("different threads: 2, now 4") < text.index("Slower (1):")
    assert "3 compared, 2 as fast as before." in text


def test_first_and_decode_are_compared_too() -> None:
    for name, slower in (("first", 4), ("decode", 5)):
        (old,) = committed(name)
        new = json.loads(json.dumps(old))
        for asked in new.get("questions", []):
            asked["query"]["seconds"] *= 2
        for stream in new.get("streams", []):
            stream["speed"]["ways"]["reader"]["frames_per_second"] /= 2
        assert found(old, new) == {"slower": slower}


def test_files_that_cannot_be_compared(tmp_path: Path) -> None:
    one = write(tmp_path / "one.json", noscope_results())
    other = write(tmp_path / "other.json", noscope_results(benchmark="first"))
    strange = write(tmp_path / "strange.json", {"benchmark": "else"})
    with pytest.raises(SystemExit, match="results of noscope and of first"):
        main([one, other])
    with pytest.raises(SystemExit, match="no results of noscope, first, decode"):
        main([one, strange])
    with pytest.raises(SystemExit, match="no file"):
        main([one, str(tmp_path / "none.json")])
