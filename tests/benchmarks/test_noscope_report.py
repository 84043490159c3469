"""Tables and picture of the benchmark `noscope`, and what becomes of results of several runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from fabricated import KEY, NOTHING, footage, keys_of, noscope_results, system

from benchmarks import report, run
from benchmarks.noscope_picture import digest, digest_of, draw, shown
from benchmarks.noscope_report import lines, notes, tables
from benchmarks.noscope_results import merged, names, run_of, runs
from benchmarks.report import DOCS, as_markdown, as_text, committed, picture_path, read_results
from benchmarks.systems import SYSTEMS

NAME = "person-20min-10pc-720p-camera"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in place of the repository, with an empty page."""
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "benchmark.md"
    page.write_text("<!-- benchmark:noscope -->\nold\n<!-- /benchmark -->\n", encoding="utf-8")
    noscope = report.REPORTS["noscope"]._replace(page=page)
    monkeypatch.setitem(report.REPORTS, "noscope", noscope)
    monkeypatch.setattr(report, "DOCS", page.parent)
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    return tmp_path


def test_the_pictures_show_the_committed_results() -> None:
    found = {picture_path(results): digest(results) for results in committed("noscope")}
    drawn = {path: digest_of(path) for path in DOCS.glob("benchmark-*.svg")}
    assert drawn == found, "run python -m benchmarks.report"


def test_speed_errors_and_phases() -> None:
    text = as_markdown(noscope_results())
    assert text.startswith("### 2 cores of Abacus, no GPU\n\n![")
    assert "](benchmark-abacus-2-cores.svg)" in text
    about = "person in a.mp4 | 20 min | 12,000 | 10"
    assert f"| {NAME} | {about} | 1.5 exposure steps, 2 lights off an hour | 20.0 s |" in text
    assert f"| {NAME} | 10.3% | 25.0% | 7 | 3 | 41.5 s | 1.2% |" in text
    header = "present | in the first quarter | visits | distinct visits | distinct background"
    assert f"| footage | {header} | flicker |" in text
    for line in (
        "reference network on every frame | 600.0 s | 2.00 | 1.00 | 30.0 | 12,000 | 345 | scaled |",
        "NoScope as released | 150.0 s | 8.00 | 4.00 | 7.50 | 12,000 | 345 | 75.0 s charged |",
        "vqe, another object (chair) | 300.0 s | 4.00 | 2.00 | 15.0 | 12,000 | 345 | measured |",
        "vqe, cold | labelling 60.0, scan 180.0 | labelling |",
        "frame skipping with hold | labelling 15.0, scan 45.0 | – |",
        "vqe, cold | 1.0% (1 of 100) | 0.0% (0 of 900) | 0.0% (0 of 99) "
        "| 1.0% (1 of 100) | 0.0% (0 of 900) |",
        "vqe, cold | 1.0% (1 of 100) | 0.0% (0 of 900) | 2.0% (2 of 100) | 1.0% (9 of 900) |",
    ):
        assert f"| {NAME} | {line}" in text
    assert text.count("| reference network on every frame |") == 3  # it makes no errors


def test_noscopes_timer_counts_the_frames_that_it_was_shown() -> None:
    text = as_markdown(noscope_results())
    assert f"| {NAME} | reference network on every frame | 12,000 | 300.0 s | 4.00 | 1.00 |" in text
    assert f"| {NAME} | NoScope as released | 9,000 | 75.0 s | 12.0 | 3.00 |" in text
    assert "265–15,500" in text


def test_lines_say_from_what_length_on_it_pays() -> None:
    first, *plans = lines(noscope_results())
    assert first == (
        f"{NAME}: vqe, cold, beats the reference network on every frame from 0.05 hours of video "
        "on; it never beats frame skipping on this footage, at any length"
    )
    assert f"{NAME}, vqe, another object (chair): plan of other | more" in plans
    assert len(plans) == 6
    at_once = {"over_reference_hours": 0.0, "over_skipping_hours": 2.5}
    first, *_ = lines(noscope_results(footages=[footage(break_even=at_once)]))
    assert "beats the reference network on every frame at any length; it beats frame" in first
    assert first.endswith("skipping from 2.50 hours of video on")


def test_notes_name_the_truth_the_machine_and_the_run() -> None:
    text = "\n".join(notes(noscope_results(set="full")))
    assert f"{NAME}: the reference network labelled every frame on NVIDIA H200 (committed)" in text
    assert "32 frames freshly drawn from 8 blocks, 17 with the object, 1 got another answer" in text
    assert "up to 0.0012." in text
    assert "`onnx:a.onnx`, 41.0 ms a call" in text
    assert "2 cores of Abacus, no GPU; 2 threads" in text
    assert "load average 0.4 to 2.1 around the systems" in text
    assert "packet index, 0.12 s, is counted for every system" in text
    assert "2026-01-02, commit 0123456789, seed 0, python 3.11.1, by" in text
    assert "`python -m benchmarks.run noscope --full`" in text
    assert "noscope`" in "\n".join(notes(noscope_results()))


