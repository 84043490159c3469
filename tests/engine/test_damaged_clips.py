"""A damaged file: all rows of readable frames, then an error that names the lost ones."""

from __future__ import annotations

import av
import pytest
from clips import Oracle, Visit, make_clip
from probes import is_open

import vqe


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    visits = [Visit(10, 30), Visit(35, 60)]
    clip = make_clip(tmp_path_factory.mktemp("damaged") / "clip.mp4", 80, gop=10, visits=visits)
    with av.open(str(clip.path)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    content = bytearray(clip.path.read_bytes())
    for position, size in packets[40:45]:
        content[position : position + size] = bytes(size)
    clip.path.write_bytes(content)
    return clip


def run(con, clip, rest):
    """The frames that a query delivers, and the error at its end."""
    frames = []
    result = con.sql(f"SELECT FRAMES FROM {clip.sql} WHERE contains('bus') {rest}")
    try:
        for batch in result:
            frames += batch["frame"].to_pylist()
    except vqe.DamagedVideoError as error:
        return frames, error
    return frames, None


@pytest.mark.parametrize("accuracy", ["EXACT", ""])
def test_rows_then_the_error(damaged, accuracy):
    oracle = Oracle(damaged)
    con = vqe.connect(device="cpu")
    con.register_model("oracle", oracle)
    frames, error = run(con, damaged, accuracy)
    assert isinstance(error, OSError)
    lost = {i for start, stop in error.lost for i in range(start, stop)}
    assert set(range(40, 45)) <= lost <= set(range(40, 50))
    assert frames == [i for i in [*range(10, 30), *range(35, 60)] if i not in lost]
    start, stop = error.lost[0]
    assert f"{start}–{stop - 1}" in str(error)
    assert f"{len(lost)} frames" in str(error)
    assert not is_open(damaged.path)


def test_no_error_where_nothing_was_lost(damaged):
    con = vqe.connect(device="cpu")
    con.register_model("oracle", Oracle(damaged))
    assert run(con, damaged, "AND frame < 40 EXACT") == ([*range(10, 30), *range(35, 40)], None)
    assert run(con, damaged, "LIMIT 5 EXACT") == ([10, 11, 12, 13, 14], None)


def test_materialising_raises_as_well(damaged):
    con = vqe.connect(device="cpu")
    con.register_model("oracle", Oracle(damaged))
    result = con.sql(f"SELECT FRAMES FROM {damaged.sql} WHERE contains('bus') EXACT")
    with pytest.raises(vqe.DamagedVideoError, match="cannot be decoded") as raised:
        result.to_arrow_table()
    lost = {i for start, stop in raised.value.lost for i in range(start, stop)}
    rows = [i for i in [*range(10, 30), *range(35, 60)] if i not in lost]
    assert raised.value.table["frame"].to_pylist() == rows
    assert "attribute `table`" in str(raised.value)
    with pytest.raises(vqe.DamagedVideoError) as again:
        result.to_pandas()
    assert again.value is raised.value
    assert again.value.table["frame"].to_pylist() == rows
    assert "failed" in repr(result)
