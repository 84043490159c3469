"""Specialized models: small networks that learn one question about one video."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vqe.models.heads import Combine, Lesson
from vqe.models.threads import keep_torch_threads, torch_threads

SCORING_BATCH = 32
"""Most thumbnails per forward pass. How many there are changes a score in its last bits only."""


@dataclass(frozen=True)
class Architecture:
    """A kind of specialized model: side of its square input in pixels, and its layers, which
    `build` makes for so many heads.

    One without `has_heads` has a single one, for the condition as a whole; otherwise each atom of
    the condition has a head of its own on the trunk that they share.

    All chance in the layers, initial values and dropout, comes from the generator they are built
    with: torch's own generator belongs to the whole process.
    """

    name: str
    size: int
    build: Callable[[torch.Generator, int], nn.Module]
    steps: int  # of the optimiser, each on TRAINING_BATCH thumbnails
    learning_rate: float
    has_heads: bool = False


def linear(size: int, generator: torch.Generator, heads: int) -> nn.Module:
    """Logistic regression over the pixels."""
    layers = nn.Sequential(nn.Flatten(), nn.Linear(3 * size * size, heads, device="meta"))
    return _initialised(layers, generator)


def convolutional(
    size: int, filters: int, dense: int, generator: torch.Generator, heads: int
) -> nn.Module:
    """Three strided convolutions that double their filters, then a dense layer.

    Strides instead of pooling: five times faster on a CPU. The dense layer sees positions, which a
    fixed camera makes informative.
    """
    side = size // 8
    wide = 2 * filters
    layers = nn.Sequential(
        nn.Conv2d(3, filters, 5, stride=2, padding=2, device="meta"),  # (N, f, s/2, s/2)
        nn.ReLU(),
        nn.Conv2d(filters, wide, 3, stride=2, padding=1, device="meta"),  # (N, 2f, s/4, s/4)
        nn.ReLU(),
        nn.Conv2d(wide, wide, 3, stride=2, padding=1, device="meta"),  # (N, 2f, s/8, s/8)
        nn.ReLU(),
        nn.Flatten(),
        Dropout(0.3, generator),
        nn.Linear(wide * side * side, dense, device="meta"),
        nn.ReLU(),
        nn.Linear(dense, heads, device="meta"),
    )
    return _initialised(layers, generator)


class Dropout(nn.Module):
    """As nn.Dropout, but its masks come from `generator`."""

    def __init__(self, share: float, generator: torch.Generator) -> None:
        super().__init__()
        self.share = share
        self.generator = generator

    def forward(self, x: Tensor) -> Tensor:
        """Zeroes a share of `x` and scales up the rest while training."""
        if not self.training:
            return x
        keep = torch.empty_like(x).bernoulli_(1 - self.share, generator=self.generator)
        return x * keep.div_(1 - self.share)


def _initialised(layers: nn.Module, generator: torch.Generator) -> nn.Module:
    """The layers, made without values on the device "meta", with those torch would give them."""
    layers.to_empty(device=generator.device)
    for layer in layers.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            bound = layer.weight[0].numel() ** -0.5
            for values in layer.parameters():
                nn.init.uniform_(values, -bound, bound, generator=generator)
    return layers


ARCHITECTURES = {
    arch.name: arch
    for arch in (
        Architecture("linear 32", 32, partial(linear, 32), 150, 1e-3),
        Architecture("cnn 64×16", 64, partial(convolutional, 64, 16, 32), 200, 2e-3),
        Architecture("cnn 96×16", 96, partial(convolutional, 96, 16, 64), 200, 2e-3),
    )
}
"""Every specialized model a plan may use, from the cheapest to the dearest."""

HEADED = {
    f"{name} heads": replace(ARCHITECTURES[name], name=f"{name} heads", has_heads=True)
    for name in ("cnn 64×16", "cnn 96×16")
}
"""Those that conditions of several atoms may have as well."""

TRAINING_BATCH = 64

THREADS = 1
"""These networks are so small that a second thread gains little, and beside other work loses up to
90-fold to threads that wait for one another; nor do results then depend on the number of cores."""


class SpecializedModel:
    """A trained model; a score is its log-odds that the condition holds, which `combine` makes of
    those of its heads."""

    def __init__(
        self, arch: Architecture, net: nn.Module, mean: Tensor, scale: float, combine: Combine
    ) -> None:
        self.name = arch.name
        self.size = arch.size
        self._net = net.eval()
        self._mean = mean  # (1, 3, S, S), of the training thumbnails
        self._scale = scale
        self._combine = combine
        self.device = next(net.parameters()).device

    def start(self) -> None:
        """Prepares the calling thread, one of our own, for many calls of `score`."""
        keep_torch_threads(THREADS)

    @torch.inference_mode()
    @torch_threads(THREADS)
    def score(self, thumbnails: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 (N, S, S, 3) RGB to float32 (N,) log-odds."""
        out = np.empty(len(thumbnails), np.float32)
        for start in range(0, len(thumbnails), SCORING_BATCH):
            batch = thumbnails[start : start + SCORING_BATCH]
            x = _normalise(_to_tensor(batch, self.device), self._mean, self._scale)
            out[start : start + len(batch)] = self._combine(self._net(x).float().cpu().numpy())
        return out


