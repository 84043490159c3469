"""The machine that costs are measured on."""

from __future__ import annotations

import platform
import subprocess
import sys
from functools import cache
from pathlib import Path

import av
import torch

from vqe.runtime.context import usable_cores
from vqe.storage.cost_file import Machine
from vqe.version import __version__


def this_machine() -> Machine:
    """What measured seconds hold for."""
    versions = {
        "vqe": __version__,
        "torch": str(torch.__version__),
        "av": av.__version__,
        "FFmpeg": av.ffmpeg_version_info,
    }
    return Machine(_cpu_name(), usable_cores(), versions)


@cache
def processor(device: str) -> str:
    """What a network runs on, "cpu" or the name of the GPU "cuda…"."""
    if device.startswith("cuda") and torch.cuda.is_available():
        return torch.cuda.get_device_name(device)
    return device


@cache
def _cpu_name() -> str:
    """The model of the processor, where the system tells it."""
    try:
        if sys.platform == "darwin":
            ask = ["sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except (OSError, subprocess.SubprocessError):
        lines = []
    told = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name = told.get("model name") or platform.processor() or platform.machine()
    # ARM processors tell no more than their part, as a number.
    return f"{name} {told['CPU part']}" if "CPU part" in told else name
