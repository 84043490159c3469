"""Errors are counted in every reading."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.systems import Run, errors, window_truth


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
    # Those of frames 0, 30, 60, and 90: what lies before the first and after the last is absent.
    assert found["window 28 of 30"] == counts(0, 0, 0, 4)


def test_released_windows_lie_around_one_frame_in_thirty() -> None:
    truth, answer = np.zeros((2, 100), np.bool_)
    truth[15:43] = True  # 28 of the 30 around frame 30
    answer[15:42] = True
    answer[46:75] = True
    found = errors(truth, answer, np.arange(100) * 100_000)
    assert found["window 28 of 30"] == counts(0, 1, 1, 2)


@pytest.mark.parametrize("n", [29, 600, 1010])
def test_who_is_right_has_no_errors_in_released_windows(n: int) -> None:
    truth = (np.arange(n) + 7) % 160 < 90
    times = np.arange(n) * 100_000
    windows = window_truth(truth)
    # A cascade that is always right: its decision on one frame in 30 holds for all 30.
    held = windows.repeat(30)[:n]
    found = errors(truth, held, times, windows)
    positive = int(windows.sum())
    assert found["window 28 of 30"] == counts(positive, 0, 0, -(-n // 30) - positive)
    # Its frames cannot be right at the ends of visits, nor could it be told by them.
    if n > 30:
        assert found["frame"]["false_negatives"] > 0
        assert errors(truth, held, times)["window 28 of 30"] != found["window 28 of 30"]
    assert errors(truth, truth, times)["window 28 of 30"] == found["window 28 of 30"]
    wrong = errors(truth, truth, times, ~windows)["window 28 of 30"]
    assert wrong == counts(0, positive, -(-n // 30) - positive, 0)


@pytest.mark.parametrize("n", [10, 30, 59])
def test_the_rest_at_the_end_has_no_majority(n: int) -> None:
    everywhere = np.ones(n, np.bool_)
    found = errors(everywhere, everywhere, np.arange(n) * 100_000)
    assert sum(found["window majority"].values()) == n // 30
    assert sum(found["window 28 of 30"].values()) == -(-n // 30)
    assert sum(found["frame"].values()) == n


def test_the_seconds_of_a_run_are_those_of_its_phases() -> None:
    nothing = np.zeros(1, np.bool_)
    run = Run("cold", "", nothing, {"a": 1.0, "b": 2.0, "c": 4.0}, ("a", "c"), 0.0, 0, 0)
    assert run.seconds == 7
    assert run.one_off_seconds == 5
