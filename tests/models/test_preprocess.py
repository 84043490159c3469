from __future__ import annotations

import numpy as np
import pytest
import torch

from vqe.models.preprocess import Preprocessing, place, prepare, video_shape

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("frame", "shape"),
    [
        ((720, 1280), (384, 640)),
        ((352, 640), (352, 640)),
        ((288, 352), (544, 640)),
        ((1920, 1080), (640, 384)),
        ((432, 768), (384, 640)),
        ((4, 4000), (32, 640)),
    ],
)
def test_video_shape(frame, shape):
    assert video_shape(frame) == shape


@pytest.mark.parametrize("fit", ["letterbox", "corner", "stretch"])
@pytest.mark.parametrize("frame", [(720, 1280), (288, 352), (101, 57)])
@pytest.mark.parametrize("canvas", [None, (416, 416)])
def test_a_white_box_comes_back_from_where_it_was_put(fit, frame, canvas):
    height, width = frame
    box = np.array([width // 4, height // 5, width // 2, height // 2])
    pixels = torch.zeros((1, height, width, 3), dtype=torch.uint8)
    pixels[:, box[1] : box[3], box[0] : box[2]] = 255
    placement = place(frame, canvas, fit)
    (picture,) = prepare(pixels, placement, Preprocessing(fit), CPU)
    assert tuple(picture.shape[1:]) == placement.canvas
    y, x = (picture[0] > 0.5).nonzero(as_tuple=True)
    seen = np.array([[x.min(), y.min(), x.max() + 1, y.max() + 1]], np.float64)
    grain = max(width / placement.content[1], height / placement.content[0])
    np.testing.assert_allclose(placement.to_frame(seen)[0], box, atol=grain + 0.5)


@pytest.mark.parametrize("size", [(352, 352), (90, 300), (37, 41)])
def test_resizing_is_bilinear(size):
    pixels = np.random.default_rng(0).integers(0, 256, (1, 120, 160, 3)).astype(np.uint8)
    how = Preprocessing("stretch", scale=1.0, antialias=False)
    picture = prepare(torch.from_numpy(pixels), place((120, 160), size, "stretch"), how, CPU)[0]
    y, x = (
        np.clip((np.arange(n) + 0.5) * old / n - 0.5, 0, old - 1)
        for n, old in zip(size, (120, 160), strict=True)
    )
    top, left = y.astype(int), x.astype(int)
    below, right = np.minimum(top + 1, 119), np.minimum(left + 1, 159)
    v, u = (y - top)[:, None, None], (x - left)[None, :, None]
    image = pixels[0].astype(float)
    upper = image[top][:, left] * (1 - u) + image[top][:, right] * u
    lower = image[below][:, left] * (1 - u) + image[below][:, right] * u
    expected = (upper * (1 - v) + lower * v).transpose(2, 0, 1)
    np.testing.assert_allclose(picture.numpy(), expected, atol=1.0)


def test_letterbox_is_grey_and_boxes_are_clipped():
    placement = place((720, 1280), None, "letterbox")
    (picture,) = prepare(
        torch.zeros((1, 720, 1280, 3), dtype=torch.uint8),
        placement,
        Preprocessing("letterbox"),
        CPU,
    )
    grey = torch.full((3, 12, 640), 114 / 255)
    torch.testing.assert_close(picture[:, :12], grey)
    torch.testing.assert_close(picture[:, -12:], grey)
    assert float(picture[:, 12:-12].max()) == 0
    clipped = placement.to_frame(np.array([[-5.0, 0.0, 700.0, 400.0]]))
    assert clipped.tolist() == [[0, 0, 1280, 720]]


def test_channel_order_mean_and_std():
    how = Preprocessing("native", bgr=True, scale=1.0, mean=(1, 2, 3), std=(2, 4, 8))
    pixels = torch.tensor([11, 22, 35], dtype=torch.uint8).view(1, 1, 1, 3)
    picture = prepare(pixels, place((1, 1), None, "native"), how, CPU)
    assert picture.flatten().tolist() == [(35 - 1) / 2, (22 - 2) / 4, (11 - 3) / 8]
