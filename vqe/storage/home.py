"""The folder for what later processes may use."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def home_folder(platform: str = sys.platform) -> Path | None:
    """`VQE_HOME`, or else vqe's own in the platform's folder for caches; None where there is none.

    It need not exist yet.
    """
    chosen = os.environ.get("VQE_HOME")
    try:
        folder = Path(chosen).expanduser() if chosen else _caches(platform) / "vqe"
        return folder.absolute()
    except (OSError, RuntimeError):  # this user has no home, or works in a folder that is gone
        return None


def _caches(platform: str) -> Path:
    if platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) if local else Path.home() / "AppData" / "Local"
    if platform == "darwin":
        return Path.home() / "Library" / "Caches"
    # A path that is not absolute does not count, says the XDG Base Directory Specification.
    caches = os.environ.get("XDG_CACHE_HOME", "")
    return Path(caches) if os.path.isabs(caches) else Path.home() / ".cache"
