"""A clip of twelve seconds with three visits, and a connection that knows it and its oracle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from clips import Clip, Oracle, Visit, make_clip

import vqe

VISITS = (Visit(20, 45), Visit(50, 70, "truck"), Visit(80, 95))


@pytest.fixture(autouse=True)
def no_model_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VQE_MODEL", raising=False)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    path = tmp_path_factory.mktemp("engine") / "clip.mp4"
    return make_clip(path, 120, visits=VISITS, b_frames=2, start_ms=700)


@pytest.fixture
def oracle(clip: Clip) -> Oracle:
    return Oracle(clip)


@pytest.fixture
def connect(clip: Clip, oracle: Oracle) -> Iterator[Callable[..., vqe.Connection]]:
    """Makes connections that know the clip as `clip` and the oracle as `oracle`."""
    made: list[vqe.Connection] = []

    def connect(**settings: Any) -> vqe.Connection:
        con = vqe.connect(device="cpu", **settings)
        made.append(con)
        con.register("clip", str(clip.path))
        con.register_model("oracle", oracle)
        return con

    yield connect
    for con in made:
        con.close()


@pytest.fixture
def con(connect: Callable[..., vqe.Connection]) -> vqe.Connection:
    return connect()
