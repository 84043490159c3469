"""`python -m benchmarks.compare OLD.json NEW.json`: what got faster, slower, more or less accurate.

Seconds within 5% of each other count as the same. Machines are noisy, so the ratio to the baseline
that was timed in the same run is compared as well, and something got faster or slower only where
both say so; where one of them does, it is unclear, and to be looked at. Between different machines
only ratios count. Baselines, which tell about the machine, are listed apart. A rate of errors
changed where it did by more than 5% of itself and the number of errors by more than one. Each
footage counts as measured by the run that measured it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.noscope_results import SHARED_MACHINE, run_of, runs
from benchmarks.report import read_results
from benchmarks.tables import Results, commit, machine_name, rates
from vqe.statistics.units import ErrorCounts

BAND = 0.05
UNITS = 1
ASKED = ("quick", "sql", "model", "threads", "accuracy", "rounds")
"""What results say at the top about what was asked for, each benchmark some of it."""


@dataclass(frozen=True)
class Entry:
    """Something timed.

    `ratio`: how many times as fast it was as the baseline of its run; None for a baseline and where
    there is none. `errors` by what they are counted in; `machine`: that of its run.
    """

    seconds: float
    machine: Results
    ratio: float | None = None
    errors: dict[str, ErrorCounts] = field(default_factory=dict)
    is_baseline: bool = False


@dataclass
class Findings:
    """What changed, a line each, and how many entries were compared."""

    slower: list[str] = field(default_factory=list)
    less_accurate: list[str] = field(default_factory=list)
    faster: list[str] = field(default_factory=list)
    more_accurate: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    baselines: list[str] = field(default_factory=list)
    only_old: list[str] = field(default_factory=list)
    only_new: list[str] = field(default_factory=list)
    compared: int = 0

    @property
    def worse(self) -> bool:
        """Whether something is sure to have got slower or less accurate."""
        return bool(self.slower or self.less_accurate)


def _noscope(results: Results) -> Iterator[tuple[str, Entry]]:
    for found in results["footages"]:
        key, machine = found["footage"]["key"], run_of(results, found)["machine"]
        yield f"{key}, decoding", Entry(found["decoding"]["seconds"], machine, is_baseline=True)
        spent = {system["system"]: system["seconds"] for system in found["systems"]}
        for system in found["systems"]:
            name, seconds = system["system"], system["seconds"]
            errors = {unit: ErrorCounts(**system["errors"][unit]) for unit in ("second", "frame")}
            if name == "reference":
                entry = Entry(seconds, machine, errors=errors, is_baseline=True)
            else:
                entry = Entry(seconds, machine, _ratio(spent.get("reference"), seconds), errors)
            yield f"{key}, {name}", entry


def _first(results: Results) -> Iterator[tuple[str, Entry]]:
    machine = results["machine"]
    for asked in results["questions"]:
        exact, query = asked["exact"]["seconds"], asked["query"]["seconds"]
        name = f"{asked['label']} in {asked['clip']}"
        errors = {
            unit: ErrorCounts(**asked["errors"][key])
            for unit, key in (("second", "windows"), ("frame", "frames"))
        }
        yield f"{name}, EXACT", Entry(exact, machine, is_baseline=True)
        yield f"{name}, query", Entry(query, machine, _ratio(exact, query), errors)


def _decode(results: Results) -> Iterator[tuple[str, Entry]]:
    machine = results["machine"]
    for stream in results["streams"]:
        spent = {
            way: stream["frames"] / found["frames_per_second"]
            for way, found in stream["speed"]["ways"].items()
        }
        for way, seconds in spent.items():
            if way == "pyav":
                entry = Entry(seconds, machine, is_baseline=True)
            else:
                entry = Entry(seconds, machine, _ratio(spent.get("pyav"), seconds))
            yield f"{stream['name']}, {way}", entry


ENTRIES: dict[str, Callable[[Results], Iterator[tuple[str, Entry]]]] = {
    "noscope": _noscope,
    "first": _first,
    "decode": _decode,
}


def entries(results: Results) -> dict[str, Entry]:
    """All that was timed, by name."""
    return dict(ENTRIES[results["benchmark"]](results))


def differences(old: Results, new: Results) -> list[str]:
    """What was not the same for both, besides the code; of footages, where only some differ."""
    pairs = [(name, old.get(name), new.get(name)) for name in ASKED]
    lines = _differing(pairs)
    before, after = _made(old), _made(new)
    shared = [part for part in before if part in after]
    found: dict[str, list[str]] = {}
    for part in shared:
        was, now = before[part], after[part]
        names = list(was | now)
        for line in _differing([(name, was.get(name), now.get(name)) for name in names]):
            found.setdefault(line, []).append(part)
    lines += [
        line if len(parts) == len(shared) else f"{line} ({', '.join(parts)})"
        for line, parts in found.items()
    ]
    entries_before, entries_after = entries(old), entries(new)
    for name, entry in entries_before.items():
        if entry.errors and name in entries_after:
            seconds = (each.errors["second"].positives for each in (entry, entries_after[name]))
            lines += _differing([(f"truth of {name}, positive seconds", *seconds)])
    return lines


def _made(results: Results) -> dict[str, Results]:
    """How each part was measured, by name: footages may come from different runs."""
    if results["benchmark"] == "noscope":
        parts = {found["footage"]["key"]: run_of(results, found) for found in results["footages"]}
    else:
        parts = {"all": results}
    return {
        part: {"set": run.get("set")}
        | {name: machine[name] for name in (*SHARED_MACHINE, "seed")}
        | machine["versions"]
        for part, run in parts.items()
        for machine in [run["machine"]]
    }


def _differing(pairs: Sequence[tuple[Any, ...]]) -> list[str]:
    return [f"different {name}: {was}, now {now}" for name, was, now in pairs if was != now]


def compare(old: Results, new: Results) -> Findings:
    """Every entry of `old` against that of the same name in `new`."""
    before, after = entries(old), entries(new)
    findings = Findings(
        only_old=[name for name in before if name not in after],
        only_new=[name for name in after if name not in before],
        compared=len(before.keys() & after.keys()),
    )
    for name, was in before.items():
        if name in after:
            _compare_speed(name, was, after[name], findings)
            _compare_errors(name, was, after[name], findings)
    return findings


def change(old: float, new: float) -> int:
    """1 where `new` is larger than `old` by more than the band, -1 where smaller, else 0."""
    return int(new > old * (1 + BAND)) - int(new * (1 + BAND) < old)


def error_change(old: tuple[float | None, int], new: tuple[float | None, int]) -> int:
    """As `change`, of a rate and the number of errors behind it; a rate of nothing is 0."""
    (was, errors_then), (now, errors_now) = old, new
    return change(was or 0.0, now or 0.0) if abs(errors_now - errors_then) > UNITS else 0


def _compare_speed(name: str, old: Entry, new: Entry, findings: Findings) -> None:
    line = f"{name}: {old.seconds:,.2f} s → {new.seconds:,.2f} s ({_by(old.seconds, new.seconds)})"
    same_machine = all(old.machine[part] == new.machine[part] for part in SHARED_MACHINE)
    verdicts = {-change(old.seconds, new.seconds)} if same_machine else set()
    if old.is_baseline:
        if verdicts - {0}:
            findings.baselines.append(line)
        return
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
        "UNCLEAR, look at these: seconds and ratio do not agree": findings.unclear,
        "Faster": findings.faster,
        "More accurate": findings.more_accurate,
        "Baselines that took another time, which says something about the machine": (
            findings.baselines
        ),
        "Only in the old results": findings.only_old,
        "Only in the new results": findings.only_new,
    }
    parts = [
        "\n  ".join([f"{title} ({len(lines)}):", *lines])
        for title, lines in titles.items()
        if lines
    ]
    counted = (findings.slower, findings.faster, findings.unclear, findings.baselines)
    same = findings.compared - sum(map(len, counted))
    return "\n\n".join([*parts, f"{findings.compared} compared, {same} as fast as before."])


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints what changed; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument(
        "--fail",
        action="store_true",
        help="exit with 1 where something got slower or less accurate; what is unclear does not "
        "count, nor do baselines",
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


def _ratio(baseline: float | None, seconds: float) -> float | None:
    return None if baseline is None else baseline / seconds


def _by(old: float, new: float) -> str:
    return f"{new / old - 1:+.1%}"


if __name__ == "__main__":
    sys.exit(main())
