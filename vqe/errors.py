"""Every exception that vqe raises: one class per phase, each also the builtin it resembles."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


class VqeError(Exception):
    """Root of all errors raised by vqe.

    `message` says what is wrong, `hint` what is possible instead. An error that points into a
    statement carries the statement as `sql` and the character position as `offset`.
    """

    phase = "Error"

    def __init__(
        self, message: str, *, hint: str = "", sql: str | None = None, offset: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.sql = sql
        self.offset = offset

    def locate(self, sql: str, offset: int) -> VqeError:
        """Point at `offset` in `sql`, unless an earlier phase already knew better; returns self."""
        if self.sql is None:
            self.sql, self.offset = sql, offset
        return self

    def __str__(self) -> str:
        parts = [f"{self.phase}: {self.message}"]
        if self.sql is not None and self.offset is not None:
            parts.append(caret(self.sql, self.offset))
        if self.hint:
            parts.append(self.hint)
        return "\n".join(parts)


class ParseError(VqeError, ValueError):
    """The text is not a statement of the dialect."""

    phase = "Syntax error"


class BindError(VqeError, ValueError):
    """A name, label, type or parameter of the statement does not fit what is known."""

    phase = "Binder error"


class UnsupportedError(VqeError, NotImplementedError):
    """Valid in the dialect, but not built yet."""

    phase = "Not supported"


class ConfigError(VqeError, ValueError):
    """A setting or an argument of the Python API is out of its domain."""

    phase = "Configuration error"


class PlanError(VqeError, RuntimeError):
    """No plan can be made, or a rewrite broke an invariant."""

    phase = "Planner error"


class VideoError(VqeError, OSError):
    """A video cannot be read."""

    phase = "Video error"


class VideoNotFoundError(VideoError, FileNotFoundError):
    """There is no such file."""


class DamagedVideoError(VideoError):
    """Some frames could not be decoded; `lost` holds their ordinals as [start, stop) spans.

    Where a whole table was asked for, `table` holds the rows of all other frames.
    """

    def __init__(self, message: str, *, lost: tuple[tuple[int, int], ...], hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.lost = lost
        self.table: pa.Table | None = None


class DamagedVideoWarning(UserWarning):
    """Some frames could not be decoded and have no rows, as `on_damage = 'skip'` allows."""


class AccuracyWarning(UserWarning):
    """A BUDGET or DEADLINE ended before the bounds were met; the profile says how far it came."""


class ModelError(VqeError, ValueError):
    """A model cannot be loaded, or its output is not understood."""

    phase = "Model error"


class ExecutionError(VqeError, RuntimeError):
    """A plan failed while it ran."""

    phase = "Execution error"


class QueryCancelledError(ExecutionError):
    """The query was closed or interrupted before it was finished."""

    phase = "Cancelled"


def caret(sql: str, offset: int) -> str:
    """The line of `sql` that holds `offset`, and a caret below that character."""
    offset = min(max(offset, 0), len(sql))
    start = sql.rfind("\n", 0, offset) + 1
    stop = sql.find("\n", offset)
    line = sql[start : stop if stop >= 0 else len(sql)]
    # A tab before the caret is repeated, so that the caret lands under its character.
    padding = "".join("\t" if c == "\t" else " " for c in line[: offset - start])
    return f"  {line}\n  {padding}^"


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """A hint naming the nearest of `known`: "did you mean 'bus'?", or "" when nothing is near."""
    by_fold = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(given.casefold(), by_fold, n=3, cutoff=0.6)
    names = [f"'{by_fold[name]}'" for name in near]
    return f"did you mean {' or '.join(names)}?" if names else ""
