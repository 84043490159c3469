"""Measured costs on disk, for later processes on the same machine."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

Numbers = Mapping[str, float]
"""What was measured, by name."""

FORMAT = 1
"""Of the files, and of what the numbers in them mean: those of another format count as none."""

MOST = 1e6
"""No cost is as many seconds or cores."""

MOST_FILES = 16
"""Files kept in a folder, one for each machine and its versions; those written last."""

LOCK_SECONDS = 2.0
"""Others hold the lock for milliseconds."""

DATE = "measured"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Machine:
    """What costs depend on beside what is measured: the model of the processor, the cores that this
    process may use, and by name the versions of all that computes."""

    cpu: str
    cores: int
    versions: dict[str, str]


class CostFile:
    """Numbers by kind and name in a JSON file of this machine, with the date of each measurement.

    Several processes may share it: writers take turns, and add to what others have written. What is
    damaged, or of another machine, counts as nothing, and is written anew. Where the folder cannot
    be read or written nothing is kept, and nobody is told. Safe to use from several threads;
    `machine` is asked when it is first needed.
    """

    def __init__(self, folder: Path, machine: Callable[[], Machine]) -> None:
        self.folder = folder
        self._ask_machine = machine
        self._lock = threading.Lock()
        self._usable = True
        self._kept: dict[str, dict[str, Any]] = {}
        self._version: tuple[int, ...] | None = None

    @cached_property
    def machine(self) -> dict[str, Any]:
        """This one, as it stands in the file."""
        return asdict(self._ask_machine())

    @cached_property
    def path(self) -> Path:
        """The file; only versions have changed where nothing but its digest has."""
        machine = self.machine
        words = re.findall("[a-z0-9]+", f"{machine['cpu']} {machine['cores']} cores".lower())
        digest = hashlib.sha256(json.dumps([FORMAT, machine], sort_keys=True).encode())
        return self.folder / f"costs-{'-'.join(words)[:60]}-{digest.hexdigest()[:12]}.json"

    def get(self, kind: str, name: str) -> Numbers | None:
        """What is kept under a name, whichever process has measured it."""
        entry = self._entry(kind, name)
        return None if entry is None else {key: entry[key] for key in entry if key != DATE}

    def day(self, kind: str, name: str) -> date | None:
        """That on which it was measured."""
        entry = self._entry(kind, name)
        return None if entry is None else datetime.fromisoformat(entry[DATE]).date()

    def keep(self, kind: str, name: str, numbers: Numbers, most: int) -> None:
        """Writes numbers in place of older ones; of each kind the `most` that were measured last
        are kept."""
        entry: dict[str, Any] = {DATE: datetime.now(UTC).isoformat(timespec="seconds")}
        entry |= {key: _rounded(number) for key, number in numbers.items()}
        if not _is_entry(entry):
            return
        with self._lock:
            if self._usable:
                self._add(kind, name, entry, most)

    def _entry(self, kind: str, name: str) -> dict[str, Any] | None:
        with self._lock:
            try:
                self._refresh()
            except OSError:
                return None
            return self._kept.get(kind, {}).get(name)

    def _add(self, kind: str, name: str, entry: dict[str, Any], most: int) -> None:
        from filelock import FileLock, Timeout

        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(self.folder / "costs.lock", timeout=LOCK_SECONDS):
                self._version = None  # never trust a clock about what others have just written
                self._refresh()
                of_kind = self._kept.setdefault(kind, {})
                of_kind.pop(name, None)  # the last place is that of what was measured last
                of_kind[name] = entry
                for oldest in list(of_kind)[:-most]:
                    del of_kind[oldest]
                self._write()
        except Timeout:
            log.debug("another process holds the costs in %s", self.folder)
        except (OSError, NotImplementedError) as error:
            self._usable = False
            log.debug("no costs are kept in %s: %s", self.folder, error)

    def _refresh(self) -> None:
        """Reads the file where it has changed. Raises OSError where there is one, but it may not be
        read."""
        try:
            found = self.path.stat()
            version = (found.st_ino, found.st_size, found.st_mtime_ns)
            if version != self._version:
                self._kept = self._valid(self.path.read_bytes())
                self._version = version
        except FileNotFoundError:
            self._kept, self._version = {}, None

    def _valid(self, text: bytes) -> dict[str, dict[str, Any]]:
        """The entries by kind and name; none where the text is not what this class writes."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return {}
        if not isinstance(found, dict) or found.get("machine") != self.machine:
            return {}
        kinds = found.get("costs")
        if found.get("format") != FORMAT or not isinstance(kinds, dict):
            return {}
        return {
            kind: {name: entry for name, entry in entries.items() if _is_entry(entry)}
            for kind, entries in kinds.items()
            if isinstance(entries, dict)
        }

    def _write(self) -> None:
        """Puts a new file in place of the old one, so that readers see one or the other."""
        content = {"format": FORMAT, "machine": self.machine, "costs": self._kept}
        written = self.path.with_suffix(f".{os.getpid()}.tmp")
        self._version = None
        try:
            written.write_text(json.dumps(content, indent=1, allow_nan=False), encoding="utf-8")
            written.replace(self.path)
        finally:
            written.unlink(missing_ok=True)
        files = sorted(self.folder.glob("costs-*"), key=lambda file: file.stat().st_mtime_ns)
        for old in files[:-MOST_FILES]:
            old.unlink(missing_ok=True)


def _rounded(number: float) -> float:
    """To four digits: what is measured is not known better."""
    return number if isinstance(number, int) else float(f"{number:.4g}")


def _is_entry(entry: Any) -> bool:
    """Whether it is a date and numbers that costs can be."""
    try:
        datetime.fromisoformat(entry[DATE])
    except (TypeError, KeyError, ValueError):
        return False
    return all(
        isinstance(number, int | float) and not isinstance(number, bool) and 0 <= number <= MOST
        for key, number in entry.items()
        if key != DATE
    )
