"""`import vqe` is quick and loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("torch", "av", "numba", "pyarrow", "numpy", "lark", "pandas", "rich", "cv2")

SCRIPT = f"""
import sys, time
start = time.perf_counter()
import vqe
seconds = time.perf_counter() - start
vqe.VqeError, vqe.__version__, dir(vqe)
loaded = [name for name in {HEAVY!r} if name in sys.modules]
print(seconds, *loaded)
"""


def test_import_is_light():
    best = float("inf")
    for _ in range(5):
        seconds, *loaded = subprocess.run(
            [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
        ).stdout.split()
        assert loaded == []
        best = min(best, float(seconds))
    assert best < 0.05


def test_the_lazy_names_are_there():
    code = "import vqe; print(vqe.connect.__name__, vqe.Result.__name__, vqe.Connection.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["connect", "Result", "Connection"]
