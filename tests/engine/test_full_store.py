"""A store that is full, or gives labels up for others, costs a query no second call."""

from __future__ import annotations

from collections import Counter

import pytest
from clips import Oracle

import vqe


@pytest.mark.parametrize("fingerprint", ["full", None])
@pytest.mark.parametrize("quota_bytes", [0, 500])
@pytest.mark.parametrize("accuracy", ["EXACT", ""])
def test_no_frame_is_asked_about_twice(clip, fingerprint, quota_bytes, accuracy):
    oracle = Oracle(clip, fingerprint=fingerprint) if fingerprint else Oracle(clip)
    sql = "SELECT frame, objects('bus') AS n FROM clip WHERE contains('bus') " + accuracy
    with vqe.connect(device="cpu") as con:
        con._store.quota_bytes = quota_bytes
        con.register("clip", str(clip.path))
        table = con.sql(sql, model=oracle).to_arrow_table()
    assert table["frame"].to_pylist() == [*range(20, 45), *range(80, 95)]
    assert set(table["n"].to_pylist()) == {1}
    assert max(Counter(oracle.frames_seen).values()) == 1


def test_labels_that_another_query_drives_out_stay_with_the_one_that_runs(clip):
    with vqe.connect(device="cpu") as con:
        con._store.quota_bytes = 1000
        con.register("clip", str(clip.path))
        oracle, other = Oracle(clip, fingerprint="one"), Oracle(clip, fingerprint="other")
        sql = "SELECT frame, objects('bus') AS n FROM clip WHERE contains('bus') EXACT"
        batches = iter(con.sql(sql, model=oracle))
        frames = next(batches)["frame"].to_pylist()
        con.sql(sql, model=other).to_arrow_table()
        frames += [frame for batch in batches for frame in batch["frame"].to_pylist()]
    assert frames == [*range(20, 45), *range(80, 95)]
    assert max(Counter(oracle.frames_seen).values()) == 1
