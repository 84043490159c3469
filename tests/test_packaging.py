from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path

import vqe

ROOT = Path(__file__).parent.parent


def test_every_package_is_shipped() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    found = ROOT.glob("vqe/**/__init__.py")
    present = {".".join(init.parent.relative_to(ROOT).parts) for init in found}
    assert set(declared["packages"]) == present | {"vqe", "vqe.grammar"}


def test_the_grammar_is_found() -> None:
    assert "start:" in (files("vqe.grammar") / "vqe.lark").read_text()


def test_the_version_is_said_once_to_pip_and_once_to_python() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == (
        vqe.__version__
    )
