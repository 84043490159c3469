"""The benchmark runs, and its baseline is the truth."""

from __future__ import annotations

import json
from pathlib import Path

import data
import pytest

from benchmarks.data import full_spec, short_spec
from benchmarks.first import QUICK_MODEL, QUICK_QUESTIONS, QUICK_THREADS, Ways, compare
from benchmarks.run import main

COUNTS = ("true_positives", "false_negatives", "false_positives", "true_negatives")
(QUESTION,) = QUICK_QUESTIONS


@pytest.fixture
def clip() -> Path:
    """The clip of the quick question; where there are no data, the test is skipped."""
    return data.video(QUESTION.clip)


@pytest.mark.data
@pytest.mark.slow
def test_a_quick_run(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "first.json"
    main(["first", "--quick", "--output", str(output)])
    results = json.loads(output.read_text(encoding="utf-8"))
    assert str(clip.parent) not in output.read_text(encoding="utf-8")
    assert results["benchmark"] == "first"
    assert results["model"] == QUICK_MODEL
    assert set(results["machine"]) >= {"commit", "dirty", "cpu", "cores", "gpu", "versions", "seed"}
    (asked,) = results["questions"]
    assert (asked["clip"], asked["label"]) == (QUESTION.clip, QUESTION.label)
    assert len(asked["exact_runs"]) == results["rounds"] == 1
    for units in ("windows", "frames"):
        assert sorted(asked["errors"][units]) == sorted(COUNTS)
    assert sum(asked["errors"]["frames"].values()) == asked["frames"] == 748
    assert sum(asked["errors"]["windows"].values()) == 30
    exact, query = asked["exact"], asked["query"]
    assert exact["reference_calls"] == asked["frames"] >= query["reference_calls"] > 0
    assert asked["ratio"] == pytest.approx(exact["seconds"] / query["seconds"], rel=1e-2)
    assert query["seconds"] >= query["one_off_seconds"] > 0
    assert [run["plan"] for run in asked["query_runs"]] == [query["plan"]]
    assert query["plan"] in capsys.readouterr().out


@pytest.mark.data
@pytest.mark.slow
def test_exact_against_itself_has_no_errors(clip: Path) -> None:
    ways = Ways(full_spec(QUICK_MODEL), seed=0, threads=QUICK_THREADS)
    one, two = (ways.ask(QUESTION, exact=True) for _ in range(2))
    assert one.table.equals(two.table)
    for counts in compare(QUESTION, one, two)["errors"].values():
        assert counts["true_positives"] > 0
        assert counts["false_negatives"] == counts["false_positives"] == 0


@pytest.mark.data
def test_specs_find_the_models_and_are_published_without_folders() -> None:
    path = data.model("FastestDet.onnx")
    assert full_spec("onnx:FastestDet.onnx") == full_spec(f"onnx:{path}") == f"onnx:{path}"
    assert short_spec(f"opencv:{path}+a/b.pbtxt") == "opencv:FastestDet.onnx+b.pbtxt"
    with pytest.raises(SystemExit, match="missing"):
        full_spec("onnx:none.onnx")


def test_without_data_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VQE_DATA", str(tmp_path / "none"))
    with pytest.raises(SystemExit, match="set VQE_DATA"):
        main(["first", "--quick"])