def test_notes_tell_how_far_the_same_work_differed() -> None:
    text = "\n".join(notes(noscope_results(footages=[footage(), noisy("b-1h-1")])))
    assert "Decoding alone ran 2 to 3 times" in text
    assert "up to 1.50 times as long on the same footage" in text
    assert "up to 1.25 times as long as the fastest. Ratios within that spread say" in text


def noisy(key: str) -> dict[str, Any]:
    return footage(key, decoding={"frames": 1, "seconds": 2.0, "rounds": [3.0, 2.0, 2.5]})


def test_the_ceiling_is_told_where_it_took_time() -> None:
    slow, quick = system("cold"), system("again")
    ceiling = {"seconds": 200.0, "by_stages": 170.0}
    slow["details"] = {"ceiling": ceiling, "cpu": {"measured": 380.0, "foretold": 342.0}}
    quick["details"] = {"ceiling": {"seconds": 0.01, "by_stages": 0.0}}
    unplanned = system("frames", details={"ceiling": ceiling})
    text = as_markdown(noscope_results(footages=[footage(systems=[slow, quick, unplanned])]))
    assert f"| {NAME} | vqe, cold | 200.0 s | 170.0 s | 85% | 380.0 s | 342.0 s | 0.90 |" in text
    assert "per frame | 200.0 s | 170.0 s | 85% | – | – | – |" in text
    assert "question again | 0.01 s" not in text


def test_another_object_may_need_a_score() -> None:
    asked = [
        system("cold"),
        system("other", label="car", min_score=0.8),
        system("again", min_score=0.85),
    ]
    text = as_markdown(noscope_results(footages=[footage(systems=asked)]))
    assert f"| {NAME} | vqe, another object (car ≥ 0.8) | 300.0 s |" in text
    assert f"- {NAME}, vqe, another object (car ≥ 0.8): plan" in text
    assert "vqe, the same question again (person ≥ 0.85)" in text
    assert f"| {NAME} | vqe, cold | 240.0 s |" in text


def test_keys_are_compared_at_every_depth() -> None:
    one, other = noscope_results(), noscope_results(footages=[footage(), footage("b-1h-1")])
    other["footages"][0]["systems"][0]["details"] = {"a": 1}
    other["footages"][0]["decoding"]["rounds"] = [1.0]
    assert keys_of(one) == keys_of(other)
    other["footages"][1]["systems"][3]["errors"]["frame"]["more"] = 1
    assert keys_of(one) != keys_of(other)


def test_text_has_the_same_figures() -> None:
    text = as_text(noscope_results())
    for figure in ("600.0 s", "75.0 s charged", "2.0% (2 of 100)", "never beats", "0123456789"):
        assert figure in text
    assert "`" not in text
    assert "…" not in text


@pytest.mark.parametrize("there", [("cold",), ("reference",), ("skipping", "cold")])
def test_systems_may_be_missing(there: tuple[str, ...], tmp_path: Path) -> None:
    results = noscope_results(footages=[footage(systems=[system(name) for name in there])])
    assert all(tables(results))
    text = as_markdown(results)
    if "reference" not in there:
        assert f"| {NAME} | vqe, cold | 240.0 s | 5.00 | – | 12.0 |" in text
        assert "beats the reference network" not in text
        assert f"| {NAME} | vqe, cold | 12,000 | 120.0 s | 10.0 | – |" in text
    assert ("never beats frame skipping" in text) == ("skipping" in there)
    missing = "; ".join(name for system, name in SYSTEMS.items() if system not in there)
    assert f"{NAME}: left out: {missing}." in text
    draw(results, tmp_path / "x.svg")


def test_nothing_is_said_of_systems_that_all_ran() -> None:
    assert "left out: " not in "\n".join(notes(noscope_results()))


def test_rates_of_nothing() -> None:
    errors = dict.fromkeys(("frame", "second", "window majority", "window 28 of 30"), NOTHING)
    results = noscope_results(footages=[footage(systems=[system("cold", errors=errors)])])
    nothing = (
        "none to count | 0.0% (0 of 1,000) | none to count | none to count | 0.0% (0 of 1,000)"
    )
    assert f"| {NAME} | vqe, cold | {nothing} |" in as_markdown(results)
    assert shown(results)["panels"][NAME]["points"] == {}


def test_pipes_do_not_break_a_table() -> None:
    odd = footage()
    odd["footage"]["label"] = "a|b"
    assert r"| a\|b in a.mp4 |" in as_markdown(noscope_results(footages=[odd]))


def test_the_picture_shows_speed_and_the_larger_error() -> None:
    found = shown(noscope_results())
    assert found["bound"] == 1.0
    panel = found["panels"][NAME]
    assert panel["decoding"] == 60.0
    assert panel["points"]["noscope"] == (12.0, 8.0, "charged")
    assert panel["points"]["again"] == (0.0, 40.0, "measured")


