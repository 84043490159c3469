"""Results as tables: on the terminal, and on a page of the project between a benchmark's marks.

`python -m benchmarks.report` writes the tables of all committed results again, and their pictures.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any, NamedTuple

from benchmarks import (
    cascades,
    certificates,
    decode_report,
    drift_report,
    noscope_picture,
    noscope_report,
    noscope_results,
    replays,
)
from benchmarks.tables import Results, Rows, machine_name, made_with, markdown_table, rates
from vqe.display.tables import table_text
from vqe.statistics.units import ErrorCounts

REPOSITORY = Path(__file__).resolve().parents[1]
README = REPOSITORY / "README.md"
DOCS = REPOSITORY / "docs"
ACCURACY = DOCS / "accuracy.md"
RESULTS = REPOSITORY / "benchmarks" / "results"
NO_RESULTS = "No results yet."


def cost_rows(results: Results) -> Rows:
    """What each question cost in both ways."""
    return [
        {
            "question": _title(asked),
            "frames": f"{asked['frames']:,}",
            "to the reference": f"{asked['query']['reference_calls']:,}",
            "EXACT": f"{asked['exact']['seconds']:.1f} s",
            "query": f"{asked['query']['seconds']:.1f} s",
            "of it one-off": f"{asked['query']['one_off_seconds']:.1f} s",
            "ratio": f"{asked['ratio']:.2f}",
            "ratio of CPU time": f"{asked['cpu_ratio']:.2f}",
        }
        for asked in results["questions"]
    ]


def error_rows(results: Results) -> Rows:
    """Errors against EXACT, over seconds of video and over frames."""
    return [
        {"question": _title(asked), "per": unit} | rates(ErrorCounts(**asked["errors"][key]))
        for asked in results["questions"]
        for unit, key in (("second", "windows"), ("frame", "frames"))
    ]


def plan_lines(results: Results) -> list[str]:
    """The plan of each question, and why it was chosen."""
    return [
        f"{_title(asked)}: {asked['query']['plan']} ({asked['query']['reason']})"
        for asked in results["questions"]
    ]


def notes(results: Results) -> list[str]:
    """What the figures mean, and where they come from, one paragraph each."""
    machine, questions = results["machine"], results["questions"]
    loads = [asked[key] for asked in questions for key in ("load_before", "load_after")]
    return [
        "The ratio is the seconds of `EXACT`, where the reference network looks at every frame, "
        "divided by those of the query with the default bounds: above 1 the query was faster. "
        "Both start cold, on new connections in the same run; the network is loaded and called "
        "once before the clock starts. One-off are the index, labelling, training and the search. "
        "Errors are counted against the rows of `EXACT`, each rate with its counts.",
        f"Reference network: `{results['model']}`. Machine: {machine_name(machine)}; shared with "
        f"other work and noisy "
        f"(load average {min(loads):.1f} to {max(loads):.1f} around the questions). "
        f"{_rounds(results)} {made_with(machine)}. "
        f"Made by `python -m benchmarks.run {results['benchmark']}`.",
    ]


def _rounds(results: Results) -> str:
    """How far the same work differed in time, which a ratio must exceed to mean something."""
    if results["rounds"] == 1:
        return "Each way ran once: ratios near 1 say nothing."
    runs = [[run["seconds"] for run in asked["exact_runs"]] for asked in results["questions"]]
    spread = max(max(seconds) / min(seconds) for seconds in runs)
    return (
        f"Of {results['rounds']} runs of each way the fastest counts; the slowest `EXACT` took up "
        f"to {spread:.1f} times as long as the fastest on the same question, so that ratios near 1 "
        "say nothing."
    )


def _title(asked: dict[str, Any]) -> str:
    return f"{asked['label']} in {asked['clip']}"


class PerMachine(NamedTuple):
    """What a benchmark needs besides whose results are kept for each machine."""

    merged: Callable[[Results, Results], Results]
    """Earlier results of the machine and new ones, as one."""
    draw: Callable[[Results, Path], None]


class Report(NamedTuple):
    """What becomes of the results of a benchmark, and the file that shows it."""

    page: Path
    tables: Callable[[Results], Sequence[Rows]]
    lines: Callable[[Results], Sequence[str]]
    notes: Callable[[Results], Sequence[str]]
    per_machine: PerMachine | None = None


REPORTS = {
    "first": Report(
        README, lambda results: (cost_rows(results), error_rows(results)), plan_lines, notes
    ),
    "decode": Report(
        DOCS / "decoding.md", decode_report.tables, decode_report.target_lines, decode_report.notes
    ),
    "noscope": Report(
        DOCS / "benchmark.md",
        noscope_report.tables,
        noscope_report.lines,
        noscope_report.notes,
        PerMachine(noscope_results.merged, noscope_picture.draw),
    ),
    "replays": Report(
        ACCURACY, lambda results: (replays.rows(results),), replays.lines, replays.notes
    ),
    "cascades": Report(
        ACCURACY, lambda results: (cascades.rows(results),), cascades.lines, cascades.notes
    ),
    "certificates": Report(ACCURACY, certificates.tables, certificates.lines, certificates.notes),
    "drift": Report(
        ACCURACY,
        lambda results: (drift_report.rows(results),),
        drift_report.lines,
        drift_report.notes,
    ),
}


def result_path(results: Results) -> Path:
    """Where results are committed: one file a benchmark, or one a machine in its folder."""
    name = results["benchmark"]
    if REPORTS[name].per_machine is not None:
        name = f"{name}/{machine_slug(results['machine'])}"
    return RESULTS / f"{name}.json"


def picture_path(results: Results) -> Path:
    """Where the picture of a machine's results lies, beside the page."""
    return DOCS / f"benchmark-{machine_slug(results['machine'])}.svg"


