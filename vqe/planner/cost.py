"""The cost model: what a plan takes, from measured seconds per frame.

f_s·T_difference + f_s·f_m·T_specialized + f_s·f_m·f_c·T_reference (NoScope, arXiv 1703.02529,
section 6), and what that leaves out: decoding, resizing, and the one-off work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from vqe.video.costs import DecodeCosts
from vqe.video.decode_plan import DecodeWork


@dataclass(frozen=True)
class NetworkCost:
    """Seconds per frame of a reference network, on the clock, and the cores it keeps busy."""

    seconds_per_frame: float
    cores: float


Cost = TypeVar("Cost", DecodeCosts, NetworkCost)


def cost_of(kind: type[Cost], numbers: Mapping[str, Any] | None) -> Cost | None:
    """Costs from what was kept of them; None where that is nothing, or something else."""
    if numbers is None or numbers.keys() != {field.name for field in fields(kind)}:
        return None
    return kind(**numbers)


@dataclass(frozen=True)
class StageCost:
    """A step of a plan: seconds for each frame it sees, and the share of them it hands on; the
    cores that it keeps busy meanwhile."""

    name: str
    seconds_per_frame: float
    pass_rate: float
    cores: float = 1.0


@dataclass(frozen=True)
class StagePrediction:
    """What a step is expected to see, to decide, and to take, on `cores` cores."""

    name: str
    frames_in: float
    decided: float
    seconds: float
    cores: float = 1.0

    @property
    def cpu_seconds(self) -> float:
        """Of all cores together."""
        return self.seconds * self.cores


def add_predictions(
    scans: Iterable[tuple[StagePrediction, ...]],
) -> tuple[StagePrediction, ...]:
    """The predictions of several scans, those of one step added up."""
    total: dict[str, StagePrediction] = {}
    for step in (step for scan in scans for step in scan):
        so_far = total.get(step.name, StagePrediction(step.name, 0, 0, 0, step.cores))
        seconds = so_far.seconds + step.seconds
        total[step.name] = StagePrediction(
            step.name,
            so_far.frames_in + step.frames_in,
            so_far.decided + step.decided,
            seconds,
            (so_far.cpu_seconds + step.cpu_seconds) / seconds if seconds else step.cores,
        )
    return tuple(total.values())


@dataclass(frozen=True)
class ScanCost:
    """What a plan takes: decoding, and its stages in order."""

    decode: DecodeCosts
    stages: tuple[StageCost, ...]

    def predict(self, frames: float, work: DecodeWork) -> tuple[StagePrediction, ...]:
        """Each step's share: `frames` to answer, for which the decoder has `work` to do."""
        decoded, seconds = self.decode.frames_out(work), self.decode.seconds(work)
        predictions = [StagePrediction("decode", decoded, 0, seconds)]
        for stage in self.stages:
            passed_on = frames * stage.pass_rate
            seconds = frames * stage.seconds_per_frame
            predictions.append(
                StagePrediction(stage.name, frames, frames - passed_on, seconds, stage.cores)
            )
            frames = passed_on
        return tuple(predictions)


@dataclass(frozen=True)
class Costs:
    """Measured seconds per frame, on this machine, at this resolution; `decoders` are threads that
    decode side by side."""

    decode: DecodeCosts
    reference: NetworkCost
    difference: float
    specialized: dict[str, float]  # by architecture, thumbnail included
    earlier: float = 0.0
    decoders: int = 1
