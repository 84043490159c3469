"""Hooks of the whole suite."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

REQUIRE_DATA = "VQE_REQUIRE_DATA"
"""Set where the data folder is present: tests that need it then fail rather than skip."""

HOMES: pytest.StashKey[Iterator[str]] = pytest.StashKey()
"""Folders that do not exist yet."""


def pytest_configure(config: pytest.Config) -> None:
    """What tests keep for later processes goes into folders that go with the tests."""
    root = tempfile.TemporaryDirectory(prefix="vqe-tests-", ignore_cleanup_errors=True)
    config.add_cleanup(root.cleanup)
    config.stash[HOMES] = (os.path.join(root.name, str(n)) for n in itertools.count())
    environment = pytest.MonkeyPatch()
    config.add_cleanup(environment.undo)
    environment.setenv("VQE_HOME", next(config.stash[HOMES]))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test knows no costs that another one has measured."""
    os.environ["VQE_HOME"] = next(item.config.stash[HOMES])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of a test that needs the data into a failure, where data are required."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get(REQUIRE_DATA):
        # A skip is reported as path, line and reason.
        where, _, reason = report.longrepr if isinstance(report.longrepr, tuple) else ("", 0, "")
        if item.get_closest_marker("data") or Path(where).name == "data.py":
            report.outcome = "failed"
            report.longrepr = f"{REQUIRE_DATA} is set, but the test was skipped: {reason}"
    return report


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-snapshots",
        action="store_true",
        help="write plans of tests/snapshots and results in docs/language.md anew, to be reviewed",
    )
