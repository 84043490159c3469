"""`python -m benchmarks.run first`: run a benchmark, print its tables, keep its results."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from benchmarks.report import as_text, publish, write_results
from benchmarks.systems import OPTIONAL

BENCHMARKS = ("first", "decode", "noscope", "replays", "cascades", "certificates", "drift")
"""Each a module beside this one, with a function `run`; imported only when it is wanted."""
WITH_FULL_SET = ("noscope",)
WITH_ROUNDS = ("first", "decode")
WITHOUT_MODEL = ("replays", "cascades", "certificates")


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one benchmark.

    A run that is not quick, with the benchmark's own model, is the published one, unless --output
    says otherwise: it replaces the committed results and the tables on its page; of a benchmark
    that keeps results for each machine, those that it measured again.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("benchmark", choices=BENCHMARKS)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the results here")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="little work, for a test")
    size.add_argument("--full", action="store_true", help="all footage, which takes hours")
    parser.add_argument("--footage", metavar="NAME", help="only footage whose name begins so")
    parser.add_argument(
        "--without", choices=OPTIONAL, nargs="*", default=[], help="leave these out"
    )
    parser.add_argument("--model", metavar="SPEC", help="another reference network")
    parser.add_argument("--rounds", type=int, metavar="N", help="measure so often")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    options = parser.parse_args(arguments)
    asked = {name: getattr(options, name) for name in ("quick", "seed")}
    if options.benchmark not in WITHOUT_MODEL:
        asked["model"] = options.model
    elif options.model is not None:
        parser.error(f"--model: {options.benchmark} asks no network")
    if options.benchmark in WITH_ROUNDS:
        asked["rounds"] = options.rounds
    elif options.rounds is not None:
        parser.error(f"--rounds: only for {' and '.join(WITH_ROUNDS)}")
    if options.benchmark in WITH_FULL_SET:
        wanted = {"footage": options.footage or "", "without": options.without}
        asked |= {"full": options.full, **wanted}
    elif options.full or options.footage or options.without:
        parser.error(f"--full, --footage, --without: only for {' and '.join(WITH_FULL_SET)}")
    results = import_module(f"benchmarks.{options.benchmark}").run(**asked)
    if options.output is not None:
        write_results(results, options.output)
    elif not options.quick and options.model is None:
        publish(results)
    print(as_text(results))


if __name__ == "__main__":
    main()
