"""Whatever is given, only errors of ours come back, and they say what is wrong."""

from __future__ import annotations

import gc
import os
import weakref

import numpy as np
import pytest
from clips import Oracle, make_clip

import vqe

SQL = "SELECT FRAMES FROM clip WHERE contains('bus') EXACT"


@pytest.mark.parametrize("sql", [None, b"SELECT FRAMES FROM clip", 3])
def test_a_statement_is_a_string(con, sql):
    with pytest.raises(vqe.ConfigError, match="a statement is a string"):
        con.sql(sql)


@pytest.mark.parametrize("params", [3, {3}, iter([3]), "3", b"3", np.array([3, 4])])
def test_parameters_are_a_list_or_a_dict(con, params):
    with pytest.raises(vqe.BindError, match="parameters are a list or a dict"):
        con.sql("SELECT FRAMES FROM clip WHERE frame = ?", params)


def test_numpy_values_are_parameters(con):
    assert con.sql("SELECT frame FROM clip WHERE ?", [np.bool_(True)]).to_arrow_table().num_rows
    result = con.sql("SELECT frame FROM clip WHERE frame = ?", (np.int64(3),))
    assert result.to_arrow_table()["frame"].to_pylist() == [3]


@pytest.mark.parametrize(
    "expression",
    [
        "frame / 0",
        "frame // 0",
        "frame % 0",
        "frame * 9223372036854775807",
        "timestamp / 0",
    ],
)
def test_a_value_that_does_not_exist(con, expression):
    for sql in (
        f"SELECT {expression} AS x FROM clip",
        f"SELECT FRAMES FROM clip WHERE {expression} IS NULL",
    ):
        with pytest.raises(vqe.ExecutionError, match=r"has no value: (divide by zero|overflow)"):
            con.sql(sql).to_arrow_table()


@pytest.mark.parametrize("digits", ["-400", "99999999999"])
def test_digits_out_of_range(con, digits):
    with pytest.raises(vqe.BindError, match="from -18 to 18 digits"):
        con.sql(f"SELECT round(frame, {digits}) FROM clip")


@pytest.mark.parametrize(
    "settings",
    [
        *({"seed": seed} for seed in (-1, "a", 1.5, None, True, 2**63)),
        *({"batch_size": size} for size in ("x", 1.5, None, True)),
        *({"threads": threads} for threads in ("x", 1.5, True)),
        *({"device": device} for device in (None, "cpu:x", "cuda:", "cuda:١", 3)),
        *({"decode_threads": threads} for threads in ("x", 0, 1.5, True)),
        *({"fill": choice} for choice in ("yes", 1, None)),
        *({"on_damage": choice} for choice in ("ignore", None, True, ["skip"], np.array(["skip"]))),
        *({"model": model} for model in (3, len)),
        *({"progress": progress} for progress in ("yes", 1, np.array([1, 2]))),
    ],
)
def test_settings_of_another_type(settings):
    with pytest.raises(vqe.ConfigError, match=next(iter(settings))):
        vqe.connect(**settings)


def test_names_and_paths(con, clip):
    for name, path in (("a", None), ("a", b"x.mp4"), (None, str(clip.path))):
        with pytest.raises(vqe.ConfigError):
            con.register(name, path)
    with pytest.raises(vqe.ConfigError):
        con.register_model(3, Oracle(clip))
    con.register("view", clip.path)
    assert con.sql("SELECT * FROM view").to_arrow_table().num_rows == 120


def test_a_folder_that_cannot_be_read_gives_no_hint(con, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "listdir", refuse)
    monkeypatch.setattr("pathlib.Path.iterdir", refuse)
    with pytest.raises(vqe.VideoNotFoundError):
        con.sql("SELECT FRAMES FROM 'nowhere.mp4'")


def test_labels_registered_anew_are_asked_anew(con, clip):
    oracle = Oracle(clip, fingerprint="oracle")
    classes = {"bus": 0, "truck": 1, "cat": 2}

    def numbered(frames):
        return [[(classes[one[0]], *one[1:]) for one in found] for found in oracle(frames)]

    numbered.fingerprint = "numbered"

    def buses(labels):
        con.register_model("oracle", numbered, labels=labels)
        return con.sql(SQL).to_arrow_table()["frame"].to_pylist()

    right = buses(["bus", "truck", "cat"])
    assert buses(["truck", "bus", "cat"]) == list(range(50, 70))  # its trucks are now called so
    assert buses(["bus", "truck", "cat"]) == right


def test_a_model_may_have_any_name(clip):
    con = vqe.connect(device="cpu")
    con.register("clip", str(clip.path))
    con.register_model("cam@home", Oracle(clip))
    assert con.sql(SQL).to_arrow_table().num_rows == 40
    con.register_model("second", Oracle(clip))
    with pytest.raises(vqe.BindError, match=r"'cam@home', 'second'"):
        con.sql(SQL)


def test_no_model_is_named_by_an_empty_variable(con, monkeypatch):
    monkeypatch.setenv("VQE_MODEL", "")
    assert con.sql(SQL).to_arrow_table().num_rows == 40


def test_models_of_queries_are_kept_for_a_while_only(con, clip):
    first = Oracle(clip)
    gone = weakref.ref(first)
    waiting = con.sql(SQL, model=first)
    for _ in range(8):
        con.sql(SQL, model=Oracle(clip))
    assert waiting.to_arrow_table().num_rows == 40
    del first, waiting
    gc.collect()
    assert gone() is None


def test_a_result_keeps_the_model_it_was_made_with(con, clip, tmp_path):
    other = make_clip(tmp_path / "other.mp4", 10)
    result = con.sql(SQL)
    con.register_model("oracle", Oracle(other))
    assert result.to_arrow_table().num_rows == 40


def test_the_whole_frame_has_its_own_edge(con):
    def at_the_corner(frames):
        return [[("bus", 0.9, 200, 150, 220, 170)]] * len(frames)  # clipped to a point

    con.register_model("corner", at_the_corner, labels=["bus"])
    for box in ("box(0, 0, 1, 1)", "box(0, 0, 160, 120)", "box(-1e308, 0, 1e308, 1e308)"):
        sql = f"SELECT FRAMES FROM clip WHERE contains('bus', region => {box}) LIMIT 3 EXACT"
        assert con.sql(sql, model="corner").to_arrow_table().num_rows == 3
    sql = "SELECT FRAMES FROM clip WHERE contains('bus', region => box(0, 50, 1e308, 1e308)) EXACT"
    assert con.sql(sql, model="oracle").to_arrow_table().num_rows > 0


def test_accuracy_may_stand_before_limit(con):
    for sql in (f"{SQL} LIMIT 5", f"{SQL.removesuffix('EXACT')} LIMIT 5 EXACT"):
        assert con.sql(sql).to_arrow_table().num_rows == 5
