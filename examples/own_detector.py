"""Asks with a detector of one's own: any function from frames to detections.

    python examples/own_detector.py crossing.mp4

The function is the reference network here: what it says is the truth. A `fingerprint` tells vqe
that it stays the same, so that its labels may be used again by the next question.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

import vqe

Detection = tuple[str, float, float, float, float, float]


class BrightSpot:
    """Sees a "light" where a block of 16 × 16 pixels is much brighter than the picture."""

    labels = ("light",)
    fingerprint = "bright spot, version 1"

    def __call__(self, frames: NDArray[np.uint8]) -> list[list[Detection]]:
        """uint8 (N, H, W, 3) RGB to a list of (label, score, x0, y0, x1, y1) per frame."""
        return [self.detect(frame.mean(axis=2)) for frame in frames]

    def detect(self, grey: NDArray[Any]) -> list[Detection]:
        """The brightest block of one picture, if it stands out."""
        rows, columns = grey.shape[0] // 16, grey.shape[1] // 16
        cut = grey[: rows * 16, : columns * 16]
        blocks = cut.reshape(rows, 16, columns, 16).mean(axis=(1, 3))
        y, x = np.unravel_index(blocks.argmax(), blocks.shape)
        score = float(np.clip((blocks[y, x] - grey.mean()) / 100, 0, 1))
        return [("light", score, 16.0 * x, 16.0 * y, 16.0 * x + 16, 16.0 * y + 16)]


def main(video: str) -> None:
    """Print when there is a light, and what a second question costs."""
    with vqe.connect() as con:
        con.register("video", video)
        con.register_model("spot", BrightSpot(), min_score=0.5)
        con.sql("SELECT frames FROM video WHERE contains('light') EXACT").show(max_rows=6)
        bright = con.sql("SELECT frame FROM video WHERE contains('light', min_score => 0.8) EXACT")
        rows = bright.to_arrow_table().num_rows
        calls = bright.profile.reference_calls
        print(f"{rows} frames are very bright, found with {calls} further calls of the detector")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])
