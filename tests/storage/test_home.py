"""Where vqe keeps what later processes may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from vqe.storage.home import home_folder

NAMES = ("VQE_HOME", "XDG_CACHE_HOME", "LOCALAPPDATA")


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {"VQE_HOME": "/there"}, "/there"),
        ("darwin", {"VQE_HOME": "~/there"}, "/home/me/there"),
        ("linux", {"VQE_HOME": "", "XDG_CACHE_HOME": "/caches"}, "/caches/vqe"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "/home/me/.cache/vqe"),
        ("linux", {}, "/home/me/.cache/vqe"),
        ("darwin", {"XDG_CACHE_HOME": "/caches"}, "/home/me/Library/Caches/vqe"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/vqe"),
        ("win32", {}, "/home/me/AppData/Local/vqe"),
    ],
)
def test_the_folder(monkeypatch, platform, environment, folder):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in (environment | {"HOME": "/home/me"}).items():
        monkeypatch.setenv(name, value)
    assert home_folder(platform) == Path(folder)


def test_who_has_no_home_has_no_folder(monkeypatch):
    def homeless(*_):
        raise RuntimeError("Could not determine home directory.")

    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert home_folder("linux") is None
    monkeypatch.setenv("VQE_HOME", "/there")
    assert home_folder("linux") == Path("/there")


def test_a_relative_folder_stays_where_it_was(monkeypatch, tmp_path):
    monkeypatch.setenv("VQE_HOME", "home")
    monkeypatch.chdir(tmp_path)
    assert home_folder() == tmp_path / "home"
