"""`python -m benchmarks.run first`: run a benchmark, print its tables, keep its results."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import first
from benchmarks.report import as_text, result_path, update_readme, write_results

BENCHMARKS: dict[str, Callable[..., dict[str, Any]]] = {"first": first.run}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one benchmark.

    A full run with the benchmark's own model is the published one, unless --output says otherwise:
    it replaces the committed results and the table in README.md.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("benchmark", choices=BENCHMARKS)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the results here")
    parser.add_argument("--quick", action="store_true", help="one short clip, a light detector")
    parser.add_argument("--model", metavar="SPEC", help="another reference network")
    parser.add_argument("--rounds", type=int, metavar="N", help="ask so often, keep the fastest")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    options = parser.parse_args(arguments)
    results = BENCHMARKS[options.benchmark](
        model=options.model, quick=options.quick, rounds=options.rounds, seed=options.seed
    )
    print(as_text(results))
    if options.output is not None:
        write_results(results, options.output)
    elif not options.quick and options.model is None:
        write_results(results, result_path(options.benchmark))
        update_readme(options.benchmark)


if __name__ == "__main__":
    main()
