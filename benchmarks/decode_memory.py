"""`python -m benchmarks.decode_memory FILE WAY`: reads a file, prints its own peak memory.

A process of its own, for a peak never goes down again.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.decode_ways import Video, reader
from benchmarks.machine import REPOSITORY
from vqe.video.reader import Reader

WAYS = ("differences", "batches")
THREADS = 2


def in_new_process(path: Path, way: str) -> dict[str, Any]:
    """Frames, seconds, and peak megabytes of a process that reads the file."""
    command = [sys.executable, "-m", "benchmarks.decode_memory", str(path), way]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    """Reads the file that the command line names, in the way it names."""
    path, way = sys.argv[1:]
    start = time.perf_counter()
    video = Video.open("", Path(path))
    if way == "differences":
        frames = reader(THREADS)(video)
    else:
        frames = sum(len(batch) for batch in Reader(threads=THREADS).read(video.every_frame))
    seconds = time.perf_counter() - start
    print(json.dumps({"frames": frames, "seconds": seconds, "peak_mb": _peak_mb()}))


def _peak_mb() -> float:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    # Not ru_maxrss, which begins with the peak of the process that started this one.
    peak = next(line for line in lines if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 1024


if __name__ == "__main__":
    main()
