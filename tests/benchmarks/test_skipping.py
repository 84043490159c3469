"""Frame skipping takes the longest stride that may be, and decodes what it needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clips import Visit, make_clip

from benchmarks.skipping import Skipping, longest_stride, run
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


def by_hand(truth, step: int, offset: int, centred: bool):
    """The answer frame by frame."""
    asked = list(range(offset, len(truth), step))
    answer = []
    for i in range(len(truth)):
        if centred:
            # Of two frames as near, the later one.
            near = min(asked, key=lambda a: (abs(a - i), -a))
        else:
            near = max((a for a in asked if a <= i), default=offset)
        answer.append(truth[near])
    return np.array(answer)


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize(("step", "offset"), [(1, 0), (2, 1), (5, 0), (5, 3), (8, 7), (40, 20)])
def test_answers_hold_around_or_behind(step: int, offset: int, centred: bool) -> None:
    truth = np.random.default_rng(step).random(97) < 0.5
    found = Skipping(step, offset, centred).answer(truth)
    np.testing.assert_array_equal(found, by_hand(truth, step, offset, centred))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("fnr", "fdr"), [(0.0, 0.0), (0.05, 0.05), (0.2, 0.0), (0.0, 0.2)])
def test_the_stride_is_the_longest_within_the_bounds(seed: int, fnr: float, fdr: float) -> None:
    rng = np.random.default_rng(seed)
    changes = rng.random(300) < 0.03
    truth = (np.cumsum(changes) + seed) % 2 == 1
    timestamps_us = np.arange(300) * 1_000_000 // FPS

    def within(step: int) -> bool:
        for offset in range(step):
            for centred in (True, False):
                answer = Skipping(step, offset, centred).answer(truth)
                missed, false = rates(truth, answer, timestamps_us)
                if missed <= fnr and false <= fdr:
                    return True
        return False

    chosen = longest_stride(truth, timestamps_us, fnr=fnr, fdr=fdr)
    missed, false = rates(truth, chosen.answer(truth), timestamps_us)
    assert missed <= fnr
    assert false <= fdr
    assert not any(within(step) for step in range(chosen.step + 1, chosen.step + 6))


@pytest.mark.parametrize("present", [False, True])
def test_rates_with_nothing_to_count_are_met(present: bool) -> None:
    times = np.arange(500) * 1_000_000 // FPS
    assert longest_stride(np.full(500, present), times, fnr=0.0, fdr=0.0).step == 10 * FPS
    assert longest_stride(np.full(7, present), times[:7], fnr=0.0, fdr=0.0).step == 7


def test_where_no_stride_does_every_frame_is_asked() -> None:
    truth = np.arange(200) % 2 == 0
    chosen = longest_stride(truth, np.arange(200) * 1_000_000, fnr=0.0, fdr=0.0)
    assert chosen == Skipping(1, 0, False)
    assert "no longer stride" in chosen.name


def test_it_decodes_and_charges_what_it_uses(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", 120, fps=FPS, size=(64, 48), visits=[Visit(40, 80)])
    truth = clip.present("bus")
    task = Task(build_index(str(clip.path)), truth, call_seconds=0.5, threads=2, seed=0)
    done = run(task, fnr=0.0, fdr=0.0)
    chosen = Skipping(**{{"stride": "step"}.get(k, k): v for k, v in done.details.items()})
    assert chosen.step > 42  # what holds on only has to begin within half a second of the visit
    np.testing.assert_array_equal(done.answer, chosen.answer(truth))
    assert done.calls == len(range(chosen.offset, 120, chosen.step)) <= done.decoded
    charged = 0.5 * done.calls
    assert done.charged == done.phases["reference network"] == charged
    assert done.seconds == pytest.approx(charged + done.phases["decoding"])
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
