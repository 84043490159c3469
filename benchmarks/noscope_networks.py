"""NoScope's specialized networks: the grid of its released code, trained with torch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vqe.models.specialized import Dropout

SIZE = 50
"""Side of the input in pixels."""

EPOCHS = 2
"""What the released code comes to for a question with two answers, though it asks for one."""

BATCH = 32
"""The released code comes to 128, with a hundred thousand frames to train on. From a few thousand
that would make a handful of steps; small batches make more of them."""

TRAINING_SHARE = 0.8
"""Of the labelled frames, drawn at random: neighbours of a held-out frame are among them."""

SCORING_BATCH = {"cpu": 16, "cuda": 512}
"""By device: a CPU takes half as long as with hundreds at a time, which fit into no cache."""


@dataclass(frozen=True)
class Shape:
    """How a network is built: its `blocks` double their `filters`."""

    blocks: int
    filters: int
    dense: int

    @property
    def name(self) -> str:
        """As released: filters, blocks, width of the dense layer."""
        return f"cnn {self.filters}×{self.blocks}, dense {self.dense}"


SHAPES = tuple(Shape(*each) for each in product((1, 2), (32, 64), (32, 64, 128, 256)))
"""Every network that is tried."""

QUICK_SHAPES = (Shape(1, 32, 32), Shape(2, 32, 32))


@dataclass(frozen=True)
class Network:
    """A trained network; a score is its probability that the object is there.

    `mean`: float32 (1, 3, 50, 50), of the frames it was trained for, in 0..1; `accuracy`: the share
    of `held_out` labelled frames that it gets right.
    """

    shape: Shape
    net: nn.Module
    mean: Tensor
    accuracy: float
    held_out: int

    @torch.inference_mode()
    def scores(self, frames: NDArray[np.uint8]) -> NDArray[np.float64]:
        """uint8 (N, 3, 50, 50) RGB to float64 (N,) in 0..1."""
        out = np.empty(len(frames))
        size = SCORING_BATCH[self.mean.device.type]
        for start in range(0, len(frames), size):
            batch = torch.from_numpy(frames[start : start + size]).to(self.mean.device)
            logits = self.net(_centred(batch, self.mean))[:, 0]
            out[start : start + len(batch)] = logits.sigmoid().cpu().numpy()
        return out


def build(shape: Shape, generator: torch.Generator) -> nn.Module:
    """Blocks of two convolutions and a pooling, then two dense layers; the logit, (N, 1).

    All chance comes from `generator`.
    """
    layers: list[nn.Module] = []
    channels, side = 3, SIZE
    for block in range(shape.blocks):
        filters = shape.filters * 2**block
        layers += [
            nn.Conv2d(channels, filters, 3, padding=1, device="meta"),  # (N, f, s, s)
            nn.ReLU(),
            nn.Conv2d(filters, filters, 3, padding=1, device="meta"),
            nn.ReLU(),
            nn.MaxPool2d(2),  # (N, f, s/2, s/2)
            Dropout(0.25, generator),
        ]
        channels, side = filters, side // 2
    layers += [
        nn.Flatten(),
        nn.Linear(channels * side * side, shape.dense, device="meta"),
        nn.ReLU(),
        Dropout(0.5, generator),
        nn.Linear(shape.dense, 1, device="meta"),
    ]
    for layer in layers:
        if isinstance(layer, nn.Conv2d | nn.Linear):  # as Keras does
            layer.to_empty(device=generator.device)
            nn.init.xavier_uniform_(layer.weight, generator=generator)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def train(
    shape: Shape,
    frames: NDArray[np.uint8],
    labels: NDArray[np.bool_],
    *,
    seed: int,
    epochs: int = EPOCHS,
) -> Network:
    """Trains on uint8 (N, 3, 50, 50) RGB frames and bool (N,) labels with both classes."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    net = build(shape, torch.Generator(device).manual_seed(seed)).train()
    mean = torch.from_numpy(_mean(frames)).to(device)[None]
    pixels = torch.from_numpy(frames).to(device)
    truth = torch.from_numpy(labels).to(device, torch.float32)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(frames))
    training, held_out = np.split(order, [round(TRAINING_SHARE * len(frames))])
    weights = torch.from_numpy(_weights(labels, training)).to(device)
    # As Keras does, whose moving average forgets faster than torch's.
    optimiser = torch.optim.RMSprop(net.parameters(), lr=1e-3, alpha=0.9, eps=1e-7)
    for _ in range(epochs):
        for chosen in np.split(rng.permutation(training), range(BATCH, len(training), BATCH)):
            rows = torch.from_numpy(chosen).to(device)
            loss = nn.functional.binary_cross_entropy_with_logits(
                net(_centred(pixels[rows], mean))[:, 0], truth[rows], weights[rows]
            )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    trained = Network(shape, net.eval(), mean, 0.0, len(held_out))
    right = (trained.scores(frames[held_out]) > 0.5) == labels[held_out]
    return Network(shape, net, mean, float(right.sum()) / max(len(held_out), 1), len(held_out))


def _mean(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The mean frame, float32 (3, 50, 50) in 0..1."""
    return np.asarray(frames.mean(axis=0) / 255, np.float32)


def _weights(labels: NDArray[np.bool_], training: NDArray[np.int64]) -> NDArray[np.float32]:
    """Of each frame, float32 (N,), so that both classes count the same: the released code asks its
    library for that."""
    share = np.clip(labels[training].mean(), 1 / len(labels), 1 - 1 / len(labels))
    return np.asarray(np.where(labels, 0.5 / share, 0.5 / (1 - share)), np.float32)


def _centred(pixels: Tensor, mean: Tensor) -> Tensor:
    """uint8 (N, 3, 50, 50) to float32, channels last in memory, less the mean."""
    return (pixels.float() / 255 - mean).contiguous(memory_format=torch.channels_last)
