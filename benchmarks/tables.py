"""What the reports of all benchmarks share: rates with their counts, machines, Markdown."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from vqe.statistics.units import ErrorCounts

Results: TypeAlias = dict[str, Any]
Rows: TypeAlias = list[dict[str, str]]

ABSENT = "–"
"""In place of a figure that there is not."""
NUMBER = re.compile(rf"[\d.,]+( s)?|{ABSENT}")


def rates(errors: ErrorCounts) -> dict[str, str]:
    """All three rates by their names, each with its counts."""
    negatives = errors.false_positives + errors.true_negatives
    returned = errors.true_positives + errors.false_positives
    return {
        "FNR": rate(errors.fnr, errors.false_negatives, errors.positives),
        "FPR": rate(errors.fpr, errors.false_positives, negatives),
        "FDR": rate(errors.fdr, errors.false_positives, returned),
    }


def rate(share: float | None, part: int, whole: int) -> str:
    """`share`, which is `part` of `whole`."""
    return "none to count" if share is None else f"{share:.1%} ({part} of {whole:,})"


def machine_name(machine: Results) -> str:
    """Its processors."""
    return f"{machine['cores']} cores of {machine['cpu']}, {machine['gpu'] or 'no GPU'}"


def made_with(machine: Results) -> str:
    """Date, commit, seed and versions of a run."""
    versions = ", ".join(f"{name} {v}" for name, v in machine["versions"].items() if v)
    return f"{machine['date'][:10]}, commit {commit(machine)}, seed {machine['seed']}, {versions}"


def commit(machine: Results) -> str:
    """The commit that ran, and whether it was changed."""
    return (machine["commit"] or "unknown")[:10] + (" with changes" if machine["dirty"] else "")


def markdown_table(rows: Rows) -> str:
    """`rows`, which share their keys, with numbers on the right."""
    names = list(rows[0])
    right = [all(NUMBER.fullmatch(row[name]) for row in rows) for name in names]
    lines = [names, ["---:" if number else "---" for number in right]]
    lines += [[row[name].replace("|", r"\|") for name in names] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
