"""Every exception that vqe raises: one class per phase, each also the builtin it resembles."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


class VqeError(Exception):
    """Root of all errors raised by vqe.

    `message` says what is wrong, `hint` what is possible instead. An error that points into a
    statement carries the statement as `sql` and the character position as `offset`, from 0; `line`
    and `column` are that place, from 1.
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

    def __reduce__(self) -> tuple[Any, ...]:
        # As the base class does it, classes that need more than a message could not be unpickled.
        return _revived, (type(self), self.args, self.__dict__)

    @property
    def line(self) -> int | None:
        """The line of the statement that the error points into, from 1."""
        if self.sql is None or self.offset is None:
            return None
        return self.sql.count("\n", 0, self.offset) + 1

    @property
    def column(self) -> int | None:
        """The character of that line, from 1; a tab is one."""
        if self.sql is None or self.offset is None:
            return None
        return self.offset - self.sql.rfind("\n", 0, self.offset)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON; None where the error points into no statement."""
        return {
            "error": type(self).__name__,
            "phase": self.phase,
            "message": self.message,
            "hint": self.hint,
            "sql": self.sql,
            "offset": self.offset,
            "line": self.line,
            "column": self.column,
        }

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
        # What is no valid text could not be printed.
        return "\n".join(parts).encode("utf-8", "backslashreplace").decode()


class StatementError(VqeError, ValueError):
    """The statement is wrong: a ParseError or a BindError."""


class ParseError(StatementError):
    """The text is not a statement of the dialect."""

    phase = "Syntax error"


class BindError(StatementError):
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


class OperationError(VqeError):
    """What the statement asks for failed: a VideoError, a ModelError or an ExecutionError."""


class VideoError(OperationError, OSError):
    """A video cannot be read."""

    phase = "Video error"


class VideoNotFoundError(VideoError, FileNotFoundError):
    """There is no such file."""


class DamagedVideoError(VideoError):
    """Some frames could not be decoded; `lost` holds their ordinals as [start, stop) spans, of one
    video after the other where there are several, and `lost_in` those of each by its name.

    Where a whole table was asked for, `table` holds the rows of all other frames.
    """

    def __init__(
        self,
        message: str,
        *,
        lost_in: Mapping[str, tuple[tuple[int, int], ...]],
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.lost_in = dict(lost_in)
        self.lost = tuple(span for spans in self.lost_in.values() for span in spans)
        self.table: pa.Table | None = None


class DamagedVideoWarning(UserWarning):
    """Some frames could not be decoded and have no rows, as `on_damage = 'skip'` allows."""


class AccuracyWarning(UserWarning):
    """A BUDGET or DEADLINE ended before the bounds were met; the profile says how far it came."""


class ModelError(OperationError, ValueError):
    """A model cannot be loaded, or its output is not understood."""

    phase = "Model error"


class ExecutionError(OperationError, RuntimeError):
    """A plan failed while it ran."""

    phase = "Execution error"


class QueryCancelledError(ExecutionError):
    """The query was closed or interrupted before it was finished."""

    phase = "Cancelled"


def _revived(kind: type[VqeError], args: tuple[Any, ...], state: dict[str, Any]) -> VqeError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


LINE_SHOWN = 100
"""Characters of a line that are shown, about as many before the caret as behind it."""


def caret(sql: str, offset: int) -> str:
    """The line of `sql` that holds `offset`, and a caret below that character.

    Of a long line only what is near; what a terminal would not show as itself is shown as �.
    """
    offset = min(max(offset, 0), len(sql))
    start = sql.rfind("\n", 0, offset) + 1
    stop = sql.find("\n", offset)
    line = sql[start : stop if stop >= 0 else len(sql)].removesuffix("\r")
    before, after = line[: offset - start], line[offset - start :]
    if len(line) > LINE_SHOWN:
        room = LINE_SHOWN // 2
        room += max(room - len(after), 0)
        if len(before) > room:
            before = "…" + before[-room:]
        if len(after) > LINE_SHOWN - len(before):
            after = after[: max(LINE_SHOWN - len(before), LINE_SHOWN // 2)] + "…"
    before, after = _shown(before), _shown(after)
    # A tab before the caret is repeated, so that the caret lands under its character.
    padding = "".join("\t" if c == "\t" else " " * _width(c) for c in before)
    return f"  {before}{after}\n  {padding}^"


def _shown(text: str) -> str:
    """The text without what moves the cursor: controls, surrogates, changes of direction."""
    strange = ("Cc", "Cs", "Zl", "Zp", "Cn")
    turns = ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")
    return "".join(
        "�"
        if c != "\t"
        and (unicodedata.category(c) in strange or unicodedata.bidirectional(c) in turns)
        else c
        for c in text
    )


def _width(character: str) -> int:
    """Columns of a terminal."""
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """A hint naming the nearest of `known`: "did you mean 'bus'?", or "" when nothing is near."""
    by_fold = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(given.casefold(), by_fold, n=3, cutoff=0.6)
    names = [f"'{by_fold[name]}'" for name in near]
    return f"did you mean {' or '.join(names)}?" if names else ""
