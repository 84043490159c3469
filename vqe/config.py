"""Settings of a connection."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from vqe.errors import ConfigError, VqeError, did_you_mean

ExplainFormat = Literal["text", "table", "json"]
"""How EXPLAIN is written."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a connection runs its queries; SET changes all of them but those in `FIXED`.

    Only `model`, `seed`, `fill`, `drift` and `device` change the rows of a plan. The plan itself is
    chosen by measured seconds: a machine that is faster, or busier, may choose another, with other
    rows inside the same bounds. EXACT always gives the same rows of one model.
    """

    device: str = "auto"
    """Where networks run: `auto` (a GPU where there is one), `cpu`, `cuda` or `cuda:1`."""
    threads: int | None = None
    """Intra-op threads of the networks; None takes one per core."""
    model: str | None = None
    """The reference network where neither USING MODEL nor `model=` says one: a registered name, or
    a spec such as "onnx:detector.onnx"; None leaves it to VQE_MODEL or the only registered one."""
    on_damage: Literal["raise", "skip"] = "raise"
    """What a query does about frames that cannot be decoded: `raise` DamagedVideoError at the end
    of what could be read, or `skip` them with a DamagedVideoWarning."""
    decode_threads: int | None = None
    """Threads that decode; None takes one per core, eight at most. Changes no rows."""
    fill: bool = True
    """Whether frames may be answered by what the reference network saw before and after them. For
    queries that have no plan yet."""
    drift: bool = True
    """Whether a scan checks what a cascade says about frames that look like none of those that were
    labelled to choose it."""
    batch_size: int = 1024
    """Rows per Arrow record batch handed to the caller. Slices the output, nothing else."""
    seed: int = 0
    """Decides which blocks are labelled and how the models are initialised."""
    disabled_rules: str = ""
    """Rules of the optimizer to leave out, with commas between. Changes no rows, only the cost."""
    progress: bool | None = None
    """Progress bar: None shows it in a terminal or notebook after two seconds."""

    def __post_init__(self) -> None:
        device = isinstance(self.device, str) and re.fullmatch(DEVICES, self.device)
        _check("device", self.device, bool(device), "auto, cpu, cuda or cuda:N")
        threads = self.threads is None or _whole(self.threads, 1)
        _check("threads", self.threads, threads, "a whole number from 1, or None")
        model = self.model is None or isinstance(self.model, str)
        _check("model", self.model, model, "a name or a spec, or None (NULL in SQL)")
        on_damage = isinstance(self.on_damage, str) and self.on_damage in ("raise", "skip")
        _check("on_damage", self.on_damage, on_damage, "'raise' or 'skip'")
        decode_threads = self.decode_threads is None or _whole(self.decode_threads, 1)
        possible = "a whole number from 1, or None (NULL in SQL)"
        _check("decode_threads", self.decode_threads, decode_threads, possible)
        _check("fill", self.fill, isinstance(self.fill, bool), "True or False")
        _check("drift", self.drift, isinstance(self.drift, bool), "True or False")
        _check("batch_size", self.batch_size, _whole(self.batch_size, 1), "a whole number from 1")
        _check("seed", self.seed, _whole(self.seed, 0), "a whole number from 0 to 2^63 - 1")
        disabled_rules = isinstance(self.disabled_rules, str)
        _check("disabled_rules", self.disabled_rules, disabled_rules, "names, with commas between")
        progress = self.progress is None or isinstance(self.progress, bool)
        _check("progress", self.progress, progress, "True, False or None (NULL in SQL)")


FIXED = ("device", "threads")
"""Settings that a connection keeps, because its networks are loaded with them."""

DEVICES = r"auto|cpu|cuda(:[0-9]+)?"


def explain_format(given: str, error: type[VqeError]) -> ExplainFormat:
    """The format of that name, in any case; raises `error` where there is none."""
    formats: tuple[ExplainFormat, ...] = get_args(ExplainFormat)
    for known in formats:
        if given.lower() == known:
            return known
    hint = did_you_mean(given, formats) or f"formats: {', '.join(formats)}"
    raise error(f"unknown format '{given}'", hint=hint)


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value < 2**63


def _check(name: str, given: object, fits: bool, possible: str) -> None:
    if not fits:
        raise ConfigError(f"{name} must be {possible}, got {given!r}")
