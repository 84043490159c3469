"""The files that a pattern such as 'cams/**/*.mp4' stands for."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from glob import escape, glob

from vqe.errors import VideoNotFoundError

SEPARATORS = re.escape(os.sep + (os.altsep or ""))


def is_pattern(path: str) -> bool:
    """Whether the path stands for the files that it matches: no file has that very name."""
    return any(c in path for c in "*?[") and not os.path.exists(path)


def files_of(pattern: str) -> list[str]:
    """The files of a pattern in the order of their names, at least one.

    A file that links give several names is there once: by the one in the fewest folders, and of
    those the first.
    """
    names: dict[str, str] = {}
    found = {path for path in _matches(pattern) if os.path.isfile(path)}
    for path in sorted(found, key=lambda path: (path.count(os.sep), path)):
        names.setdefault(os.path.realpath(path), path)
    if not names:
        raise VideoNotFoundError(f"no file matches '{pattern}'")
    return sorted(names.values())


def _matches(pattern: str) -> Iterator[str]:
    """As glob with `recursive`, which would go round in circles where links lead upwards."""
    stars = re.search(rf"(?:^|(?<=[{SEPARATORS}]))\*\*(?:[{SEPARATORS}]+|$)", pattern)
    if stars is None:
        yield from glob(pattern)
        return
    before, after = pattern[: stars.start()], pattern[stars.end() :]
    if stars[0] == "**":
        after = "*"  # nothing stands behind it: every file
    for top in glob(before) if before else [""]:
        for folder in _folders(top):
            yield from _matches(os.path.join(escape(folder), after))


def _folders(top: str) -> Iterator[str]:
    """The folder `top` and those below it that are not hidden, each once, the nearest first."""
    seen, waiting = set(), deque([top])
    while waiting:
        folder = waiting.popleft()
        place = os.path.realpath(folder)
        if place in seen or not os.path.isdir(place):
            continue
        seen.add(place)
        yield folder
        with suppress(OSError):  # glob passes over folders that it may not read, too
            names = sorted(name for name in os.listdir(place) if not name.startswith("."))
            waiting.extend(os.path.join(folder, name) for name in names)
