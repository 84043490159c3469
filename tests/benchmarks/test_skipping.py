"""Frame skipping takes the longest stride that may be, and decodes what it needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clips import Visit, make_clip

from benchmarks.skipping import held, longest_stride, run
from benchmarks.systems import Task
from vqe.video.indexing import build_index

FPS = 10


def rates(truth, answer, timestamps_us):
    """FNR and FDR per window of a second, counted one by one; 0 where there is nothing to count."""
    missed = found = false = 0
    for second in range(timestamps_us[-1] // 1_000_000 + 1):
        inside = [i for i, time in enumerate(timestamps_us) if time // 1_000_000 == second]
        if not inside:
            continue
        present, answered = (
            2 * sum(each[i] for i in inside) > len(inside) for each in (truth, answer)
        )
        missed += present and not answered
        found += present and answered
        false += answered and not present
    return missed / max(missed + found, 1), false / max(false + found, 1)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("fnr", "fdr"), [(0.0, 0.0), (0.05, 0.05), (0.2, 0.0), (0.0, 0.2)])
def test_the_stride_is_the_longest_within_the_bounds(seed: int, fnr: float, fdr: float) -> None:
    rng = np.random.default_rng(seed)
    changes = rng.random(500) < 0.03
    truth = (np.cumsum(changes) + seed) % 2 == 1
    timestamps_us = np.arange(500) * 1_000_000 // FPS
    expected = 1
    for step in range(1, 10 * FPS + 1):
        answer = [truth[i // step * step] for i in range(500)]
        np.testing.assert_array_equal(held(truth, step), answer)
        missed, false = rates(truth, answer, timestamps_us)
        if missed <= fnr and false <= fdr:
            expected = step
    assert longest_stride(truth, timestamps_us, fnr=fnr, fdr=fdr) == expected


@pytest.mark.parametrize("present", [False, True])
def test_rates_with_nothing_to_count_are_met(present: bool) -> None:
    times = np.arange(500) * 1_000_000 // FPS
    assert longest_stride(np.full(500, present), times, fnr=0.0, fdr=0.0) == 10 * FPS
    assert longest_stride(np.full(7, present), times[:7], fnr=0.0, fdr=0.0) == 7


def test_it_decodes_and_charges_what_it_uses(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", 120, fps=FPS, size=(64, 48), visits=[Visit(40, 80)])
    truth = clip.present("bus")
    task = Task(build_index(str(clip.path)), truth, call_seconds=0.5, threads=2, seed=0)
    done = run(task, fnr=0.0, fdr=0.0)
    assert done.details["stride"] == 42  # of seconds, less than a half may be wrong
    np.testing.assert_array_equal(done.answer, held(truth, 42))
    assert done.calls == 3 <= done.decoded < 120
    assert done.charged == done.phases["reference network"] == 1.5
    assert done.seconds == pytest.approx(1.5 + done.phases["decoding"])
    assert done.phases["decoding"] > 0
    assert done.one_off_seconds == 0
    assert done.timed(0.25).in_memory_seconds == 0.75
    elsewhere = replace(task, overlaps=True, index_seconds=0.125)
    done = run(elsewhere, fnr=0.0, fdr=0.0)
    assert done.seconds == pytest.approx(0.125 + 1.5)  # the network takes longer than decoding
    assert done.charged == done.phases["reference network"] == 1.5 - done.phases["decoding"]
    assert done.one_off_seconds == 0.125
    done = run(replace(elsewhere, call_seconds=0.0), fnr=0.0, fdr=0.0)
    assert done.charged == 0
    assert done.seconds == pytest.approx(0.125 + done.phases["decoding"])
