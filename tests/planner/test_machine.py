"""What costs are kept for: this machine, and what runs a network on it."""

from __future__ import annotations

import json
from dataclasses import asdict
from types import SimpleNamespace

import pytest
import torch
from clips import Oracle, make_clip

from vqe.models.load import load_reference
from vqe.planner import calibration, machine
from vqe.planner.calibration import keep_network_cost, known_network_cost
from vqe.planner.cost import NetworkCost
from vqe.runtime import context
from vqe.storage.store import Store

COST = NetworkCost(0.25, cores=2.0)


def test_the_machine_is_told_by_plain_values():
    told = asdict(machine.this_machine())
    assert told["cpu"]
    assert told["cores"] == context.usable_cores() >= 1
    assert sorted(told["versions"]) == ["FFmpeg", "av", "torch", "vqe"]
    assert told["versions"]["torch"] == torch.__version__
    assert json.loads(json.dumps(told)) == told


@pytest.mark.parametrize(
    ("told", "name"),
    [
        (
            "processor\t: 0\nmodel name\t: Acme 9000 @ 3 GHz\nflags\t\t: fpu\n\nprocessor\t: 1\n",
            "Acme 9000 @ 3 GHz",
        ),
        ("processor\t: 0\nCPU part\t: 0xd0c\n", "aarch64 0xd0c"),
        ("", "aarch64"),
    ],
)
def test_the_processor_is_known_by_its_model(monkeypatch, told, name):
    monkeypatch.setattr(machine.sys, "platform", "linux")
    monkeypatch.setattr(machine.platform, "processor", lambda: "")
    monkeypatch.setattr(machine.platform, "machine", lambda: "aarch64")
    monkeypatch.setattr(machine.Path, "read_text", lambda *_, **__: told)
    machine._cpu_name.cache_clear()
    assert machine.this_machine().cpu == name
    machine._cpu_name.cache_clear()


def test_cores_that_the_process_may_not_use_do_not_count(monkeypatch):
    monkeypatch.setattr(context.os, "sched_getaffinity", lambda _: {0, 5, 6}, raising=False)
    assert machine.this_machine().cores == 3


def test_a_network_on_a_gpu_is_known_by_its_name(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"Acme of {device}")
    machine.processor.cache_clear()
    assert machine.processor("cuda:1") == "Acme of cuda:1"
    assert machine.processor("cpu") == "cpu"
    machine.processor.cache_clear()


def scan(**changes):
    network = {"fingerprint": "f", "runtime": "torch 2.9, threads 2", "device": "cpu"}
    size = {"width": 1280, "height": 720}
    return SimpleNamespace(
        network=SimpleNamespace(**{k: changes.get(k, v) for k, v in network.items()}),
        index=SimpleNamespace(**{k: changes.get(k, v) for k, v in size.items()}),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"fingerprint": "g"},
        {"fingerprint": None},
        {"runtime": "torch 2.9, threads 1"},
        {"device": "cuda"},
        {"width": 1920},
        {"height": 1280},
    ],
)
def test_the_price_of_a_network_holds_for_what_runs_it_and_for_the_size(monkeypatch, changes):
    monkeypatch.setattr(calibration, "processor", lambda device: device)
    store = Store()
    keep_network_cost(scan(), store, COST)
    assert known_network_cost(scan(), store) == COST
    assert known_network_cost(scan(**changes), store) is None
    keep_network_cost(scan(**changes), store, NetworkCost(1.0, cores=1.0))
    assert known_network_cost(scan(), store) == COST


def test_what_was_not_measured_is_not_kept_anew(monkeypatch):
    store = Store()
    keep_network_cost(scan(), store, COST)
    monkeypatch.setattr(store.network_costs, "keep", lambda *_: pytest.fail("kept again"))
    keep_network_cost(scan(), store, COST)
    keep_network_cost(scan(), store, None)


def test_a_network_tells_its_runtime(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", 10)
    assert load_reference(Oracle(clip), device="cpu").runtime == "a function"
