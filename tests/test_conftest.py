from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

TESTS = """
    import pytest

    @pytest.mark.data
    def test_marked():
        pytest.skip("no clips")

    @pytest.mark.data
    @pytest.mark.skipif(True, reason="no detector")
    def test_condition():
        pass

    @pytest.mark.data
    @pytest.mark.xfail(reason="known")
    def test_known():
        raise AssertionError

    def test_other():
        pytest.skip("no GPU")
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest((Path(__file__).parent / "conftest.py").read_text())
    pytester.makeini("[pytest]\nmarkers = data: needs data\n")
    pytester.makepyfile(TESTS)
    return pytester


def test_skips_are_skips_where_data_are_not_required(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VQE_REQUIRE_DATA", raising=False)
    suite.runpytest().assert_outcomes(skipped=3, xfailed=1)


def test_skips_for_want_of_data_fail_where_data_are_required(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VQE_REQUIRE_DATA", "1")
    result = suite.runpytest()
    # A skip by condition is reported in the set-up, hence as an error.
    result.assert_outcomes(failed=1, errors=1, skipped=1, xfailed=1)
    result.stdout.fnmatch_lines(["*but the test was skipped: *no clips"])


def test_a_skip_in_the_data_module_counts_without_a_mark(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VQE_REQUIRE_DATA", "1")
    suite.makepyfile(
        data="import pytest\ndef video(): pytest.skip('absent')",
        test_it="import data\ndef test_it(): data.video()",
    )
    suite.runpytest("test_it.py").assert_outcomes(failed=1)
