"""`python -m benchmarks.compare OLD.json NEW.json`: what got faster, slower, more or less accurate.

Seconds within 5% of each other count as the same. Machines are noisy, so the ratio to the baseline
that was timed in the same run is compared as well, and something got faster or slower only where
both say so; a baseline has its seconds alone, and between different machines only ratios count. A
rate of errors changed where it did by more than 5% of itself and the number of errors by more than
one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.noscope_results import SHARED_MACHINE, runs
from benchmarks.report import read_results
from benchmarks.tables import Results, commit, machine_name, rates
from vqe.statistics.units import ErrorCounts

BAND = 0.05
UNITS = 1
ASKED = ("set", "quick", "sql", "model", "threads", "accuracy", "rounds")
"""What results say at the top about what was asked for, each benchmark some of it."""


@dataclass(frozen=True)
class Entry:
    """Something timed.

    `ratio`: how many times as fast it was as the baseline of its run; None for the baseline itself
    and where there is none. `errors` by what they are counted in.
    """

    seconds: float
    ratio: float | None
    errors: dict[str, ErrorCounts]


@dataclass
class Findings:
    """What changed, a line each, and how many entries were compared."""

    slower: list[str] = field(default_factory=list)
    less_accurate: list[str] = field(default_factory=list)
    faster: list[str] = field(default_factory=list)
    more_accurate: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    only_old: list[str] = field(default_factory=list)
    only_new: list[str] = field(default_factory=list)
    compared: int = 0

    @property
    def worse(self) -> bool:
        """Whether something got slower or less accurate."""
        return bool(self.slower or self.less_accurate)


def _noscope(results: Results) -> Iterator[tuple[str, Entry]]:
    for found in results["footages"]:
        seconds = {system["system"]: system["seconds"] for system in found["systems"]}
        for system in found["systems"]:
            name = system["system"]
            baseline = None if name == "reference" else seconds.get("reference")
            errors = {unit: ErrorCounts(**system["errors"][unit]) for unit in ("second", "frame")}
            key = f"{found['footage']['key']}, {name}"
            yield key, _entry(system["seconds"], baseline, errors)


def _first(results: Results) -> Iterator[tuple[str, Entry]]:
    for asked in results["questions"]:
        exact, query = asked["exact"]["seconds"], asked["query"]["seconds"]
        name = f"{asked['label']} in {asked['clip']}"
        errors = {
            unit: ErrorCounts(**asked["errors"][key])
            for unit, key in (("second", "windows"), ("frame", "frames"))
        }
        yield f"{name}, EXACT", _entry(exact, None)
        yield f"{name}, query", _entry(query, exact, errors)


def _decode(results: Results) -> Iterator[tuple[str, Entry]]:
    for stream in results["streams"]:
        seconds = {
            way: stream["frames"] / found["frames_per_second"]
            for way, found in stream["speed"]["ways"].items()
        }
        for way, spent in seconds.items():
            baseline = None if way == "pyav" else seconds.get("pyav")
            yield f"{stream['name']}, {way}", _entry(spent, baseline)


ENTRIES: dict[str, Callable[[Results], Iterator[tuple[str, Entry]]]] = {
    "noscope": _noscope,
    "first": _first,
    "decode": _decode,
}


def entries(results: Results) -> dict[str, Entry]:
    """All that was timed, by name."""
    return dict(ENTRIES[results["benchmark"]](results))


def differences(old: Results, new: Results) -> list[str]:
    """What was not the same for both, besides the code."""
    machines = old["machine"], new["machine"]
    versions = [machine["versions"] for machine in machines]
    pairs: dict[str, tuple[Any, Any]] = {name: (old.get(name), new.get(name)) for name in ASKED}
    pairs |= {name: (machines[0][name], machines[1][name]) for name in (*SHARED_MACHINE, "seed")}
    pairs |= {name: (versions[0].get(name), versions[1].get(name)) for name in versions[0]}
    before, after = entries(old), entries(new)
    for name in before:
        if name in after and before[name].errors:
            seconds = (each[name].errors["second"] for each in (before, after))
            was, now = (counts.positives for counts in seconds)
            pairs[f"truth of {name}, positive seconds"] = was, now
    return [
        f"different {name}: {was}, now {now}" for name, (was, now) in pairs.items() if was != now
    ]


def compare(old: Results, new: Results) -> Findings:
    """Every entry of `old` against that of the same name in `new`."""
    same_machine = all(old["machine"][name] == new["machine"][name] for name in SHARED_MACHINE)
    before, after = entries(old), entries(new)
    findings = Findings(
        only_old=[name for name in before if name not in after],
        only_new=[name for name in after if name not in before],
        compared=len(before.keys() & after.keys()),
    )
    for name, was in before.items():
        if name in after:
            _compare_speed(name, was, after[name], same_machine, findings)
            _compare_errors(name, was, after[name], findings)
    return findings


def change(old: float, new: float) -> int:
    """1 where `new` is larger than `old` by more than the band, -1 where smaller, else 0."""
    return int(new > old * (1 + BAND)) - int(new * (1 + BAND) < old)


def error_change(old: tuple[float | None, int], new: tuple[float | None, int]) -> int:
    """As `change`, of a rate and the number of errors behind it; a rate of nothing is 0."""
    (was, errors_then), (now, errors_now) = old, new
    return change(was or 0.0, now or 0.0) if abs(errors_now - errors_then) > UNITS else 0


def _compare_speed(
    name: str, old: Entry, new: Entry, same_machine: bool, findings: Findings
) -> None:
    line = f"{name}: {old.seconds:,.2f} s → {new.seconds:,.2f} s ({_by(old.seconds, new.seconds)})"
    verdicts = {-change(old.seconds, new.seconds)} if same_machine else set()
    if old.ratio is not None and new.ratio is not None:
        line += f", ratio {old.ratio:.2f} → {new.ratio:.2f} ({_by(old.ratio, new.ratio)})"
        verdicts.add(change(old.ratio, new.ratio))
    if verdicts == {1}:
        findings.faster.append(line)
    elif verdicts == {-1}:
        findings.slower.append(line)
    elif len(verdicts) > 1:
        findings.unclear.append(line)


def _compare_errors(name: str, old: Entry, new: Entry, findings: Findings) -> None:
    for unit in old.errors.keys() & new.errors.keys():
        was, now = old.errors[unit], new.errors[unit]
        changes = {
            "FNR": error_change((was.fnr, was.false_negatives), (now.fnr, now.false_negatives)),
            "FDR": error_change((was.fdr, was.false_positives), (now.fdr, now.false_positives)),
        }
        for rate, changed in changes.items():
            line = f"{name}: {rate} per {unit} {rates(was)[rate]} → {rates(now)[rate]}"
            if changed > 0:
                findings.less_accurate.append(line)
            elif changed < 0:
                findings.more_accurate.append(line)


def as_text(findings: Findings) -> str:
    """The findings, what got worse first."""
    titles = {
        "Slower": findings.slower,
        "Less accurate": findings.less_accurate,
        "Faster": findings.faster,
        "More accurate": findings.more_accurate,
        "Unclear: seconds and ratio do not agree": findings.unclear,
        "Only in the old results": findings.only_old,
        "Only in the new results": findings.only_new,
    }
    parts = [
        "\n  ".join([f"{title} ({len(lines)}):", *lines])
        for title, lines in titles.items()
        if lines
    ]
    changed = len(findings.slower) + len(findings.faster) + len(findings.unclear)
    same = f"{findings.compared} compared, {findings.compared - changed} as fast as before."
    return "\n\n".join([*parts, same])


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints what changed; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument(
        "--fail",
        action="store_true",
        help="exit with 1 where something got slower or less accurate",
    )
    options = parser.parse_args(arguments)
    old, new = (_read(path) for path in (options.old, options.new))
    if old["benchmark"] != new["benchmark"]:
        raise SystemExit(f"results of {old['benchmark']} and of {new['benchmark']}: no comparison")
    print(f"old: {_origin(old)}\nnew: {_origin(new)}")
    for line in differences(old, new):
        print(line)
    findings = compare(old, new)
    print(f"\n{as_text(findings)}")
    return int(options.fail and findings.worse)


def _read(path: Path) -> Results:
    if not path.is_file():
        raise SystemExit(f"no file {path}")
    results = read_results(path)
    if results.get("benchmark") not in ENTRIES:
        raise SystemExit(f"{path}: no results of {', '.join(ENTRIES)}")
    return results


def _origin(results: Results) -> str:
    """Machine, commits and dates, of which results kept from earlier runs have several."""
    machines = [results["machine"]]
    if results["benchmark"] == "noscope":
        machines = [run["machine"] for run, _ in runs(results)]
    made = [f"commit {commit(machine)} of {machine['date'][:10]}" for machine in machines]
    return f"{machine_name(results['machine'])}, {', '.join(made)}"


def _entry(seconds: float, baseline: float | None, errors: Any = None) -> Entry:
    return Entry(seconds, None if baseline is None else baseline / seconds, errors or {})


def _by(old: float, new: float) -> str:
    return f"{new / old - 1:+.1%}"


if __name__ == "__main__":
    sys.exit(main())
