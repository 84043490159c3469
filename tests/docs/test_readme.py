"""The examples of README.md run, in their order, beside a small video and a detector file."""

from __future__ import annotations

import re
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from vqe import errors

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


class RedIsABus(torch.nn.Module):
    """A detector with the output layout of YOLOv8 that takes reddish pictures for a bus."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        red = pictures[:, 0].mean((1, 2)) > pictures[:, 2].mean((1, 2)) + 0.01  # (N,)
        output = torch.zeros(pictures.shape[0], 84, 100)  # box and scores, by anchor
        output[:, :4] = 32.0
        output[:, 4 + 5, 0] = 0.9 * red  # class 5 of COCO
        return output


@pytest.fixture(scope="module")
def folder(crossing: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    shutil.copy(crossing, folder)
    (folder / "cams").mkdir()
    for name in ("east.mp4", "west.mp4"):
        shutil.copy(crossing, folder / "cams" / name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch advises against TorchScript
        traced = torch.jit.trace(RedIsABus(), torch.zeros(1, 3, 96, 128))  # type: ignore[no-untyped-call]
        traced.save(folder / "yolo11s.torchscript")
    return folder


def test_the_examples_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    first, *others = blocks("python")
    exec(first, names)
    for statement in re.sub("--.*", "", "".join(blocks("sql"))).split(";"):
        if statement.strip():
            names["con"].sql(statement).to_arrow_table()
    for block in others:
        exec(block, names)
    printed = capsys.readouterr().out
    assert "1 50 did you mean 'bus'?" in printed
    assert names["table"].num_rows == pytest.approx(120, abs=3)  # frames with the red rectangle


def test_no_example_is_left_out() -> None:
    assert README.count("```") == 2 * sum(len(blocks(name)) for name in ("python", "sql", "sh"))


def test_every_error_is_in_the_table() -> None:
    table = README[README.index("## Errors") : README.index("## Reference networks")]
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, errors.VqeError) and name != "VqeError":
            builtin = next(base for base in kind.__mro__ if base.__module__ == "builtins")
            assert f"| `{name}` | `{builtin.__name__}` |" in table
