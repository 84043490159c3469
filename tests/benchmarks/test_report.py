"""Tables made from results, and their agreement with the pages that show them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.report import (
    REPORTS,
    as_markdown,
    as_text,
    committed,
    machine_slug,
    picture_path,
    read_results,
    result_path,
    section,
    with_section,
    write_results,
)
from benchmarks.run import BENCHMARKS

COUNTS = {
    "true_positives": 1999,
    "false_negatives": 1,
    "false_positives": 0,
    "true_negatives": 0,
}
RESULTS: dict[str, Any] = {
    "benchmark": "first",
    "model": "onnx:a.onnx",
    "rounds": 2,
    "machine": {
        "date": "2026-01-02T03:04:05+00:00",
        "commit": "0123456789abcdef",
        "dirty": True,
        "cpu": "Abacus",
        "cores": 2,
        "gpu": None,
        "versions": {"python": "3.11.1", "onnxruntime": None},
        "seed": 7,
    },
    "questions": [
        {
            "clip": "a.mp4",
            "label": "bus",
            "frames": 2500,
            "ratio": 2.5,
            "cpu_ratio": 0.5,
            "errors": {"windows": COUNTS, "frames": COUNTS},
            "exact": {"seconds": 10.0},
            "query": {
                "seconds": 4.0,
                "one_off_seconds": 1.25,
                "reference_calls": 1234,
                "plan": "mse",
                "reason": "a | b",
            },
            "load_before": 1.0,
            "load_after": 2.5,
            "exact_runs": [{"seconds": 10.0}, {"seconds": 13.0}],
        }
    ],
}


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_pages_agree_with_the_committed_results(name: str) -> None:
    text = REPORTS[name].page.read_text(encoding="utf-8")
    assert text == with_section(text, name, section(name)), "run python -m benchmarks.report"


def test_every_benchmark_has_a_report() -> None:
    assert set(BENCHMARKS) == set(REPORTS)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_committed_results_lie_where_they_belong(name: str) -> None:
    for results in committed(name):
        assert read_results(result_path(results)) == results


def test_a_machine_is_named_by_its_gpu_or_its_cpu() -> None:
    machine = RESULTS["machine"]
    assert machine_slug(machine) == "abacus-2-cores"
    intel = machine | {"cpu": "Intel(R) Xeon(TM) 8480+", "cores": 16}
    assert machine_slug(intel) == "intel-xeon-8480-16-cores"
    assert machine_slug(machine | {"gpu": "NVIDIA H200"}) == "nvidia-h200"
    asked = RESULTS | {"benchmark": "noscope"}
    assert result_path(RESULTS).name == "first.json"
    assert result_path(asked).parts[-2:] == ("noscope", "abacus-2-cores.json")
    assert picture_path(asked).name == "benchmark-abacus-2-cores.svg"


def test_markdown_has_costs_errors_plans_and_the_machine() -> None:
    text = as_markdown(RESULTS)
    assert "| bus in a.mp4 | 2,500 | 1,234 | 10.0 s | 4.0 s | 1.2 s | 2.50 | 0.50 |" in text
    assert "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |" in text
    counted = "0.1% (1 of 2,000) | none to count | 0.0% (0 of 1,999)"
    assert f"| bus in a.mp4 | second | {counted} |" in text
    assert f"| bus in a.mp4 | frame | {counted} |" in text
    assert "- bus in a.mp4: mse (a | b)" in text
    assert "2 cores of Abacus, no GPU" in text
    assert "load average 1.0 to 2.5" in text
    assert "up to 1.3 times as long" in text
    assert "Each way ran once" in as_markdown(RESULTS | {"rounds": 1})
    assert "2026-01-02, commit 0123456789 with changes, seed 7, python 3.11.1." in text


def test_text_has_the_same_figures() -> None:
    text = as_text(RESULTS)
    for figure in ("1,234", "2.50", "0.1% (1 of 2,000)", "none to count", "mse (a | b)"):
        assert figure in text
    assert "`" not in text


def test_only_the_section_of_the_benchmark_changes() -> None:
    before = "a\n<!-- benchmark:x -->\nold\n\nold\n<!-- /benchmark -->\nb\n"
    after = "a\n<!-- benchmark:x -->\n| \\1 |\n<!-- /benchmark -->\nb\n"
    assert with_section(before, "x", "| \\1 |") == after
    with pytest.raises(SystemExit, match="0 places"):
        with_section(before, "y", "new")


def test_results_are_rounded_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "x.json"
    small = [2 / 30000, 12345.678, np.float64(0.1)]
    write_results({"a": small, "b": np.int64(1234567), "c": [None, "→"]}, path)
    assert read_results(path) == {"a": [6.66667e-05, 12345.7, 0.1], "b": 1234567, "c": [None, "→"]}
