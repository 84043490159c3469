"""The benchmark of decoding runs, and what it compares is the same."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import make_clip

from benchmarks import decode_ways, streams
from benchmarks.decode import RATIOS, WAYS
from benchmarks.decode_report import TARGETS, target_lines
from benchmarks.decode_ways import Values, Video
from benchmarks.run import main
from vqe.detectors.difference import GlobalMse, block_differences
from vqe.video.reader import Reader
from vqe.video.strategies import EveryFrame


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Video:
    path = tmp_path_factory.mktemp("decode") / "video.mp4"
    return Video.open("video", make_clip(path, 360, size=(160, 100), gop=60, b_frames=2).path)


@pytest.mark.slow
def test_a_quick_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "FOLDER", tmp_path / "streams")
    output = tmp_path / "decode.json"
    main(["decode", "--quick", "--output", str(output)])
    text = output.read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    results = json.loads(text)
    assert set(results["machine"]) >= {"commit", "dirty", "cpu", "cores", "gpu", "versions", "seed"}
    assert len(results["streams"]) + len(results["left_out"]) == 5
    for stream in results["streams"]:
        same = stream["same"]
        assert same["frames"] == same["reader"] == same["reader_2"] == stream["frames"]
        assert same["blocks"] == same["sampled"] == 20
        assert stream["at_random"]["same"] == stream["at_random"]["frames"] == 20
        assert set(stream["speed"]["ways"]) == set(WAYS)
        assert set(stream["speed"]["ratios"]) == set(RATIOS)
        for row in stream["strategies"]["rows"]:
            assert row["predicted_seeks"] == row["seeks"]
            assert row["predicted_decoded"] == pytest.approx(row["decoded"], rel=0.1)
    assert [found["frames"] for found in results["memory"]] == [1800, 9000] * 2
    assert [found["source"] for found in results["index"]] == ["tables", "packets"]
    shown = capsys.readouterr().out
    for target in TARGETS:
        assert target in shown
    assert "Pixels and block differences are the same, however they are read: met (" in shown


def test_a_quick_run_takes_no_model() -> None:
    with pytest.raises(SystemExit, match="no model"):
        main(["decode", "--quick", "--model", "onnx:x.onnx"])


@pytest.mark.parametrize("way", WAYS)
def test_every_way_finds_every_frame(way: str, video: Video) -> None:
    assert WAYS[way](video) == 360


def test_all_ways_give_the_same_pixels(video: Video) -> None:
    truth = decode_ways.pyav_checksums(video)
    assert len(set(truth)) == 360
    assert truth == decode_ways.reader_checksums(video, 1)
    assert truth == decode_ways.reader_checksums(video, 2)
    ordinals = np.array([200, 3, 359, 77])
    _, together = decode_ways.read_together(video, ordinals)
    _, one_by_one = decode_ways.read_one_by_one(video, ordinals)
    assert together == one_by_one == {i: truth[i] for i in sorted(ordinals.tolist())}


def test_block_differences_are_those_of_numpy(video: Video) -> None:
    ordinals = np.arange(0, 360, 40)
    assert decode_ways.exact_blocks(video, ordinals) == len(ordinals)


def test_frames_are_compared_where_they_were_decoded_without_a_copy(video: Video) -> None:
    """One pass over the decoder's memory, in its thread, gives both kinds of difference."""
    reference = video.reference
    threads, copies = set(), []

    def start() -> Any:
        def process(frames: Any) -> Values:
            threads.add(threading.current_thread().name)
            for i, image in enumerate(frames.images):
                address = frames.luma(i).__array_interface__["data"][0]
                copies.append(address != image.planes[0].buffer_ptr)
            return Values(block_differences(frames, reference))

        return process

    found = [values.values for values in Reader(threads=2).process(video.every_frame, start)]
    blocks = np.concatenate(found)
    assert blocks.shape == (360, 400)
    assert sum(values.nbytes for values in map(Values, found)) == blocks.nbytes
    assert threads == {"vqe-worker-0", "vqe-worker-1"}
    assert len(copies) == 360
    assert not any(copies)
    # 160 × 100 is cut into equal blocks: the mean over them is that over all pixels.
    (first,) = list(Reader().read(_first_frame(video)))
    squares = (first.luma(0).astype(np.int64) - reference) ** 2
    assert GlobalMse().distance(blocks[:1])[0] == pytest.approx(np.log1p(squares.mean()))


def _first_frame(video: Video) -> Any:
    return EveryFrame().plan(video.index, np.arange(1))


def test_streams_are_made_once_and_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "FOLDER", tmp_path / "streams")
    small = streams.TINY.shortened(50, 25)
    for suffix in (".mp4", ".mkv"):
        path = streams.repeated(small, 200, suffix)
        video = Video.open("x", path)
        assert len(video.index) == 200
        assert video.index.out_of_turn.any()
        truth = decode_ways.reader_checksums(video, 1)
        assert truth == 4 * truth[:50]
    made = path.stat().st_mtime_ns
    assert streams.repeated(small, 200, ".mkv").stat().st_mtime_ns == made
    assert len(list(small.path.parent.iterdir())) == 3


def test_a_missed_target_is_named() -> None:
    results = {
        "index": [
            {"container": "mp4", "seconds": 1.0, "source": "tables"},
            {"container": "mkv", "seconds": 21.0, "source": "packets"},
        ],
        "memory": [
            {"way": "batches", "peak_mb": 300.0},
            {"way": "batches", "peak_mb": 340.0},
        ],
        "streams": [],
    }
    lines = target_lines(results)
    assert "The longer file takes less than 50 MB more: met (1 of 1)" in lines
    index = "The index takes less than 3 s from tables and 20 s from packets"
    assert f"{index}: missed by 1 of 2: mkv (21.00)" in lines
