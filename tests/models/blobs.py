"""A detector small enough to know what it should see, and frames for it."""

from __future__ import annotations

import numpy as np
import torch

LABELS = ["red", "green"]


class BlobDetector(torch.nn.Module):
    """A YOLOv8-shaped network with an anchor per cell of 8x8: a box of 16x16 pixels around a cell,
    scored by how red and how green it is, through weights so that batches may round differently."""

    def __init__(self):
        super().__init__()
        self.average = torch.nn.Conv2d(3, 3, 8, stride=8, groups=3, bias=False)
        torch.nn.init.constant_(self.average.weight, 1 / 64)

    def forward(self, pictures):
        means = self.average(pictures)
        rows, columns = means.shape[2:]
        y, x = torch.meshgrid(
            torch.arange(rows, device=means.device),
            torch.arange(columns, device=means.device),
            indexing="ij",
        )
        centre = torch.stack([x, y]).flatten(1) * 8.0 + 4
        box = torch.cat([centre, torch.full_like(centre, 16.0)]).expand(len(means), -1, -1)
        red, green, blue = means.flatten(2).unbind(1)
        score = torch.stack([red - green - blue, green - red - blue], 1).clamp(0, 1)
        return torch.cat([box, score], 1)


def blob_frames(n, height=180, width=320):
    """A grey picture with one red and one green square of 30 pixels, which move."""
    frames = np.full((n, height, width, 3), 60, np.uint8)
    for i in range(n):
        frames[i, 20:50, 20 + 3 * i : 50 + 3 * i] = (255, 0, 0)
        frames[i, 100:130, 200 - 3 * i : 230 - 3 * i] = (0, 255, 0)
    return frames


def assert_same(one, other, tolerance=1e-4):
    assert one.n_frames == other.n_frames
    np.testing.assert_array_equal(one.row, other.row)
    np.testing.assert_array_equal(one.label, other.label)
    np.testing.assert_allclose(one.score, other.score, atol=tolerance)
    np.testing.assert_allclose(one.box, other.box, atol=tolerance * 100)
