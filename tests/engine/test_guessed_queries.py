"""Queries of which a proxy rules out a part of the grid."""

from __future__ import annotations

import numpy as np
import pytest
from clips import Oracle, Visit, make_clip

import vqe
from vqe.planner.refining import Refining
from vqe.statistics.units import count_errors

FRAMES, FPS, GOP = 8000, 10, 20
QUESTION = "WHERE contains('bus') FNR WITHIN 2% FDR WITHIN 2%"


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Thirteen minutes with ten visits of 12 seconds."""
    visits = [Visit(start, start + 120) for start in range(300, FRAMES, 800)]
    path = tmp_path_factory.mktemp("guessed") / "long.mp4"
    return make_clip(path, FRAMES, size=(96, 80), gop=GOP, visits=visits)


@pytest.fixture
def ask(clip, monkeypatch):
    """Asks on a new connection; decoding counts for nothing, however busy the machine."""
    monkeypatch.setattr(Refining, "_worth_guessing", lambda self, decoding: True)

    def ask(**settings):
        oracle = Oracle(clip, fingerprint="oracle", seconds=0.001)
        con = vqe.connect(device="cpu", **settings)
        con.register_model("oracle", oracle)
        result = con.sql(f"SELECT frames FROM {clip.sql} {QUESTION}")
        return oracle, con, result, result.to_arrow_table()

    return ask


@pytest.mark.slow
def test_a_part_of_the_grid_is_not_asked_about(clip, ask):
    oracle, con, result, table = ask()
    asked, grid = set(oracle.frames_seen), set(range(0, FRAMES, GOP))
    assert result.profile.plan == "refinement", result.profile.alternatives
    assert len(grid - asked) > 0.4 * len(grid)
    assert f"{len(grid - asked):,} of them guessed" in result.profile.reason
    answer = np.isin(np.arange(FRAMES), table["frame"].to_numpy())
    found = count_errors(clip.present("bus"), answer, np.arange(FRAMES) // FPS)
    assert max(found.fnr, found.fdr) <= 0.02
    assert set(table["decided_by"].to_pylist()) == {"reference", "fill"}
    again = con.sql(f"SELECT frames FROM {clip.sql} {QUESTION}")
    assert again.to_arrow_table()["frame"] == table["frame"]
    assert set(oracle.frames_seen) == asked


def test_what_is_nearly_always_there_is_guessed_to_be_there(clip, monkeypatch):
    """The detector that finds a bus wherever there is none."""
    inner = Oracle(clip, seconds=0.001)

    def mirrored(frames):
        buses = [any(label == "bus" for label, *_ in found) for found in inner(frames)]
        return [[] if there else [("bus", 0.9, 0, 0, 9, 9)] for there in buses]

    mirrored.fingerprint = "mirrored"
    con = vqe.connect(device="cpu")
    con.register_model("mirrored", mirrored, labels=inner.labels)
    monkeypatch.setattr(Refining, "_worth_guessing", lambda self, decoding: True)
    result = con.sql(f"SELECT frames FROM {clip.sql} {QUESTION}")
    table = result.to_arrow_table()
    answer = np.isin(np.arange(FRAMES), table["frame"].to_numpy())
    found = count_errors(~clip.present("bus"), answer, np.arange(FRAMES) // FPS)
    assert max(found.fnr, found.fdr) <= 0.02
    guessed = [row["frame"] for row in table.to_pylist() if row["decided_by"] == "specialized"]
    assert len(guessed) > 0.4 * FRAMES / GOP
    assert not set(guessed) & set(inner.frames_seen)


def test_a_fast_network_is_asked_about_all_of_the_grid(clip):
    oracle = Oracle(clip, seconds=0.0005)
    con = vqe.connect(device="cpu")
    con.register_model("oracle", oracle)
    con.sql(f"SELECT frames FROM {clip.sql} {QUESTION}").to_arrow_table()
    assert set(range(0, FRAMES, GOP)) <= set(oracle.frames_seen)


@pytest.mark.slow
def test_the_number_of_threads_changes_nothing(ask):
    tables = [ask(decode_threads=threads)[-1] for threads in (1, 3)]
    assert tables[0] == tables[1]
