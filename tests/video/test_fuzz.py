"""Thousands of damaged files: nothing crashes or hangs, and what is intact keeps its ordinal."""

from __future__ import annotations

import pytest
from fuzz import COUNTED, OPEN, THREADS, Child, fuzz
from fuzz_cases import CLIPS


def told(failures):
    return "\n".join(failures[:20])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def test_some_damaged_files(folder):
    summary = fuzz(folder, range(3 * len(CLIPS)))
    assert summary.hard == [], told(summary.hard)
    assert summary.files == 3 * len(CLIPS)
    assert summary.counts["files read"] > 0.6 * summary.files
    assert summary.counts["intact"] > 15 * summary.files


@pytest.mark.slow
def test_ten_thousand_damaged_files(folder):
    summary = fuzz(folder, range(10_000), seed=1)
    assert summary.hard == [], told(summary.hard)
    assert summary.files == 10_000
    counts = summary.counts
    assert counts["files read"] > 7500
    assert counts["intact"] > 175_000
    assert summary.share(COUNTED) == 0, told(summary.failures)
    assert summary.share(OPEN) < 0.001, told(summary.failures)
    assert summary.share(THREADS) < 0.005, told(summary.failures)
    # What is intact is not given up lightly, and what is wrong is mostly known to be.
    assert counts["intact but lost"] + counts["intact but doubtful"] < 0.08 * counts["intact"]
    assert summary.unmarked_share < 0.45


@pytest.mark.slow
def test_a_crash_and_a_hang_are_told_apart_from_failures(folder, monkeypatch):
    """The harness itself: a child that dies or sleeps is replaced, and its file is named."""
    monkeypatch.setattr("fuzz.SECONDS", 3.0)
    child = Child(folder, 0, [])
    try:
        child.process.kill()
        child.process.wait()
        (failure,), _ = child.examine(0)
        assert "SIGKILL" in failure
        first = child.process
        child.process.send_signal(19)  # stopped
        (failure,), _ = child.examine(1)
        assert "took more than 3.0 s" in failure
        assert child.process is not first
        monkeypatch.setattr("fuzz.SECONDS", 30.0)
        failures, counts = child.examine(2)
        assert isinstance(failures, list)
        assert counts
    finally:
        child.close()
