"""What work costs on this machine is kept for later connections and processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from clips import Oracle, Visit, make_clip

import vqe
from vqe import connection
from vqe.planner import calibration, refinement_cost, refining
from vqe.video.costs import measure

FRAMES = 600
SECONDS = 0.004
SQL = "SELECT frames FROM {clip} WHERE contains('bus')"


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("costs") / "long.mp4"
    return make_clip(path, FRAMES, size=(96, 80), gop=20, visits=[Visit(100, 300)])


@pytest.fixture
def measured(monkeypatch):
    """The files whose decoding was measured, which every query does that does not know it, however
    slow the machine is meanwhile."""
    files = []

    def measure_and_tell(index):
        files.append(index.path)
        return measure(index)

    monkeypatch.setattr(calibration, "measure", measure_and_tell)
    monkeypatch.setattr(refinement_cost, "MEASURING_SHARE", 100.0)
    monkeypatch.setattr(refining, "WORTHWHILE", 10.0)
    return files


def connect(clip, path=None, fingerprint="oracle"):
    con = vqe.connect(path, device="cpu", progress=False)
    con.register_model("oracle", Oracle(clip, fingerprint=fingerprint, seconds=SECONDS))
    return con


def run(clip, *args, **options):
    result = connect(clip, *args, **options).sql(SQL.format(clip=clip.sql))
    result.to_arrow_table()
    return result


def predicted(con, clip):
    """Seconds of all steps, as EXPLAIN tells them."""
    told = con.sql(f"EXPLAIN (FORMAT table) {SQL.format(clip=clip.sql)} EXACT")
    return told.to_arrow_table()["predicted_seconds"].to_pylist()


def home():
    return Path(os.environ["VQE_HOME"])


def kept_file():
    (file,) = home().glob("costs-*.json")
    return file


def kept_costs():
    return json.loads(kept_file().read_text())["costs"]


def plant(kind, **numbers):
    """Other numbers in place of those that were measured."""
    content = json.loads(kept_file().read_text())
    for entry in content["costs"][kind].values():
        entry.update(numbers)
    kept_file().write_text(json.dumps(content))


def network_seconds():
    (network,) = kept_costs()["network"].values()
    return network["seconds_per_frame"]


def test_a_later_connection_knows_them(clip, measured):
    assert predicted(connect(clip), clip) == [None, None]
    first = run(clip)
    assert len(measured) == 1
    later = connect(clip)
    decoding, asking = predicted(later, clip)
    assert 0 < decoding < 60
    assert asking == pytest.approx(FRAMES * network_seconds(), rel=0.01)
    second = later.sql(SQL.format(clip=clip.sql))
    assert second.to_arrow_table().num_rows == first.profile.rows
    assert len(measured) == 1
    assert second.profile.frames_decoded < first.profile.frames_decoded


def test_they_hold_for_a_copy_and_for_videos_of_the_same_size(clip, tmp_path, measured):
    run(clip)
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(clip.path.read_bytes())
    told = connect(clip).sql(f"EXPLAIN (FORMAT table) {SQL.format(clip=repr(str(copy)))}")
    assert None not in told.to_arrow_table()["predicted_seconds"].to_pylist()
    other = make_clip(tmp_path / "other.mp4", 60, size=(96, 80))
    assert [told is None for told in predicted(connect(clip), other)] == [True, False]
    larger = make_clip(tmp_path / "larger.mp4", 60, size=(128, 96))
    assert predicted(connect(clip), larger) == [None, None]


def test_explain_says_when_other_processes_have_measured_them(clip, measured):
    question = f"{SQL.format(clip=clip.sql)} EXACT"
    first = connect(clip)
    first.sql(SQL.format(clip=clip.sql)).to_arrow_table()
    assert "measured on" not in first.sql(question).explain()
    plant("network", measured="2026-01-31T23:00:00+00:00")
    plant("decode", measured="2026-02-01")
    later = connect(clip)
    told = later.sql(question)
    assert (
        "\n\nseconds by costs that were measured on 2026-01-31 and 2026-02-01\n" in told.explain()
    )
    (video,) = json.loads(told.explain("json"))["videos"]
    assert video["measured_on"] == ["2026-01-31", "2026-02-01"]
    later.sql(f"{SQL.format(clip=clip.sql)} AND frame < 400").to_arrow_table()
    assert "seconds by costs that were measured on 2026-02-01\n" in later.sql(question).explain()


@pytest.mark.parametrize("wrong", [10.0, 1e-6])
def test_a_price_that_has_changed_is_measured_anew_and_counts(clip, measured, wrong):
    run(clip)
    plant("network", seconds_per_frame=wrong)
    assert predicted(connect(clip), clip)[1] == pytest.approx(FRAMES * wrong)
    profile = run(clip).profile
    assert profile.plan == "refinement"
    (asking,) = (step for step in profile.predictions if step.name == "oracle")
    assert SECONDS <= asking.seconds / asking.frames_in < 1
    assert SECONDS <= network_seconds() < 1


def test_in_memory_nothing_is_read_and_nothing_written(clip, measured):
    run(clip, ":memory:")
    assert not home().exists()
    run(clip)
    before = kept_costs()
    assert predicted(connect(clip, ":memory:"), clip) == [None, None]
    run(clip, ":memory:")
    assert len(measured) == 3
    assert kept_costs() == before


def test_connecting_touches_nothing(clip, monkeypatch):
    def ask():
        raise AssertionError("the machine is not asked for before costs are")

    monkeypatch.setattr(connection, "this_machine", ask)
    connect(clip).close()
    assert not home().exists()


def test_where_nothing_can_be_kept_queries_run_as_ever(clip, tmp_path, monkeypatch, measured):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VQE_HOME", str(tmp_path / "file"))
    con = connect(clip)
    assert con.sql(SQL.format(clip=clip.sql)).to_arrow_table().num_rows
    assert None not in predicted(con, clip)
    assert predicted(connect(clip), clip) == [None, None]


def test_costs_of_a_model_that_may_be_another_one_tomorrow_are_not_kept(clip, measured):
    run(clip, fingerprint=None)
    assert list(kept_costs()) == ["decode"]


@pytest.mark.parametrize(("kind", "place"), [("decode", 0), ("network", 1)])
def test_numbers_of_other_names_are_no_costs(clip, measured, kind, place):
    run(clip)
    plant(kind, kernels=1.0)
    known = [seconds is not None for seconds in predicted(connect(clip), clip)]
    assert known == [place != 0, place != 1]


PROCESS = """
import json, sys
import vqe

def detect(frames):
    raise AssertionError("EXPLAIN asks nobody")

detect.fingerprint = "oracle"
con = vqe.connect(device="cpu")
con.register_model("oracle", detect, labels=("bus", "truck", "cat"))
told = con.sql("EXPLAIN (FORMAT table) " + sys.argv[1])
print(json.dumps(told.to_arrow_table()["predicted_seconds"].to_pylist()))
"""


def test_a_fresh_process_knows_them(clip, measured):
    run(clip)
    question = f"{SQL.format(clip=clip.sql)} EXACT"
    command = [sys.executable, "-c", PROCESS, question]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == predicted(connect(clip), clip)
    assert None not in json.loads(done.stdout)
