"""Specs, files and arguments of load_reference."""

from __future__ import annotations

import hashlib
import sys
import threading
import warnings

import pytest
import torch
from blobs import LABELS, BlobDetector, assert_same, blob_frames

from vqe.errors import ModelError, UnsupportedError, VqeError
from vqe.models.load import load_reference


def test_torchscript_with_the_labels_of_its_exporter(tmp_path):
    path = tmp_path / "blobs.torchscript"
    save_torchscript(path, {"config.txt": '{"names": {"0": "red", "1": "green"}}'})
    reference = load_reference(f"torchscript:{path}", device="cpu")
    assert (reference.name, reference.labels) == ("blobs", ("red", "green"))
    assert reference.batch_size == 4
    blobs = load_reference(BlobDetector(), labels=LABELS, device="cpu")
    assert_same(reference.detect(blob_frames(5)), blobs.detect(blob_frames(5)))
    threads = torch.get_num_threads()
    assert blobs.runtime == reference.runtime == f"torch {torch.__version__}, threads {threads}"
    single = load_reference(BlobDetector(), labels=LABELS, device="cpu", threads=1)
    assert single.runtime.endswith("threads 1")
    assert len(reference.fingerprint) == len(hashlib.sha256().hexdigest())
    copy = tmp_path / "copy.torchscript"
    copy.write_bytes(path.read_bytes())
    assert load_reference(f"torchscript:{copy}").fingerprint == reference.fingerprint


def save_torchscript(path, extra):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        script = torch.jit.script(BlobDetector())
        torch.jit.save(script, str(path), _extra_files=extra)


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ("torchvision:fasterrcnn_resnet50_fpn_v2", UnsupportedError, "torchvision"),
        ("ultralytics:yolo11s.pt", UnsupportedError, "not built yet"),
        ("torchscrip:model.pt", ModelError, "did you mean 'torchscript'"),
        ("model.onnx", ModelError, "did you mean 'onnx:model.onnx'"),
        ("nonsense", ModelError, "possible: torchscript:"),
        ("onnx:/no/such/model.onnx", ModelError, "no file"),
        ("opencv:/no/such/a.pb+b.pbtxt", ModelError, "no file /no/such/a.pb"),
        (42, ModelError, "42"),
    ],
)
def test_specs_that_name_nothing(spec, error, message):
    with pytest.raises(error, match=message):
        load_reference(spec)


def test_near_file_is_suggested(tmp_path):
    (tmp_path / "detector.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match=r"did you mean 'detector\.onnx'"):
        load_reference(f"onnx:{tmp_path}/detectr.onnx")


@pytest.mark.parametrize("scheme", ["torchscript", "onnx", "opencv"])
@pytest.mark.parametrize("suffix", [".pt", ".onnx", ".pb"])
def test_unreadable_files(tmp_path, scheme, suffix):
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(b"not a model at all")
    with pytest.raises(ModelError, match="broken"):
        load_reference(f"{scheme}:{path}")


def test_pickled_checkpoints_are_not_loaded(tmp_path):
    path = tmp_path / "model.pt"
    torch.save(BlobDetector(), path)
    with pytest.raises(ModelError, match="pickled"):
        load_reference(f"torchscript:{path}")


@pytest.mark.parametrize(
    ("module", "scheme", "package"),
    [("onnxruntime", "onnx", "onnxruntime"), ("cv2", "opencv", "opencv-python-headless")],
)
def test_a_missing_runtime_is_named(tmp_path, monkeypatch, module, scheme, package):
    (tmp_path / "model.onnx").write_bytes(b"")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ModelError, match=f"pip install {package}"):
        load_reference(f"{scheme}:{tmp_path}/model.onnx")


@pytest.mark.parametrize(
    "options",
    [
        {"device": "tpu"},
        {"device": "cuda:99"},
        {"min_score": 0.01},
        {"labels": []},
        {"labels": "red"},
        {"labels": ["red", "red"]},
    ],
)
def test_arguments_out_of_their_domain(options):
    with pytest.raises(VqeError):
        load_reference(lambda frames: [], **{"labels": LABELS, **options})


def test_a_fingerprint_covers_the_labels_and_their_order():
    def fingerprint(model, labels):
        return load_reference(model, labels=labels, device="cpu").fingerprint

    def function(frames):
        return []

    module = BlobDetector()
    function.fingerprint = module.fingerprint = "weights 1"
    for model in (function, module):
        assert fingerprint(model, LABELS) == fingerprint(model, list(LABELS))
        assert fingerprint(model, LABELS) != fingerprint(model, LABELS[::-1])


def test_the_module_of_the_caller_stays_as_it_is():
    module = BlobDetector().half().train()
    reference = load_reference(module, labels=LABELS, device="cpu")
    assert module.training
    assert module.average.weight.dtype == torch.float16
    found = reference.detect(blob_frames(1))
    torch.nn.init.zeros_(module.average.weight)
    assert_same(reference.detect(blob_frames(1)), found, 0)
    assert len(found.row) > 0


def test_a_module_that_cannot_be_copied():
    module = BlobDetector()
    module.lock = threading.Lock()
    with pytest.raises(ModelError, match="BlobDetector cannot be copied"):
        load_reference(module, labels=LABELS, device="cpu")


def test_a_folder_that_cannot_be_read_gives_no_hint(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.iterdir", refuse)
    with pytest.raises(ModelError, match="no file"):
        load_reference(f"onnx:{tmp_path}/detector.onnx")
