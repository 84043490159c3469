"""Costs on disk: shared by processes, bounded, and never wrong, whatever is in the file."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from filelock import FileLock

from vqe.storage import cost_file
from vqe.storage.cost_file import MOST_FILES, CostFile, Machine
from vqe.storage.kept_costs import KeptCosts

MACHINE = Machine("Acme 9000 (R)", 2, {"torch": "2.9"})
NUMBERS = {"seconds_per_frame": 0.25, "cores": 2.0}


def opened(folder, machine=MACHINE):
    """What a process sees of the folder that has just begun."""
    return CostFile(folder, lambda: machine)


@pytest.fixture
def kept(tmp_path):
    """A file with one network in it."""
    file = opened(tmp_path)
    file.keep("network", "a", NUMBERS, most=10)
    return file


def test_another_process_knows_what_was_measured(tmp_path, kept):
    assert opened(tmp_path).get("network", "a") == NUMBERS
    assert opened(tmp_path).get("network", "b") is None
    assert opened(tmp_path).get("decode", "a") is None


def test_a_file_that_people_can_read(kept):
    content = json.loads(kept.path.read_text())
    assert kept.path.name.startswith("costs-acme-9000-r-2-cores-")
    assert content["machine"]["cpu"] == "Acme 9000 (R)"
    measured = datetime.fromisoformat(content["costs"]["network"]["a"]["measured"])
    assert datetime.now(UTC) - measured < timedelta(minutes=5)
    assert kept.day("network", "a") == measured.date()
    assert kept.day("network", "b") is None


def test_the_newer_measurement_counts(tmp_path, kept):
    other = opened(tmp_path)
    assert other.get("network", "a") == NUMBERS
    kept.keep("network", "a", {"seconds_per_frame": 0.0512345678, "cores": 1.0}, most=10)
    assert other.get("network", "a") == {"seconds_per_frame": 0.05123, "cores": 1.0}


def test_what_a_process_has_measured_goes_before_what_others_say(tmp_path, kept):
    mine, theirs = (KeptCosts("network", 10, opened(tmp_path)) for _ in range(2))
    assert mine.get("a") == NUMBERS
    mine.keep("a", {"seconds_per_frame": 1.0})
    theirs.keep("a", {"seconds_per_frame": 2.0})
    assert mine.get("a") == {"seconds_per_frame": 1.0}
    assert opened(tmp_path).get("network", "a") == {"seconds_per_frame": 2.0}


@pytest.mark.parametrize(
    "other",
    [
        Machine("Acme 9001", 2, {"torch": "2.9"}),
        Machine("Acme 9000 (R)", 4, {"torch": "2.9"}),
        Machine("Acme 9000 (R)", 2, {"torch": "2.10"}),
    ],
)
def test_another_machine_or_version_measures_anew(tmp_path, kept, other):
    elsewhere = opened(tmp_path, other)
    assert elsewhere.get("network", "a") is None
    elsewhere.keep("network", "a", {"seconds_per_frame": 7.0}, most=10)
    assert opened(tmp_path).get("network", "a") == NUMBERS
    assert opened(tmp_path, other).get("network", "a") == {"seconds_per_frame": 7.0}


def changed(text, **changes):
    return json.dumps(json.loads(text) | changes)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "\0" * len(text),
        lambda text: "[" * 100_000,
        lambda text: "[1, 2]",
        lambda text: '{"machine": 1}',
        lambda text: changed(text, format=0),
        lambda text: changed(text, machine={"cpu": "Acme 9001"}),
        lambda text: changed(text, costs=[]),
        lambda text: changed(text, costs={"network": ["a"]}),
    ],
)
def test_a_damaged_or_foreign_file_is_nothing_and_written_anew(tmp_path, kept, damage):
    kept.path.write_text(damage(kept.path.read_text()))
    for file in (kept, opened(tmp_path)):
        assert file.get("network", "a") is None
    kept.keep("network", "b", NUMBERS, most=10)
    assert opened(tmp_path).get("network", "b") == NUMBERS


def test_bytes_that_are_no_text_are_nothing(tmp_path, kept):
    kept.path.write_bytes(b"\xff\xfe\xfa\x80")
    assert opened(tmp_path).get("network", "a") is None


@pytest.mark.parametrize(
    "wrong",
    ["null", "3", "[]", '{"cores": 1}', '{"measured": 5}', '{"measured": "soon", "cores": 1}']
    + [
        f'{{"measured": "2026-01-01", "cores": {number}}}'
        for number in ("-1", "NaN", "Infinity", "1e999", "9" * 400, '"2"', "true", "null", "[1]")
    ],
)
def test_an_entry_that_is_none_is_left_out_and_the_others_stay(tmp_path, kept, wrong):
    text = kept.path.read_text().replace('"network": {', f'"network": {{"b": {wrong},')
    kept.path.write_text(text)
    assert opened(tmp_path).get("network", "b") is None
    assert opened(tmp_path).get("network", "a") == NUMBERS


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -1.0])
def test_what_can_be_no_cost_is_not_written(tmp_path, kept, number):
    kept.keep("network", "a", {"seconds_per_frame": number}, most=10)
    assert opened(tmp_path).get("network", "a") == NUMBERS


def test_the_oldest_go(tmp_path):
    file = opened(tmp_path)
    for name in ("a", "b", "c", "a", "d"):
        file.keep("network", name, NUMBERS, most=3)
        file.keep("decode", name, NUMBERS, most=10)
    left = {name for name in "abcd" if opened(tmp_path).get("network", name)}
    assert left == {"a", "c", "d"}
    assert all(opened(tmp_path).get("decode", name) for name in "abcd")


def test_files_of_machines_that_are_gone_go(tmp_path):
    for number in range(MOST_FILES + 3):
        machine = Machine("Acme", 2, {"torch": str(number)})
        opened(tmp_path, machine).keep("network", "a", NUMBERS, most=10)
    assert len(list(tmp_path.glob("costs-*"))) == MOST_FILES
    assert opened(tmp_path, machine).get("network", "a") == NUMBERS


def tells(caplog, file, numbers=NUMBERS):
    """What is logged while costs are kept twice."""
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    for _ in range(2):
        file.keep("network", "c", numbers, most=10)
    told = [record for record in caplog.records if record.name.startswith("vqe")]
    assert all(record.levelno == logging.DEBUG for record in told)
    return len(told)


def test_where_no_folder_can_be_there_is_only_memory(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        costs = KeptCosts("network", 10, opened(folder))
        assert costs.get("c") is None
        costs.keep("c", NUMBERS)
        assert costs.get("c") == NUMBERS
        assert tells(caplog, opened(folder)) == 1


@pytest.mark.parametrize("step", ["mkdir", "write_text", "replace"])
def test_where_nothing_can_be_written_nothing_is_kept(tmp_path, kept, monkeypatch, caplog, step):
    def refuse(*_, **__):
        raise PermissionError(13, "read-only")

    monkeypatch.setattr(Path, step, refuse)
    file = opened(tmp_path)
    assert tells(caplog, file) == 1
    assert file.get("network", "a") == NUMBERS
    assert not list(tmp_path.glob("*.tmp"))


def test_a_file_that_may_not_be_read_is_left_alone(tmp_path, kept, monkeypatch, caplog):
    before = kept.path.read_text()

    def refuse(*_):
        raise PermissionError(13, "not yours")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refuse)
        file = opened(tmp_path)
        assert file.get("network", "a") is None
        assert tells(caplog, file) == 1
    assert kept.path.read_text() == before


def test_who_holds_the_lock_for_long_keeps_nobody_waiting(tmp_path, kept, monkeypatch, caplog):
    monkeypatch.setattr(cost_file, "LOCK_SECONDS", 0.01)
    with FileLock(tmp_path / "costs.lock"):
        assert tells(caplog, kept) == 2
        assert opened(tmp_path).get("network", "a") == NUMBERS
    assert tells(caplog, kept) == 0
    assert opened(tmp_path).get("network", "c") == NUMBERS


WRITER = """
import sys
from pathlib import Path
from vqe.storage.cost_file import CostFile, Machine

folder, writer = Path(sys.argv[1]), sys.argv[2]
file = CostFile(folder, lambda: Machine("Acme", 2, {}))
print("ready", flush=True)
sys.stdin.readline()
for number in range(25):
    file.keep("network", f"{writer} {number}", {"cores": float(number)}, most=1000)
"""


def test_writers_at_once_lose_nothing_of_one_another(tmp_path):
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(writer)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for writer in range(2)
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.communicate("go\n", timeout=60)
        assert writer.returncode == 0
    file = opened(tmp_path, Machine("Acme", 2, {}))
    for writer in range(2):
        for number in range(25):
            assert file.get("network", f"{writer} {number}") == {"cores": float(number)}
    assert not list(tmp_path.glob("*.tmp"))
