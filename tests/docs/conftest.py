"""The video of the examples: a crossing that a red bus passes three times in thirty seconds."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

N_FRAMES, FPS, WIDTH, HEIGHT = 300, 10, 160, 120


@pytest.fixture(scope="session")
def crossing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames 60 to 100 of each hundred have a red rectangle."""
    path = tmp_path_factory.mktemp("docs") / "crossing.mp4"
    rng = np.random.default_rng(0)
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for frame in range(N_FRAMES):
            image = rng.integers(100, 110, (HEIGHT, WIDTH, 3), np.uint8)
            if frame % 100 >= 60:
                x = frame % 100 - 40
                image[60:110, x : x + 90] = (220, 30, 30)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path