@torch_threads(THREADS)
def train(
    arch: Architecture,
    thumbnails: NDArray[np.uint8],
    lesson: Lesson,
    *,
    seed: int,
    device: str = "cpu",
    steps: int | None = None,
    check: Callable[[], None] = lambda: None,
) -> SpecializedModel:
    """Trains on uint8 (N, S, S, 3) RGB thumbnails and what there is to learn of them.

    The loss is the cross-entropy of each head, on average. Shifts by a few pixels and changes of
    brightness are what differs between moments of a fixed camera, so they augment the data. `steps`
    overrides the architecture's own number; `check` is called before each, and may raise to end the
    work.
    """
    torch_device = torch.device(device)
    generator = torch.Generator().manual_seed(seed)  # draws and augments
    net = arch.build(torch.Generator(torch_device).manual_seed(seed), lesson.truth.shape[1])
    net = net.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    pixels = _to_tensor(thumbnails, torch_device)  # (N, 3, S, S) in 0..255
    mean = pixels.mean(dim=0, keepdim=True)
    scale = float((pixels - mean).std()) + 1e-3
    truth = torch.from_numpy(lesson.truth).to(torch_device, torch.float32)  # (N, H)
    drawn, counts = map(torch.from_numpy, lesson.balance())
    weights = counts.to(torch_device, torch.float32)  # (N, H)
    optimiser = torch.optim.AdamW(net.parameters(), lr=arch.learning_rate, weight_decay=1e-2)
    n_steps = steps or arch.steps
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, arch.learning_rate, n_steps)
    for _ in range(n_steps):
        check()
        rows = torch.multinomial(drawn, TRAINING_BATCH, replacement=True, generator=generator)
        x = _augment(_normalise(pixels[rows], mean, scale), generator)
        loss = nn.functional.binary_cross_entropy_with_logits(net(x), truth[rows], weights[rows])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return SpecializedModel(arch, net, mean, scale, lesson.combine)


def _to_tensor(thumbnails: NDArray[np.uint8], device: torch.device) -> Tensor:
    """uint8 (N, S, S, 3) to float32 (N, 3, S, S) in 0..255, channels last in memory."""
    return torch.from_numpy(thumbnails).to(device).permute(0, 3, 1, 2).float()


def _normalise(x: Tensor, mean: Tensor, scale: float) -> Tensor:
    """What differs from the scene's average, in units of the usual difference."""
    return (x - mean) / scale


def _augment(x: Tensor, generator: torch.Generator) -> Tensor:
    """Shifts the batch by up to 1/32 of its side; changes contrast and brightness per sample."""
    reach = max(x.shape[-1] // 32, 1)
    dy, dx = torch.randint(-reach, reach + 1, (2,), generator=generator).tolist()
    gain = 1 + 0.1 * torch.randn(len(x), 1, 1, 1, generator=generator)
    offset = 0.1 * torch.randn(len(x), 1, 1, 1, generator=generator)
    shifted = torch.roll(x, (dy, dx), dims=(2, 3))
    return shifted * gain.to(x.device) + offset.to(x.device)
