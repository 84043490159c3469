"""EXACT against a plain loop over the frames, without any of our code."""

from __future__ import annotations

import av
import data
import numpy as np
import pytest
import torch

import vqe

SIDE = 352
CLASSES = {"person": 0, "bus": 5, "truck": 7}
MIN_SCORE = 0.4


@pytest.fixture(scope="module")
def session():
    import onnxruntime

    return onnxruntime.InferenceSession(str(data.model("FastestDet.onnx")))


def best_scores(session, path, label):
    """The highest score of a class in each frame, with its pts: FastestDet as its author runs it.

    Suppression of overlapping boxes never takes the best one.
    """
    scores, pts = [], []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            picture = torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1)[None]
            small = torch.nn.functional.interpolate(picture, size=(SIDE, SIDE), mode="bilinear")
            blob = small.flip(1).numpy().astype(np.float32) / np.float32(255)  # BGR
            (output,) = session.run(None, {"input.1": blob})
            cells = output[0].reshape(85, -1)
            of_label = cells[5:].argmax(0) == CLASSES[label]
            score = cells[0] ** 0.6 * cells[5 + CLASSES[label]] ** 0.4
            scores.append(float(score[of_label].max(initial=0)))
            pts.append(frame.pts)
    return np.array(scores), pts


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("clip", "label", "at_least"),
    [
        ("intel_one-by-one-person.mp4", "person", 500),
        ("ahmetozlu_road.mp4", "truck", 30),
        ("tfl_piccadilly_night_bus.mp4", "bus", 30),
        ("bgslibrary_video02.avi", "bus", 20),
    ],
)
def test_exact_equals_a_plain_loop(session, clip, label, at_least):
    path = data.video(clip)
    con = vqe.connect(device="cpu")
    con.register_model("fastest", f"onnx:{data.model('FastestDet.onnx')}")
    table = con.sql(
        f"SELECT FRAMES FROM '{path}' WHERE contains('{label}', min_score => {MIN_SCORE}) EXACT"
    ).to_arrow_table()
    scores, pts = best_scores(session, path, label)
    found = table["frame"].to_numpy()
    # A score within rounding of the threshold may fall on either side.
    sure = np.abs(scores - MIN_SCORE) > 1e-4
    expected = np.flatnonzero((scores >= MIN_SCORE) & sure)
    assert len(expected) >= at_least
    np.testing.assert_array_equal(found[sure[found]], expected)
    np.testing.assert_allclose(table["score"].to_numpy(), scores[found], atol=1e-4)
    if clip.endswith(".mp4"):
        assert table["pts"].to_pylist() == [pts[i] for i in found]
