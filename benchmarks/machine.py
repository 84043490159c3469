"""What a figure depends on besides the code: the machine, versions, time and seed."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ("torch", "av", "numba", "pyarrow", "onnxruntime")


def describe(seed: int) -> dict[str, Any]:
    """The circumstances of a run, as plain data for JSON; None where a thing is absent."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "HEAD"),
        "dirty": _git("status", "--porcelain") != "",
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "gpu": _gpu_name(),
        "versions": {"python": platform.python_version()} | {p: _version(p) for p in PACKAGES},
        "seed": seed,
    }


def processor(device: str) -> str:
    """The name of what a network runs on: "cpu" or "cuda…"."""
    return (_gpu_name() if device.startswith("cuda") else None) or _cpu_name()


def load() -> float:
    """The load average of the last minute: runnable threads, our own among them."""
    return round(os.getloadavg()[0], 2)


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(REPOSITORY), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _gpu_name() -> str | None:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
