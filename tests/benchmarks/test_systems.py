"""Errors are counted in every reading."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.systems import Run, errors


def counts(tp: int, fn: int, fp: int, tn: int) -> dict[str, int]:
    names = ("true_positives", "false_negatives", "false_positives", "true_negatives")
    return dict(zip(names, (tp, fn, fp, tn), strict=True))


def test_every_reading_by_hand() -> None:
    truth, answer = np.zeros((2, 100), np.bool_)
    truth[:28] = True  # 28 of the first 30
    answer[:16] = True  # a majority of them, and no more
    answer[60:75] = True  # half of the third window, which is no majority
    found = errors(truth, answer, np.arange(100) * 100_000)
    assert found["frame"] == counts(16, 12, 15, 57)
    # Seconds 0 to 2 are true (the last with 8 of 10); 0 and 1 are answered, and 6 and half of 7.
    assert found["second"] == counts(2, 1, 1, 6)
    assert found["window majority"] == counts(1, 0, 0, 2)
    assert found["window 28 of 30"] == counts(0, 1, 0, 2)


@pytest.mark.parametrize("n", [10, 30, 59])
def test_the_rest_at_the_end_is_no_window(n: int) -> None:
    everywhere = np.ones(n, np.bool_)
    found = errors(everywhere, everywhere, np.arange(n) * 100_000)
    assert sum(found["window majority"].values()) == n // 30
    assert sum(found["frame"].values()) == n


def test_the_seconds_of_a_run_are_those_of_its_phases() -> None:
    nothing = np.zeros(1, np.bool_)
    run = Run("cold", "", nothing, {"a": 1.0, "b": 2.0, "c": 4.0}, ("a", "c"), 0.0, 0, 0)
    assert run.seconds == 7
    assert run.one_off_seconds == 5
