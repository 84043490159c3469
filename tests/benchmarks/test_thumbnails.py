from __future__ import annotations

import numpy as np
import pytest
from clips import make_clip

from benchmarks import thumbnails
from benchmarks.noscope import FULL
from vqe.video.indexing import build_index
from vqe.video.reader import Reader
from vqe.video.strategies import EveryFrame


def test_the_pictures_are_decoded_once(tmp_path, monkeypatch):
    clip = make_clip(tmp_path / "clip.mp4", 50, gop=20)
    monkeypatch.setattr(thumbnails, "make", lambda footage: str(clip.path))
    found = thumbnails.thumbnails_of(FULL[0])
    index = build_index(str(clip.path), lambda: None)
    plan = EveryFrame().plan(index, np.arange(50))
    expected = np.concatenate([frames.thumbnails(32) for frames in Reader().read(plan)])
    assert (found == expected).all()
    monkeypatch.setattr(thumbnails, "_shrunk", lambda path: pytest.fail("decoded again"))
    assert (thumbnails.thumbnails_of(FULL[0]) == expected).all()
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".mp4", ".npy"]