def machine_slug(machine: Results) -> str:
    """A machine in the name of a file: its GPU, or its CPU and the number of its cores."""
    name = machine["gpu"] or f"{machine['cpu']} {machine['cores']} cores"
    return "-".join(re.findall(r"[a-z0-9]+", re.sub(r"\((r|tm)\)", " ", name.lower())))


def write_results(results: Results, path: Path) -> None:
    """Writes `results` as JSON, fractions with six significant digits."""
    text = json.dumps(results, default=lambda scalar: scalar.item())  # NumPy's are no JSON
    plain = json.loads(text, parse_float=lambda number: float(f"{float(number):.6g}"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_results(path: Path) -> Results:
    """What `write_results` wrote."""
    results: Results = json.loads(path.read_text(encoding="utf-8"))
    return results


def committed(name: str) -> list[Results]:
    """The committed results of a benchmark, one a machine where they are kept so."""
    pattern = f"{name}.json" if REPORTS[name].per_machine is None else f"{name}/*.json"
    return [read_results(path) for path in sorted(RESULTS.glob(pattern))]


def publish(results: Results) -> None:
    """Commits `results` to the files of the project: the figures, the page and the picture."""
    path, per_machine = result_path(results), REPORTS[results["benchmark"]].per_machine
    if per_machine is not None and path.is_file():
        results = per_machine.merged(read_results(path), results)
    write_results(results, path)
    update_page(results["benchmark"])


def as_text(results: Results) -> str:
    """Tables, lines and notes for a terminal."""
    report = REPORTS[results["benchmark"]]
    tables = [
        table_text(rows, max_rows=len(rows), width=180, footer=False)
        for rows in report.tables(results)
    ]
    paragraphs = [fill(note.replace("`", ""), width=100) for note in report.notes(results)]
    return "\n\n".join([*tables, "\n".join(report.lines(results)), *paragraphs])


def as_markdown(results: Results) -> str:
    """Tables, lines and notes for a page, below the picture where there is one."""
    report = REPORTS[results["benchmark"]]
    lines = "\n".join(f"- {line}" for line in report.lines(results))
    tables = map(markdown_table, report.tables(results))
    head = []
    if report.per_machine is not None:
        name = machine_name(results["machine"])
        head = [f"### {name}", f"![Speed against error: {name}]({picture_path(results).name})"]
    return "\n\n".join([*head, *tables, lines, *report.notes(results)])


def section(name: str) -> str:
    """What the page of a benchmark shows of its committed results."""
    return "\n\n".join(map(as_markdown, committed(name))) or NO_RESULTS


def with_section(text: str, name: str, section: str) -> str:
    """`text` with `section` between the marks of benchmark `name`."""
    marks = re.compile(rf"(<!-- benchmark:{name} -->\n).*?(\n<!-- /benchmark -->)", re.DOTALL)
    replaced, found = marks.subn(lambda match: match[1] + section + match[2], text)
    if found != 1:
        raise SystemExit(f"the page has {found} places for the benchmark '{name}', not one")
    return replaced


def update_page(name: str) -> None:
    """Writes the committed results of a benchmark into its page, and draws their pictures."""
    report = REPORTS[name]
    text = with_section(report.page.read_text(encoding="utf-8"), name, section(name))
    report.page.write_text(text, encoding="utf-8")
    if report.per_machine is not None:
        for results in committed(name):
            report.per_machine.draw(results, picture_path(results))


if __name__ == "__main__":
    for name in REPORTS:
        update_page(name)
