"""Planes and thumbnails of decoded frames; fingerprints of files."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation
from clips import make_clip, read_number

from vqe.video.container import video_size
from vqe.video.fingerprint import fingerprint
from vqe.video.frames import FrameBatch, scaled
from vqe.video.indexing import build_index
from vqe.video.reader import Reader
from vqe.video.strategies import EveryFrame


def read(path, start, stop):
    """The frames [start, stop) as one batch."""
    index = build_index(str(path))
    (batch,) = Reader().read(EveryFrame().plan(index, np.arange(start, stop)))
    return batch


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
    batch = read(clip.path, 0, 3)
    for row in range(3):
        luma = batch.luma(row)
        assert (luma.shape, luma.dtype) == (size[::-1], np.uint8)
        np.testing.assert_array_equal(luma, plain_luma(batch.images[row]))
        assert read_number(luma) == row


@pytest.mark.parametrize("size", [(151, 113), (77, 49)])
def test_odd_sizes_and_grey(tmp_path, size):
    for name, codec, pix_fmt in (("a.mkv", "ffv1", "gray"), ("b.mkv", "ffv1", "yuv420p")):
        clip = make_clip(tmp_path / name, 3, size=size, codec=codec, pix_fmt=pix_fmt)
        batch = read(clip.path, 0, 3)
        for row in range(3):
            np.testing.assert_array_equal(batch.luma(row), plain_luma(batch.images[row]))
            assert batch.rgb(row).shape == (*size[::-1], 3)


def test_ten_bits_are_reduced_to_eight(tmp_path):
    clip = make_clip(tmp_path / "clip.mkv", 3, pix_fmt="yuv420p10le")
    batch = read(clip.path, 0, 3)
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
    batch = read(plain.path, 0, 2)
    luma = batch.luma(0)
    with pytest.raises(ValueError, match="read-only"):
        luma[0, 0] = 1


def test_a_view_outlives_its_frame(plain):
    batch = read(plain.path, 7, 8)
    luma = batch.luma(0)
    before = luma.copy()
    del batch
    index = build_index(str(plain.path))
    batches = Reader().read(EveryFrame().plan(index, np.arange(100)))
    assert sum(len(other) for other in batches) == 100
    np.testing.assert_array_equal(luma, before)


def test_rgb(plain):
    batch = read(plain.path, 30, 33)
    with av.open(str(plain.path)) as container:
        frames = list(container.decode(video=0))
    expected = frames[31].to_ndarray(format="rgb24")
    np.testing.assert_array_equal(batch.rgb(1), expected)


def test_select(plain):
    batch = read(plain.path, 10, 20)
    some = batch.select([1, 4, 9])
    assert some.ordinals.tolist() == [11, 14, 19]
    assert [read_number(some.luma(row)) for row in range(3)] == [11, 14, 19]
    assert len(batch.select(np.array([], np.int64))) == 0


@pytest.mark.parametrize("size", [16, 50, 64])
def test_thumbnails(plain, size):
    batch = read(plain.path, 28, 31)
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


def test_the_rows_of_thumbnails_do_not_depend_on_the_batch(plain):
    whole = read(plain.path, 0, 30)
    thumbnails = whole.thumbnails(32)
    for rows in ([0], [3, 7], [29, 5]):
        np.testing.assert_array_equal(whole.select(rows).thumbnails(32), thumbnails[rows])


def test_frames_of_another_size_are_scaled():
    board = np.zeros((48, 80, 3), np.uint8)
    image = av.VideoFrame.from_ndarray(board, format="rgb24")
    assert scaled(image, 80, 48) is image
    small = scaled(image, 40, 24)
    assert (small.width, small.height) == (40, 24)


def test_threads_have_a_reformatter_each(plain):
    """A scaling context cannot be shared: pictures of two sizes at once."""
    batch = read(plain.path, 0, 30)
    alone = {size: batch.thumbnails(size) for size in (16, 50)}
    with ThreadPoolExecutor(4) as pool:
        sizes = [16, 50] * 20
        for size, thumbnails in zip(sizes, pool.map(batch.thumbnails, sizes), strict=True):
            np.testing.assert_array_equal(thumbnails, alone[size])


def test_the_weight_of_a_batch_is_that_of_its_planes(plain):
    batch = read(plain.path, 0, 4)
    pixels = 160 * 120
    assert 4 * pixels * 1.5 <= batch.nbytes <= 4 * pixels * 1.5 * 1.6
    assert batch.select([0]).nbytes * 4 == batch.nbytes
    assert batch.select([]).nbytes == 0


def test_a_rotated_film_is_turned_upright(tmp_path):
    for degrees in (0, 90, 180, 270):
        clip = make_clip(tmp_path / f"{degrees}.mp4", 3, size=(160, 120), rotation=degrees)
        batch = read(clip.path, 0, 3)
        turned = batch.rgb(1)
        stored = batch.images[1].to_ndarray(format="rgb24")
        quarters = round(batch.images[1].rotation / 90) % 4
        np.testing.assert_array_equal(turned, np.rot90(stored, quarters))
        assert turned.shape == ((160, 120, 3) if degrees % 180 else (120, 160, 3))
        assert turned.flags.c_contiguous
        assert batch.luma(1).shape == (120, 160)  # as stored
        assert video_size(str(clip.path)) == turned.shape[1::-1]


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
