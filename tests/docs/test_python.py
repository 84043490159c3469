"""docs/python.md: its examples run and print what it shows, and it leaves nothing out."""

from __future__ import annotations

import re
import shutil
from contextlib import redirect_stdout
from dataclasses import fields
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

import vqe
from vqe import errors
from vqe.config import Settings
from vqe.executor.profile import Profile, VideoProfile
from vqe.planner.cost import StagePrediction
from vqe.planner.decision import Alternative
from vqe.planner.shortfall import Shortfall
from vqe.runtime.metrics import StageMetrics

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "python.md"
TEXT = PAGE.read_text(encoding="utf-8")

EXAMPLE = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)
CODE = re.findall(r"```python\n(.*?)```|`([^`\n]+)`", TEXT, re.DOTALL)
NAMED = {word for block, inline in CODE for word in re.findall(r"\w+", block or inline)}


def test_examples_print_what_the_page_shows(
    crossing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    shutil.copy(crossing, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VQE_MODEL", raising=False)
    monkeypatch.setenv("COLUMNS", "110")
    names: dict[str, Any] = {}
    printed = []
    for code, _ in EXAMPLE.findall(TEXT):
        with redirect_stdout(StringIO()) as out:
            exec(code, names)
        printed.append(out.getvalue())
    if request.config.getoption("--update-snapshots"):
        left = iter(printed)
        PAGE.write_text(EXAMPLE.sub(lambda found: _with(found, next(left)), TEXT), "utf-8")
        return
    for (code, shown), text in zip(EXAMPLE.findall(TEXT), printed, strict=True):
        assert text == shown, code
    assert (tmp_path / "buses.png").stat().st_size > 1000


def _with(found: re.Match[str], printed: str) -> str:
    block = f"```python\n{found[1]}```\n"
    return f"{block}\n```text\n{printed}```\n" if printed else block


def test_no_block_is_left_out() -> None:
    shown = sum(1 for _, text in EXAMPLE.findall(TEXT) if text)
    assert TEXT.count("```") == 2 * (len(EXAMPLE.findall(TEXT)) + shown)


@pytest.mark.parametrize("kind", [vqe.Connection, vqe.Result, vqe.Cursor, Profile])
def test_every_public_name_is_there(kind: type) -> None:
    public = {name for name in vars(kind) if not name.startswith("_")}
    assert sorted(public - NAMED) == []


@pytest.mark.parametrize(
    "kind",
    [Settings, Profile, VideoProfile, StageMetrics, StagePrediction, Alternative, Shortfall],
)
def test_every_field_is_there(kind: Any) -> None:
    assert sorted({field.name for field in fields(kind)} - NAMED) == []


def test_every_setting_has_its_default_and_its_line_of_help() -> None:
    assert "docs/python.md" in (vqe.connect.__doc__ or "")
    for field in fields(Settings):
        assert re.search(rf"^ +{field.name}  ", vqe.connect.__doc__ or "", re.MULTILINE)
        default = repr(field.default).replace("'", '"')
        assert f"| `{field.name}` | `{default}` |" in TEXT


def test_it_names_no_attribute_that_does_not_exist() -> None:
    owners = {"con": vqe.Connection, "result": vqe.Result, "cursor": vqe.Cursor, "vqe": vqe}
    used = {
        (owner, name)
        for block, inline in CODE
        for owner, name in re.findall(r"\b(con|result|cursor|vqe)\.([a-z_A-Z]+)", block or inline)
    }
    known = {"settings", "query", "model", "fingerprint", "accuracy", "version", "measured"}
    assert len(used) > 20
    missing = {(owner, name) for owner, name in used if not hasattr(owners[owner], name)}
    assert {name for _, name in missing} <= known | {"display"}


def test_every_warning_is_there() -> None:
    warned = {
        n
        for n, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, Warning)
    }
    assert warned
    assert warned <= NAMED
