"""Peak memory does not grow with the length of the video."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from clips import Visit, make_clip

SCRIPT = """
import json, resource, sys
import vqe
sys.path.insert(0, sys.argv[3])
from clips import Clip, Oracle
from pathlib import Path
clip = Clip(Path(sys.argv[1]), int(sys.argv[2]), 10, (320, 240), (), ())
con = vqe.connect(device="cpu", threads=1)
con.register_model("oracle", Oracle(clip))
rows = 0
everywhere = "contains('cat', min_score => 0.1)"
for batch in con.sql(f"SELECT FRAMES FROM {clip.sql} WHERE {everywhere} EXACT"):
    rows += batch.num_rows
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([rows, peak]))
"""


def run(clip):
    """Rows, and the peak resident memory in MiB."""
    tests = Path(__file__).parents[1]
    command = [sys.executable, "-c", SCRIPT, str(clip.path), str(clip.frames), str(tests)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.slow
def test_ten_times_the_frames_take_the_same_memory(tmp_path):
    peaks = []
    for frames in (600, 6000):
        visits = [Visit(100, 200)]
        clip = make_clip(tmp_path / f"{frames}.mp4", frames, size=(320, 240), visits=visits)
        rows, peak = run(clip)
        assert rows == frames
        peaks.append(peak)
    # 6,000 frames of 320 × 240 are 690 MiB.
    assert peaks[1] - peaks[0] < 30, peaks
