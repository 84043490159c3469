from __future__ import annotations

import numpy as np
import pytest
import torch

from vqe.models.load import load_reference
from vqe.models.preprocess import Preprocessing, place, prepare

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


class RandomDetector(torch.nn.Module):
    """Random features of a YOLOv8's shape, with boxes around the cells they are computed from."""

    def __init__(self):
        super().__init__()
        self.features = torch.nn.Sequential(
            torch.nn.Conv2d(3, 16, 8, stride=8),
            torch.nn.SiLU(),
            torch.nn.Conv2d(16, 4 + 5, 3, padding=1),
        )

    def forward(self, pictures):
        cells = self.features(pictures)
        rows, columns = cells.shape[2:]
        y, x = torch.meshgrid(
            torch.arange(rows, device=cells.device),
            torch.arange(columns, device=cells.device),
            indexing="ij",
        )
        centre = torch.stack([x, y])[None] * 8.0 + 4 + cells[:, :2]
        extent = 20 + 10 * cells[:, 2:4].sigmoid()
        score = (cells[:, 4:] * 3 - 2).sigmoid()
        return torch.cat([centre, extent, score], 1).flatten(2)


def test_cpu_and_cuda_agree():
    labels = ["a", "b", "c", "d", "e"]
    torch.manual_seed(0)
    module = RandomDetector()
    weights = {name: value.clone() for name, value in module.state_dict().items()}
    frames = np.random.default_rng(0).integers(0, 256, (37, 18, 32, 3)).astype(np.uint8)
    frames = frames.repeat(20, axis=1).repeat(20, axis=2)
    on_cpu = load_reference(module, labels=labels, device="cpu").detect(frames)
    other = RandomDetector()
    other.load_state_dict(weights)
    reference = load_reference(other, labels=labels, device="cuda")
    assert (reference.batch_size, reference.device) == (32, "cuda")
    on_cuda = reference.detect(frames)
    assert len(on_cpu.row) > 500
    # Detections near the floor, and near ties of suppression, may differ: TF32 keeps 10 bits.
    agreed = 0
    for row in range(37):
        agreed += n_matches(on_cpu, on_cuda, row)
    assert agreed > 0.97 * max(len(on_cpu.row), len(on_cuda.row))


def n_matches(one, other, row):
    """How many detections of `one` in a frame have a near copy in `other`."""
    a, b = one.row == row, other.row == row
    same = one.label[a][:, None] == other.label[b]
    same &= np.abs(one.score[a][:, None] - other.score[b]) < 0.01
    same &= np.abs(one.box[a][:, None] - other.box[b]).max(2) < 1.0
    return int(same.any(1).sum())


@pytest.mark.parametrize("fit", ["letterbox", "corner", "stretch", "native"])
def test_pictures_are_the_same_on_both(fit):
    frames = torch.from_numpy(
        np.random.default_rng(0).integers(0, 256, (3, 180, 320, 3)).astype(np.uint8)
    )
    how = Preprocessing(fit, bgr=True, mean=(0.4, 0.4, 0.5), std=(0.2, 0.3, 0.2))
    placement = place((180, 320), (96, 160), fit)
    on_cpu, on_cuda = (
        prepare(frames, placement, how, torch.device(device)) for device in ("cpu", "cuda")
    )
    assert on_cuda.is_cuda
    torch.testing.assert_close(on_cuda.cpu(), on_cpu, rtol=1e-6, atol=1e-6)
