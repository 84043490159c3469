"""Results as tables: on the terminal, and on a page of the project between a benchmark's marks.

`python -m benchmarks.report` writes the tables of all committed results again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any, NamedTuple, TypeAlias

from benchmarks import decode_report
from vqe.display.tables import table_text
from vqe.statistics.units import ErrorCounts

Results: TypeAlias = dict[str, Any]
Rows: TypeAlias = list[dict[str, str]]

REPOSITORY = Path(__file__).resolve().parents[1]
README = REPOSITORY / "README.md"
DECODING = REPOSITORY / "docs" / "decoding.md"
NO_RESULTS = "No results yet."
NUMBER = re.compile(r"[\d.,]+( s)?")


def result_path(name: str) -> Path:
    """The committed results of a benchmark."""
    return REPOSITORY / "benchmarks" / "results" / f"{name}.json"


def write_results(results: Results, path: Path) -> None:
    """Writes `results` as JSON, with fractions of four places."""
    text = json.dumps(results, default=lambda scalar: scalar.item())  # NumPy's are no JSON
    plain = json.loads(text, parse_float=lambda number: round(float(number), 4))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_results(path: Path) -> Results | None:
    """What `write_results` wrote; None where there is no file."""
    if not path.is_file():
        return None
    results: Results = json.loads(path.read_text(encoding="utf-8"))
    return results


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
        {"question": _title(asked), "per": unit} | _rates(ErrorCounts(**asked["errors"][key]))
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
    versions = ", ".join(f"{name} {v}" for name, v in machine["versions"].items() if v)
    commit = (machine["commit"] or "unknown")[:10] + (" with changes" if machine["dirty"] else "")
    return [
        "The ratio is the seconds of `EXACT`, where the reference network looks at every frame, "
        "divided by those of the query with the default bounds: above 1 the query was faster. "
        "Both start cold, on new connections in the same run; the network is loaded and called "
        "once before the clock starts. One-off are the index, labelling, training and the search. "
        "Errors are counted against the rows of `EXACT`, each rate with its counts.",
        f"Reference network: `{results['model']}`. Machine: {machine['cores']} cores of "
        f"{machine['cpu']}, {machine['gpu'] or 'no GPU'}; shared with other work and noisy "
        f"(load average {min(loads):.1f} to {max(loads):.1f} around the questions). "
        f"{_rounds(results)} "
        f"{machine['date'][:10]}, commit {commit}, seed {machine['seed']}, {versions}. "
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


class Report(NamedTuple):
    """What becomes of the results of a benchmark, and the file that shows it."""

    page: Path
    tables: Callable[[Results], Sequence[Rows]]
    lines: Callable[[Results], Sequence[str]]
    notes: Callable[[Results], Sequence[str]]


REPORTS = {
    "first": Report(
        README, lambda results: (cost_rows(results), error_rows(results)), plan_lines, notes
    ),
    "decode": Report(
        DECODING, decode_report.tables, decode_report.target_lines, decode_report.notes
    ),
}


def as_text(results: Results) -> str:
    """Tables, lines and notes for a terminal."""
    report = REPORTS[results["benchmark"]]
    tables = [
        table_text(rows, max_rows=len(rows), width=150, footer=False)
        for rows in report.tables(results)
    ]
    paragraphs = [fill(note.replace("`", ""), width=100) for note in report.notes(results)]
    return "\n\n".join([*tables, "\n".join(report.lines(results)), *paragraphs])


def as_markdown(results: Results | None) -> str:
    """Tables, lines and notes for a page."""
    if results is None:
        return NO_RESULTS
    report = REPORTS[results["benchmark"]]
    lines = "\n".join(f"- {line}" for line in report.lines(results))
    tables = map(_markdown_table, report.tables(results))
    return "\n\n".join([*tables, lines, *report.notes(results)])


def with_section(text: str, name: str, section: str) -> str:
    """`text` with `section` between the marks of benchmark `name`."""
    marks = re.compile(rf"(<!-- benchmark:{name} -->\n).*?(\n<!-- /benchmark -->)", re.DOTALL)
    replaced, found = marks.subn(lambda match: match[1] + section + match[2], text)
    if found != 1:
        raise SystemExit(f"the page has {found} places for the benchmark '{name}', not one")
    return replaced


def update_page(name: str) -> None:
    """Writes the committed results of a benchmark into its page."""
    page = REPORTS[name].page
    section = as_markdown(read_results(result_path(name)))
    page.write_text(with_section(page.read_text(encoding="utf-8"), name, section), encoding="utf-8")


def _title(asked: dict[str, Any]) -> str:
    return f"{asked['label']} in {asked['clip']}"


def _rates(errors: ErrorCounts) -> dict[str, str]:
    negatives = errors.false_positives + errors.true_negatives
    returned = errors.true_positives + errors.false_positives
    return {
        "FNR": _rate(errors.fnr, errors.false_negatives, errors.positives),
        "FPR": _rate(errors.fpr, errors.false_positives, negatives),
        "FDR": _rate(errors.fdr, errors.false_positives, returned),
    }


def _rate(share: float | None, part: int, whole: int) -> str:
    return "none to count" if share is None else f"{share:.1%} ({part} of {whole:,})"


def _markdown_table(rows: Rows) -> str:
    names = list(rows[0])
    right = [all(NUMBER.fullmatch(row[name]) for row in rows) for name in names]
    lines = [names, ["---:" if number else "---" for number in right]]
    lines += [[row[name].replace("|", r"\|") for name in names] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    for name in REPORTS:
        update_page(name)
