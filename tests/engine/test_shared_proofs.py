"""Queries that prove the same answer at once: one of them draws, the others wait for it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from clips import Oracle, Visit, make_clip

import vqe
from vqe.planner import proving
from vqe.statistics.units import count_errors

FRAMES, FPS = 3000, 10
BOUND = 0.1
BOUNDS = "FNR WITHIN 10% FDR WITHIN 10% CONFIDENCE 90%"


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Five minutes, a half of them with a bus."""
    visits = [Visit(start, start + 200) for start in range(100, FRAMES - 300, 400)]
    path = tmp_path_factory.mktemp("shared") / "shared.mp4"
    return make_clip(path, FRAMES, size=(96, 80), gop=60, visits=visits)


class Asked(Oracle):
    """Tells when it is asked for the first time."""

    def __init__(self, clip, seconds=0.002):
        super().__init__(clip, fingerprint="oracle", seconds=seconds)
        self.begun = threading.Event()

    def __call__(self, frames):
        self.begun.set()
        return super().__call__(frames)


@pytest.fixture
def oracle(clip):
    return Asked(clip)


@pytest.fixture
def connections(oracle):
    """Makes connections that share one store."""
    first = vqe.connect(device="cpu")

    def connect():
        con = vqe.connect(device="cpu")
        con._store = first._store
        con.register_model("oracle", oracle)
        return con

    return connect


def ask(con, clip, end=BOUNDS):
    return con.sql(f"SELECT FRAMES FROM {clip.sql} WHERE contains('bus') {end}")


@pytest.fixture(scope="module")
def alone(clip):
    """What the answer takes where nobody else asks."""
    oracle = Asked(clip)
    con = vqe.connect(device="cpu")
    con.register_model("oracle", oracle)
    result = ask(con, clip)
    return oracle, result, result.to_arrow_table()


def together(*results):
    """The tables of results that begin at the same moment."""
    start = threading.Barrier(len(results))

    def run(result):
        start.wait(30)
        return result.to_arrow_table()

    with ThreadPoolExecutor(len(results)) as pool:
        return [done.result(120) for done in [pool.submit(run, result) for result in results]]


def fnr_and_fdr(clip, table):
    answer = np.isin(np.arange(FRAMES), table["frame"].to_numpy())
    found = count_errors(clip.present("bus"), answer, np.arange(FRAMES) // FPS)
    return found.fnr, found.fdr


def test_one_draws_and_the_others_wait(clip, oracle, connections, alone):
    results = [ask(connections(), clip) for _ in range(3)]
    tables = together(*results)
    asked, result, table = alone
    assert sorted(oracle.frames_seen) == sorted(asked.frames_seen)
    calls = sorted(r.profile.reference_calls for r in results)
    assert calls == [0, 0, len(oracle.frames_seen)]
    assert all(r.profile.certificate == result.profile.certificate for r in results)
    assert result.profile.certificate.drawn > 0
    assert [t["frame"] for t in tables] == [table["frame"]] * 3


@pytest.mark.slow
def test_one_proof_for_two_confidences(clip, oracle, connections):
    """Whichever comes second goes on with the draws of the first, and asks about no frame again."""
    higher = BOUNDS.replace("90%", "99%")
    results = [ask(connections(), clip, end) for end in (BOUNDS, higher)]
    tables = together(*results)
    assert len(oracle.frames_seen) == len(set(oracle.frames_seen))
    for result, table, confidence in zip(results, tables, (0.9, 0.99), strict=True):
        certificate = result.profile.certificate
        assert certificate.confidence == confidence
        assert max(fnr_and_fdr(clip, table)) <= BOUND
    first, second = (result.profile.certificate for result in results)
    assert first.settled == second.settled
    assert first.units == second.units


def proving_and_waiting(pool, oracle, first, second):
    """The tables to come of a result that is at work on a proof, and of one that waits for it."""
    proving = pool.submit(first.to_arrow_table)
    assert oracle.begun.wait(30)
    waiting = pool.submit(second.to_arrow_table)
    time.sleep(0.3)
    return proving, waiting


@pytest.mark.slow
def test_who_waits_takes_over_where_the_first_one_gives_up(clip, oracle, connections, alone):
    first, second = (ask(connections(), clip) for _ in range(2))
    with ThreadPoolExecutor(2) as pool:
        cancelled, waiting = proving_and_waiting(pool, oracle, first, second)
        first.cancel()
        with pytest.raises(vqe.QueryCancelledError):
            cancelled.result(60)
        table = waiting.result(60)
    assert second.profile.certificate is not None
    assert table["frame"] == alone[2]["frame"]
    assert len(oracle.frames_seen) == len(set(oracle.frames_seen))


def test_who_waits_can_be_cancelled(clip, oracle, connections):
    oracle.seconds = 0.01
    first, second = (ask(connections(), clip) for _ in range(2))
    with ThreadPoolExecutor(2) as pool:
        proving, waiting = proving_and_waiting(pool, oracle, first, second)
        second.cancel()
        with pytest.raises(vqe.QueryCancelledError):
            waiting.result(2)
        assert not proving.done()
        first.cancel()
        with pytest.raises(vqe.QueryCancelledError):
            proving.result(60)


def test_a_deadline_is_not_waited_away(clip, oracle, connections):
    """The proof of another query takes longer than the deadline of this one."""
    oracle.seconds = 0.02
    first = ask(connections(), clip)
    second = ask(connections(), clip, f"{BOUNDS} DEADLINE INTERVAL '1 second'")
    with ThreadPoolExecutor(1) as pool:
        proving = pool.submit(first.to_arrow_table)
        assert oracle.begun.wait(30)
        clock = time.perf_counter()
        with pytest.warns(vqe.AccuracyWarning, match="DEADLINE INTERVAL '1 second' ended"):
            table = second.to_arrow_table()
        seconds = time.perf_counter() - clock
        assert not proving.done()
        assert seconds < 3
        # What the other one had labelled by then is used.
        assert second.profile.shortfall.labels > second.profile.reference_calls
        assert set(table["decided_by"].to_pylist()) <= {"cache", "fill", "reference"}
        first.cancel()
        with pytest.raises(vqe.QueryCancelledError):
            proving.result(60)


@pytest.mark.slow
def test_no_answer_comes_from_two_draws(clip, oracle, connections, monkeypatch):
    """All queries hold their plans against the units of one proof, in its order."""
    proofs = []

    class Noted(proving.Certifying):
        def __init__(self, scan, proof, labeller):
            proofs.append(proof)
            super().__init__(scan, proof, labeller)

    monkeypatch.setattr(proving, "Certifying", Noted)
    ends = (BOUNDS, BOUNDS.replace("90%", "95%"), BOUNDS.replace("90%", "99%"))
    results = [ask(connections(), clip, end) for end in ends]
    together(*results)
    assert len(proofs) == 3
    assert {id(proof) for proof in proofs} == {id(proofs[0])}
    drawn = sorted(result.profile.certificate.drawn for result in results)
    assert drawn[-1] == len(proofs[0].truths)
    assert len(set(proofs[0].order.tolist())) == len(proofs[0].order)
