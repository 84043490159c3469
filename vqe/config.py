"""Settings of a connection."""

from __future__ import annotations

from dataclasses import dataclass

from vqe.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a connection runs its queries; none of it changes which rows a query returns
    except `seed` and `device`."""

    device: str = "auto"
    """Where networks run: `auto` (a GPU where there is one), `cpu`, `cuda` or `cuda:1`."""
    threads: int | None = None
    """Intra-op threads of the networks; None takes one per core."""
    batch_size: int = 1024
    """Rows per Arrow record batch handed to the caller. Slices the output, nothing else."""
    seed: int = 0
    """Decides which blocks are labelled and how the models are initialised."""
    progress: bool | None = None
    """Progress bar: None shows it in a terminal or notebook after two seconds."""

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ConfigError(f"batch_size must be at least 1, got {self.batch_size}")
        if self.threads is not None and self.threads < 1:
            raise ConfigError(f"threads must be at least 1, got {self.threads}")
        if self.device.split(":")[0] not in ("auto", "cpu", "cuda"):
            raise ConfigError(f"unknown device {self.device!r}", hint="auto, cpu, cuda or cuda:N")
