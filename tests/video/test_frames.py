"""Planes and thumbnails of decoded frames; fingerprints of files."""

from __future__ import annotations

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation
from clips import make_clip, read_number

from vqe.video.fingerprint import fingerprint
from vqe.video.frames import FrameBatch
from vqe.video.indexing import build_index
from vqe.video.reader import Reader


def batch_of(*images):
    return FrameBatch(np.arange(len(images)), images, 0)


def plain_luma(image):
    """The grey picture by PyAV's own conversion, or the first plane, cropped by hand."""
    rows = bytes(image.planes[0])
    line = image.planes[0].line_size
    return np.array(
        [list(rows[y * line : y * line + image.width]) for y in range(image.height)], np.uint8
    )


@pytest.mark.parametrize("size", [(160, 120), (98, 54), (150, 46), (82, 50)])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p"])
def test_luma_is_the_cropped_plane(tmp_path, size, pix_fmt):
    clip = make_clip(tmp_path / "clip.mkv", 3, size=size, pix_fmt=pix_fmt)
    (batch,) = Reader(build_index(str(clip.path))).read([(0, 3)])
    for row in range(3):
        luma = batch.luma(row)
        assert (luma.shape, luma.dtype) == (size[::-1], np.uint8)
        np.testing.assert_array_equal(luma, plain_luma(batch.images[row]))
        assert read_number(luma) == row


@pytest.mark.parametrize("size", [(151, 113), (77, 49)])
def test_odd_sizes_and_grey(tmp_path, size):
    for name, codec, pix_fmt in (("a.mkv", "ffv1", "gray"), ("b.mkv", "ffv1", "yuv420p")):
        clip = make_clip(tmp_path / name, 3, size=size, codec=codec, pix_fmt=pix_fmt)
        (batch,) = Reader(build_index(str(clip.path))).read([(0, 3)])
        for row in range(3):
            np.testing.assert_array_equal(batch.luma(row), plain_luma(batch.images[row]))
            assert batch.rgb(row).shape == (*size[::-1], 3)


def test_ten_bits_are_reduced_to_eight(tmp_path):
    clip = make_clip(tmp_path / "clip.mkv", 3, pix_fmt="yuv420p10le")
    (batch,) = Reader(build_index(str(clip.path))).read([(0, 3)])
    plane = batch.images[1].planes[0]
    ten = np.frombuffer(plane, np.uint16).reshape(-1, plane.line_size // 2)[:120, :160]
    luma = batch.luma(1)
    assert (luma.shape, luma.dtype) == ((120, 160), np.uint8)
    # Grey may be stretched from the video's range to the full one: the same order of brightness.
    eight = ten / 4
    a, b = np.polyfit(eight.ravel(), luma.ravel().astype(float), 1)
    assert 0.95 < a < 1.2
    np.testing.assert_allclose(luma, np.clip(a * eight + b, 0, 255), atol=2)
    assert not luma.flags.writeable


def test_luma_cannot_be_written(plain):
    (batch,) = Reader(build_index(str(plain.path))).read([(0, 2)])
    luma = batch.luma(0)
    with pytest.raises(ValueError, match="read-only"):
        luma[0, 0] = 1


def test_a_view_outlives_its_frame(plain):
    index = build_index(str(plain.path))
    (batch,) = Reader(index).read([(7, 8)])
    luma = batch.luma(0)
    before = luma.copy()
    del batch
    assert sum(len(other) for other in Reader(index).read([(0, 100)])) == 100
    np.testing.assert_array_equal(luma, before)


def test_rgb(plain):
    index = build_index(str(plain.path))
    (batch,) = Reader(index).read([(30, 33)])
    with av.open(str(plain.path)) as container:
        frames = list(container.decode(video=0))
    expected = frames[31].to_ndarray(format="rgb24")
    np.testing.assert_array_equal(batch.rgb(1), expected)


def test_select(plain):
    (batch,) = Reader(build_index(str(plain.path))).read([(10, 20)])
    some = batch.select([1, 4, 9])
    assert some.ordinals.tolist() == [11, 14, 19]
    assert [read_number(some.luma(row)) for row in range(3)] == [11, 14, 19]
    assert len(batch.select(np.array([], np.int64))) == 0


@pytest.mark.parametrize("size", [16, 50, 64])
def test_thumbnails(plain, size):
    (batch,) = Reader(build_index(str(plain.path))).read([(28, 31)])
    thumbnails = batch.thumbnails(size)
    assert (thumbnails.shape, thumbnails.dtype) == ((3, size, size, 3), np.uint8)
    mean = np.array([batch.rgb(row).mean((0, 1)) for row in range(3)])
    np.testing.assert_allclose(thumbnails.mean((1, 2)), mean, atol=2.5)
    assert batch.select([]).thumbnails(size).shape == (0, size, size, 3)


def test_thumbnails_average_areas():
    """A chessboard of single pixels is grey from afar; picking single pixels would alias."""
    board = np.indices((128, 128)).sum(0) % 2 * 255
    image = av.VideoFrame.from_ndarray(
        np.repeat(board[..., None], 3, axis=2).astype(np.uint8), format="rgb24"
    )
    (thumbnail,) = batch_of(image).thumbnails(16)
    np.testing.assert_allclose(thumbnail, 127.5, atol=4)
    aliased = image.reformat(16, 16, "rgb24", interpolation=Interpolation.POINT).to_ndarray()
    assert np.abs(aliased - 127.5).max() > 100


def test_the_fingerprint_follows_the_content(tmp_path):
    path, other = tmp_path / "a.mp4", tmp_path / "b.mp4"
    content = bytes(range(256)) * 8000  # 2 MB: all of it is sampled
    path.write_bytes(content)
    other.write_bytes(content)
    assert fingerprint(str(path)) == fingerprint(str(other))
    for position in (0, 1_000_000, len(content) - 1):
        changed = bytearray(content)
        changed[position] ^= 1
        other.write_bytes(changed)
        assert fingerprint(str(path)) != fingerprint(str(other)), position
    other.write_bytes(content + b"\0")
    assert fingerprint(str(path)) != fingerprint(str(other))
    other.write_bytes(b"")
    assert len(fingerprint(str(other))) == 64


def test_the_fingerprint_of_a_large_file_reads_little(tmp_path):
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(20 * 2**30)  # sparse: reading it all would take half a minute
    before = fingerprint(str(path))
    with path.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\1")
    assert fingerprint(str(path)) != before