@pytest.mark.parametrize("n_footages", [1, 3])
def test_the_picture_is_the_same_each_time_and_carries_its_digest(
    n_footages: int, tmp_path: Path
) -> None:
    results = noscope_results(footages=[footage(f"x{i}-0123abcd") for i in range(n_footages)])
    one, other = tmp_path / "one.svg", tmp_path / "other.svg"
    draw(results, one)
    draw(results, other)
    assert one.read_bytes() == other.read_bytes()
    assert digest_of(one) == digest(results)
    text = one.read_text(encoding="utf-8")
    assert text.count(">vqe, another") == 0
    assert text.count("vqe, other object<") == n_footages
    slower = footage("x0-0123abcd", systems=[system("cold", seconds=999.0)])
    assert digest_of(one) != digest(noscope_results(footages=[slower]))


def test_a_picture_of_something_else_has_no_digest(tmp_path: Path) -> None:
    path = tmp_path / "x.svg"
    path.write_text("<svg/>", encoding="utf-8")
    assert digest_of(path) is None


def test_without_matplotlib_the_error_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SystemExit, match=r"vqe\[plot\]"):
        draw(noscope_results(), tmp_path / "x.svg")


def test_names_keep_the_digest_only_where_they_need_it() -> None:
    keys = ("a-1h-00000001", "a-1h-00000002", "b-1h-00000003")
    found = names(noscope_results(footages=[footage(key) for key in keys]))
    assert list(found.values()) == ["a-1h-00000001", "a-1h-00000002", "b-1h"]


def later(**changes: Any) -> dict[str, Any]:
    machine = noscope_results()["machine"] | {"commit": "fedcba9876543210"}
    return noscope_results(machine=machine, **changes)


def test_footage_that_was_not_measured_again_keeps_its_run() -> None:
    earlier = noscope_results(set="full", footages=[footage(), footage("b-1h-1")])
    again = footage(realised=footage()["realised"] | {"presence": 0.5})
    third = later(footages=[footage("c-1h-1")])
    found = merged(merged(earlier, later(footages=[again])), third)
    assert [each["footage"]["key"] for each in found["footages"]] == [KEY, "b-1h-1", "c-1h-1"]
    assert found["footages"][0]["realised"]["presence"] == 0.5
    sets = [run_of(found, each)["set"] for each in found["footages"]]
    assert sets == ["default", "full", "default"]
    assert [measured for _, measured in runs(found)] == [[NAME, "c-1h"], ["b-1h"]]
    text = notes(found)[-1]
    assert "b-1h: 2026-01-02, commit 0123456789, seed 0" in text
    assert f"{NAME}, c-1h: 2026-01-02, commit fedcba9876, seed 0" in text


@pytest.mark.parametrize("name", ["model", "threads", "accuracy", "seed"])
def test_footage_that_was_asked_about_in_another_way_is_left_out(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    results = later(footages=[footage("b-1h-1")], **{name: 7})
    assert merged(noscope_results(), results) == results
    assert f"with another {name}: {KEY}" in capsys.readouterr().err


def test_results_of_each_machine_are_published(project: Path) -> None:
    report.update_page("noscope")
    page = project / "docs" / "benchmark.md"
    assert report.NO_RESULTS in page.read_text(encoding="utf-8")
    on_gpu = noscope_results()["machine"] | {"gpu": "NVIDIA H200"}
    report.publish(noscope_results())
    report.publish(noscope_results(machine=on_gpu))
    report.publish(later(footages=[footage("b-1h-1")]))
    text = page.read_text(encoding="utf-8")
    assert text.count("### ") == 2
    assert "old" not in text.split("\n")[1]
    kept = read_results(project / "results" / "noscope" / "abacus-2-cores.json")
    assert len(kept["footages"]) == 2
    for results in committed("noscope"):
        assert digest_of(picture_path(results)) == digest(results)
        assert as_markdown(results) in text


class Benchmark:
    """In place of the module that measures."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def run(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        return noscope_results()


def test_the_full_set_is_noscopes_alone(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    benchmark = Benchmark()
    monkeypatch.setattr(run, "import_module", lambda name: benchmark)
    run.main(["noscope", "--full", "--footage", "person"])
    left_out = ["--without", "noscope", "skipping", "--output", str(project / "x.json")]
    run.main(["noscope", "--quick", *left_out])
    usual = {"model": None, "seed": 0}
    assert benchmark.asked == [
        usual | {"quick": False, "full": True, "footage": "person", "without": []},
        usual | {"quick": True, "full": False, "footage": "", "without": ["noscope", "skipping"]},
    ]
    assert len(list((project / "results").rglob("*.json"))) == 1
    for name in ("first", "decode"):
        for option in (["--full"], ["--footage", "person"]):
            with pytest.raises(SystemExit):
                run.main([name, *option])
            assert "--full, --footage, --without: only for noscope" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run.main(["noscope", "--full", "--quick"])


@pytest.mark.usefixtures("project")
def test_rounds_are_for_benchmarks_that_have_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    benchmark = Benchmark()
    monkeypatch.setattr(run, "import_module", lambda name: benchmark)
    run.main(["first", "--quick", "--rounds", "3"])
    run.main(["decode", "--quick"])
    assert [asked["rounds"] for asked in benchmark.asked] == [3, None]
    with pytest.raises(SystemExit):
        run.main(["noscope", "--rounds", "2"])
    assert "--rounds: only for first and decode" in capsys.readouterr().err
