"""The results of `noscope` on one machine, which may come from several runs.

A run is described by `set` and `machine` at the top. A footage that an earlier run measured keeps
that run's under `run`.
"""

from __future__ import annotations

import sys
from collections import Counter

from benchmarks.tables import Results

SHARED = ("model", "threads", "accuracy", "seed")
"""What runs must have in common for their footages to stand in one table."""
SHARED_MACHINE = ("cpu", "cores", "gpu")


def merged(earlier: Results, results: Results) -> Results:
    """`results`, and with them the footages of `earlier` that were not measured again.

    Those of a run with another model, or otherwise not comparable, are left out; a line says so.
    """
    again = {found["footage"]["key"]: found for found in results["footages"]}
    kept = {
        found["footage"]["key"]: found | {"run": run_of(earlier, found)}
        for found in earlier["footages"]
    }
    differing = [name for name in SHARED if earlier[name] != results[name]]
    differing += [
        name for name in SHARED_MACHINE if earlier["machine"][name] != results["machine"][name]
    ]
    if differing:
        lost = ", ".join(sorted(set(kept) - set(again)))
        print(f"left out, with another {', '.join(differing)}: {lost or 'none'}", file=sys.stderr)
        return results
    return results | {"footages": list((kept | again).values())}


def run_of(results: Results, found: Results) -> Results:
    """The `set` and the `machine` of the run that measured a footage."""
    run: Results = found.get("run", {name: results[name] for name in ("set", "machine")})
    return run


def runs(results: Results) -> list[tuple[Results, list[str]]]:
    """Each run with the short names of the footages that it measured."""
    short = names(results)
    found: list[tuple[Results, list[str]]] = []
    for footage in results["footages"]:
        run, name = run_of(results, footage), short[footage["footage"]["key"]]
        measured = next((measured for other, measured in found if other == run), None)
        if measured is None:
            found.append((run, [name]))
        else:
            measured.append(name)
    return found


def names(results: Results) -> dict[str, str]:
    """Names of the footages by key: without the digest at the end, unless two are told by it."""
    keys = [found["footage"]["key"] for found in results["footages"]]
    about = {key: key.rpartition("-")[0] or key for key in keys}
    times = Counter(about.values())
    return {key: name if times[name] == 1 else key for key, name in about.items()}


def video_seconds(found: Results) -> float:
    """The length of a footage."""
    return float(found["footage"]["frames"] / found["footage"]["fps"])
