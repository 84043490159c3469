"""A benchmark that says "cold" means a connection that knows nothing, nor what is on disk."""

from __future__ import annotations

import ast
from pathlib import Path

import benchmarks


def test_benchmarks_use_no_kept_costs():
    connected = 0
    for source in sorted(Path(benchmarks.__file__).parent.glob("*.py")):
        calls = [
            node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Call)
        ]
        for call in calls:
            if ast.unparse(call.func) in ("vqe.connect", "vqe.query"):
                where = f"{source.name}, line {call.lineno}"
                assert ast.unparse(call).startswith("vqe.connect(':memory:'"), where
                connected += 1
    assert connected >= 4
