"""`python -m benchmarks.run first`: run a benchmark, print its tables, keep its results."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from benchmarks.report import as_text, result_path, update_page, write_results

BENCHMARKS = ("first", "decode")
"""Each a module beside this one, with a function `run`; imported only when it is wanted."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one benchmark.

    A full run with the benchmark's own model is the published one, unless --output says otherwise:
    it replaces the committed results and the tables on its page.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("benchmark", choices=BENCHMARKS)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the results here")
    parser.add_argument("--quick", action="store_true", help="little work, for a test")
    parser.add_argument("--model", metavar="SPEC", help="another reference network")
    parser.add_argument("--rounds", type=int, metavar="N", help="measure so often")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    options = parser.parse_args(arguments)
    benchmark = import_module(f"benchmarks.{options.benchmark}")
    results = benchmark.run(
        model=options.model, quick=options.quick, rounds=options.rounds, seed=options.seed
    )
    print(as_text(results))
    if options.output is not None:
        write_results(results, options.output)
    elif not options.quick and options.model is None:
        write_results(results, result_path(options.benchmark))
        update_page(options.benchmark)


if __name__ == "__main__":
    main()
