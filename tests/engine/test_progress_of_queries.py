"""What the progress bar shows of real queries: one bar, which never goes back."""

from __future__ import annotations

import io

import pytest
from clips import Oracle, Visit, make_clip
from rich.console import Console

import vqe
from vqe import connection
from vqe.display import progress


@pytest.fixture
def steps(monkeypatch):
    """What the bars of all queries were at, and how far these had come, with each change."""
    steps = []

    class Recorded(progress.ProgressBar):
        def __init__(self, *, enabled):
            super().__init__(enabled=enabled, console=Console(file=io.StringIO()))

        def _show(self, count):
            super()._show(count)
            (task,) = self._bar.tasks
            steps.append((task.description, self._share.value))

    monkeypatch.setattr(connection, "ProgressBar", Recorded)
    return steps


def ascending(steps):
    known = [share for _, share in steps if share is not None]
    return known == sorted(known)


def test_of_a_video_that_is_scanned(connect, steps):
    connect(progress=True).sql("SELECT frames FROM clip WHERE contains('bus')").to_arrow_table()
    assert ascending(steps)
    assert {name for name, _ in steps} <= {"labelling", "scanning"}
    assert steps[-1] == ("scanning", progress.Share(known=True, done=1.0).value)


def test_of_a_refinement(tmp_path, steps):
    visits = [Visit(start, start + 100) for start in range(200, 3000, 300)]
    clip = make_clip(tmp_path / "long.mp4", 3000, size=(96, 80), gop=60, visits=visits)
    with vqe.connect(device="cpu", progress=True) as con:
        con.register_model("oracle", Oracle(clip, fingerprint="oracle", seconds=0.002))
        bounds = "FNR WITHIN 5% FDR WITHIN 5%"
        result = con.sql(f"SELECT frames FROM {clip.sql} WHERE contains('bus') {bounds}")
        result.to_arrow_table()
    assert result.profile.plan == "refinement"
    assert ascending(steps)
    labelling = [share for name, share in steps if name == "labelling"]
    assert labelling[0] is None
    assert labelling[-1] > 0.5  # what is foretold of it moves the bar


def test_of_a_pattern(tmp_path, steps):
    for name in "abc":
        clip = make_clip(tmp_path / f"{name}.mp4", 30, visits=[Visit(5, 20)])
    with vqe.connect(device="cpu", progress=True) as con:
        con.register_model("oracle", Oracle(clip))
        con.sql(f"SELECT frames FROM '{tmp_path}/*.mp4' WHERE contains('bus')").to_arrow_table()
    assert ascending(steps)
    assert [name for name in dict.fromkeys(name for name, _ in steps) if "scanning" in name] == [
        "1/3 scanning",
        "2/3 scanning",
        "3/3 scanning",
    ]
    assert {round(share, 3) for name, share in steps if "2/3" in name} >= {0.333, 0.667}
