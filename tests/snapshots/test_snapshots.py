"""Plans are what they were when they were last reviewed, with costs that are always the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from clips import Clip, Oracle, Visit, make_clip
from snapshot import Snapshot, read, replace_plans

from vqe.catalog import Catalog
from vqe.config import Settings
from vqe.executor.explain_text import explanation_text
from vqe.optimizer.optimizer import RULES, optimize
from vqe.physical.cascade_scan import CascadeScanExec
from vqe.physical.operator import Operator
from vqe.physical.replan import ReplanExec
from vqe.plan.binder import Bound, bind
from vqe.plan.constants import moment_of
from vqe.plan.nodes import Node
from vqe.planner import cascade, preview
from vqe.planner.cost import NetworkCost
from vqe.planner.labeller import Labeller
from vqe.planner.planner import Planner
from vqe.planner.resources import Resources
from vqe.planner.visual_scan import VisualScan
from vqe.runtime.context import Context
from vqe.sql.parser import parse
from vqe.storage.store import Store
from vqe.video.costs import DecodeCosts

RECORDS = {
    f"{path.stem}: {record.title}": (path, record)
    for path in sorted(Path(__file__).parent.glob("*.txt"))
    for record in read(path)
}

SETTINGS = Settings(device="cpu", model="oracle", decode_threads=1)

DECODING = DecodeCosts(
    packet=1e-5, key=4e-3, other=2e-3, offered=1e-3, reference_share=0.5, seek=1e-2
)
NETWORK = NetworkCost(seconds_per_frame=0.05, cores=2.0)

SHORT = (Visit(10, 20), Visit(15, 30, "truck"), Visit(40, 45))
LONG = tuple(Visit(start, start + 60) for start in range(100, 1500, 200))


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Clip, Clip]:
    """`clip.mp4`, of six seconds, `day.mp4`, of two and a half minutes, and those of `yard`."""
    folder = tmp_path_factory.mktemp("snapshots")
    (folder / "yard").mkdir()
    for name, frames in (("east", 20), ("west", 45)):
        make_clip(folder / "yard" / f"{name}.mp4", frames, visits=SHORT, gop=20)
    return (
        make_clip(folder / "clip.mp4", 60, visits=SHORT, gop=20),
        make_clip(folder / "day.mp4", 1500, visits=LONG, gop=50, size=(96, 80)),
    )


@pytest.fixture
def catalog(clips: tuple[Clip, Clip], monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """The videos and their networks; what both cost is known, and always the same."""
    short, long = clips
    monkeypatch.chdir(short.path.parent)
    monkeypatch.setattr(VisualScan, "decode_costs", lambda *_: DECODING)
    monkeypatch.setattr(preview, "known_network_cost", lambda *_: NETWORK)
    monkeypatch.setattr(cascade, "known_network_cost", lambda *_: NETWORK)
    monkeypatch.setattr(Labeller, "cost", NETWORK)
    catalog = Catalog(SETTINGS)
    catalog.register_video("clip", "clip.mp4", moment_of("2024-05-01 08:00"))
    catalog.register_video("day", "day.mp4", None)
    catalog.register_model("oracle", Oracle(short, fingerprint="short"))
    catalog.register_model("guard", Oracle(long, fingerprint="long", seconds=0.002))
    return catalog


def plans_of(catalog: Catalog, sql: str) -> str:
    """All that is kept of a statement: what its plans say of themselves."""
    (statement,) = parse(sql)
    bound = bind(statement, catalog, None, default_model=SETTINGS.model)
    assert isinstance(bound, Bound)
    applied: list[str] = []
    plan = optimize(bound.plan, observer=lambda rule, *_: applied.append(rule))
    planner = Planner(Resources(Store(), catalog.network), Context(SETTINGS))
    parts = {
        "logical": repr(bound.plan),
        "optimized": repr(plan) + "".join(f"\n  {rule}" for rule in applied),
    }
    if bound.explain == "none":
        parts["physical"] = repr(planner.plan(plan).root)
    else:
        parts["explain"] = explanation_text(planner.preview(plan)).removeprefix(repr(plan)).strip()
    return "\n\n".join(f"--- {name}\n{text}" for name, text in parts.items())


@pytest.mark.parametrize(("path", "record"), RECORDS.values(), ids=RECORDS)
def test_plans_are_those_that_were_reviewed(
    path: Path, record: Snapshot, catalog: Catalog, request: pytest.FixtureRequest
) -> None:
    plans = plans_of(catalog, record.sql)
    if request.config.getoption("--update-snapshots"):
        replace_plans(path, record.title, plans)
    else:
        assert plans == record.plans


def test_records_have_titles_of_their_own() -> None:
    assert len(RECORDS) == sum(len(read(path)) for path in {path for path, _ in RECORDS.values()})
    assert len(RECORDS) >= 40


TEXT = "\n".join(record.plans for _, record in RECORDS.values())
WORDS = frozenset(re.findall(r"^[ │├└─]*(\w+)", TEXT, flags=re.MULTILINE))


@pytest.mark.parametrize("name", [rule.__name__ for rule in RULES])
def test_every_rule_has_something_to_do(name: str) -> None:
    assert name in WORDS


OPERATORS = [kind for kind in Operator.__subclasses__() if kind.__module__.startswith("vqe.")]


SHOWN_AS = {CascadeScanExec: "ReferenceScan"}
"""Without stages, that is, which no snapshot waits to be trained: nor is there a ReplanExec."""


@pytest.mark.parametrize("kind", [*Node.__args__, *(k for k in OPERATORS if k != ReplanExec)])
def test_every_node_and_operator_is_in_some_plan(kind: type) -> None:
    assert SHOWN_AS.get(kind, kind.__name__.removesuffix("Exec")) in WORDS
