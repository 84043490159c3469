"""The way in: connections, models, and the errors of the Python API."""

from __future__ import annotations

import re

import pytest
from clips import LABELS, Oracle

import vqe

SQL = "SELECT FRAMES FROM clip WHERE contains('bus') EXACT"


def caret_at(error, text):
    """Whether the caret of the message stands below the first letter of `text`."""
    lines = str(error).splitlines()
    (row,) = (i for i, line in enumerate(lines) if line.strip() == "^")
    return lines[row - 1][lines[row].index("^") :].startswith(text)


def test_query_takes_a_callable(clip):
    oracle = Oracle(clip)
    result = vqe.query(f"SELECT FRAMES FROM {clip.sql} WHERE contains('truck') EXACT", model=oracle)
    assert result.to_arrow_table()["frame"].to_pylist() == list(range(50, 70))
    assert len(oracle.frames_seen) == 120


def test_the_model_of_a_query_does_not_become_the_default(clip):
    vqe.query(f"SELECT FRAMES FROM {clip.sql} WHERE contains('bus')", model=Oracle(clip))
    with pytest.raises(vqe.BindError, match="none is registered"):
        vqe.query(f"SELECT FRAMES FROM {clip.sql} WHERE contains('bus')")


def test_using_model_beats_the_argument_beats_the_environment(con, clip, monkeypatch):
    oracles = {name: Oracle(clip) for name in ("one", "two", "three")}
    for name, model in oracles.items():
        con.register_model(name, model)
    monkeypatch.setenv("VQE_MODEL", "one")

    def asked(sql, **options):
        before = {name: len(model.frames_seen) for name, model in oracles.items()}
        con.sql(sql, **options).to_arrow_table()
        return [name for name, model in oracles.items() if len(model.frames_seen) > before[name]]

    assert asked(SQL) == ["one"]
    assert asked(SQL, model="two") == ["two"]
    assert asked(SQL + " USING MODEL three", model="two") == ["three"]


def test_a_spec_in_the_environment(con, monkeypatch):
    monkeypatch.setenv("VQE_MODEL", "onnx:nowhere/detector.onnx")
    with pytest.raises(vqe.ModelError, match=r"no file nowhere/detector\.onnx"):
        con.sql(SQL)


def test_several_models_and_none_chosen(con, clip):
    con.register_model("second", Oracle(clip))
    with pytest.raises(vqe.BindError, match="2 are registered") as raised:
        con.sql(SQL)
    assert "registered: 'oracle', 'second'" in str(raised.value)
    assert "USING MODEL" in raised.value.hint
    assert caret_at(raised.value, "contains('bus')")


def test_an_unknown_model(con):
    with pytest.raises(vqe.BindError, match="unknown model 'oracel'") as raised:
        con.sql(SQL + " USING MODEL oracel")
    assert "did you mean 'oracle'?" in str(raised.value)
    assert caret_at(raised.value, "oracel")


def test_an_unknown_label(con):
    with pytest.raises(vqe.BindError, match="unknown label 'trukc'") as raised:
        con.sql("SELECT FRAMES FROM clip\nWHERE contains('trukc')")
    assert "did you mean 'truck'?" in str(raised.value)
    assert caret_at(raised.value, "'trukc'")
    with pytest.raises(vqe.BindError) as raised:
        con.sql("SELECT FRAMES FROM clip WHERE contains('zebra')")
    assert f"knows 3 labels: {', '.join(LABELS)}" in raised.value.hint


def test_an_unknown_video(con, clip):
    with pytest.raises(vqe.VideoNotFoundError) as raised:
        con.sql("SELECT FRAMES FROM clipp")
    assert "did you mean 'clip'?" in str(raised.value)
    near = str(clip.path).replace("clip.mp4", "clpi.mp4")
    with pytest.raises(FileNotFoundError, match=re.escape(str(clip.path))):
        con.sql(f"SELECT FRAMES FROM '{near}'")
    with pytest.raises(vqe.VideoNotFoundError, match="no such file"):
        con.register("lobby", "lobby.mp4")


def test_what_is_not_built_says_so_and_where(con):
    with pytest.raises(vqe.UnsupportedError) as raised:
        con.sql("SELECT FRAMES FROM 'rtsp://camera/1'")
    assert isinstance(raised.value, NotImplementedError)
    assert caret_at(raised.value, "'rtsp")


def test_a_syntax_error(con):
    with pytest.raises(vqe.ParseError) as raised:
        con.sql("SELECT FRAMES FORM clip")
    assert caret_at(raised.value, "FORM")
    assert isinstance(raised.value, ValueError)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (lambda frames: [], "returned 0 lists for"),
        (lambda frames: [[("bus", 0.9)]] * len(frames), None),
        (lambda frames: [[("bsu", 0.9, 0, 0, 1, 1)]] * len(frames), "did you mean 'bus'?"),
        (lambda frames: [[(7, 0.9, 0, 0, 1, 1)]] * len(frames), "label 7, which is not one"),
        (lambda frames: None, None),
        (lambda frames: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_a_model_whose_output_is_not_understood(con, output, message):
    def model(frames):
        return output(frames)

    con.register_model("odd", model, labels=["bus"])
    result = con.sql(SQL, model="odd")
    with pytest.raises(vqe.ModelError) as raised:
        result.to_arrow_table()
    assert message is None or message in str(raised.value)


def test_a_callable_must_tell_its_labels(con):
    with pytest.raises(vqe.ModelError, match="does not tell its labels"):
        con.sql(SQL, model=lambda frames: [])


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (5, "a spec, a torch module or a callable, not 5"),
        (None, "not None"),
        ("yolo", "'yolo' does not name a reference network"),
        ("yolo.pt", "did you mean 'torchscript:yolo.pt'?"),
        ("onnx:nowhere.onnx", "there is no file nowhere.onnx"),
        ("ultralytics:yolo", "are not built yet"),
        (lambda frames: [], "the callable mine does not tell its labels"),
    ],
)
def test_a_model_is_checked_when_it_is_registered(con, model, told):
    with pytest.raises(vqe.VqeError) as raised:
        con.register_model("mine", model)
    assert told in str(raised.value)
    assert raised.value.offset is None
    with pytest.raises(vqe.ConfigError, match="a name is a string"):
        con.register_model("", model)


def test_settings_out_of_their_domain():
    for settings in ({"batch_size": 0}, {"threads": 0}, {"device": "tpu"}):
        with pytest.raises(vqe.ConfigError):
            vqe.connect(**settings)
    with pytest.raises(vqe.ConfigError, match="did you mean 'batch_size'"):
        vqe.connect(bacth_size=10)
    with pytest.raises(vqe.UnsupportedError, match="a store on disk"):
        vqe.connect("store/")
    vqe.connect(":memory:").close()


def test_a_closed_connection(connect):
    with connect() as con:
        open_result = con.sql(SQL)
    with pytest.raises(vqe.ExecutionError, match="connection is closed"):
        con.sql(SQL)
    assert open_result.to_arrow_table().num_rows == 40


def test_a_name_may_be_registered_again(con, clip, tmp_path):
    other = tmp_path / "other.mp4"
    other.write_bytes(clip.path.read_bytes())
    con.register("view", str(clip.path))
    con.register("view", str(other))
    assert con.sql("SELECT * FROM view").to_arrow_table().num_rows == 120
