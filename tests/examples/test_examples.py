"""Every example runs as a program, from another folder, as a user would run it."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

EXAMPLES = Path(__file__).parents[2] / "examples"


class BrightIsABus(torch.nn.Module):
    """A detector with the output layout of YOLOv8 that takes bright pictures for a bus."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        output = torch.zeros(pictures.shape[0], 84, 100)
        output[:, :4] = 32.0
        output[:, 4 + 5, 0] = 0.9 * (pictures.amax((1, 2, 3)) > 0.9)
        return output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip with a light in the frames 40 to 79, and a detector file."""
    folder = tmp_path_factory.mktemp("examples")
    with av.open(folder / "clip.mp4", "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for frame in range(120):
            image = np.full((96, 160, 3), 60, np.uint8)
            if 40 <= frame < 80:
                image[32:64, 48:96] = 250
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch advises against TorchScript
        traced = torch.jit.trace(BrightIsABus(), torch.zeros(1, 3, 96, 160))  # type: ignore[no-untyped-call]
        traced.save(folder / "detector.torchscript")
    return folder


def run(folder: Path, example: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / example, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        env=os.environ | {"COLUMNS": "100"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_streaming(folder: Path) -> None:
    model = "torchscript:detector.torchscript"
    printed = run(folder, "streaming.py", "clip.mp4", "bus", model, "bus.parquet")
    assert "40 rows" in printed
    assert pq.read_table(folder / "bus.parquet")["frame"].to_pylist() == list(range(40, 80))


@pytest.mark.slow
def test_own_detector(folder: Path) -> None:
    printed = run(folder, "own_detector.py", "clip.mp4")
    assert "40 rows" in printed
    assert "with 0 further calls of the detector" in printed


@pytest.mark.slow
def test_demo(folder: Path) -> None:
    printed = run(folder, "demo.py")
    assert "times as fast, every second counted" in printed
    assert "FNR 0.00%" in printed.split("per second of video")[1]
    assert (folder / "demo-out" / "timeline.png").stat().st_size > 10_000
