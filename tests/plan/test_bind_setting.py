"""SET: which setting takes which value, and what is said of the others."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pytest
from language import FakeCatalog

from vqe.config import Settings
from vqe.errors import BindError, ConfigError, ModelError, VqeError
from vqe.plan.bind_setting import Setting
from vqe.plan.binder import bind
from vqe.sql.parser import parse


def setting_of(sql: str, params: Any = None) -> Setting:
    (statement,) = parse(sql)
    bound = bind(statement, FakeCatalog(), params)
    assert isinstance(bound, Setting)
    return bound


@pytest.mark.parametrize(
    ("sql", "name", "value"),
    [
        ("SET on_damage = 'skip'", "on_damage", "skip"),
        ("SET on_damage = skip", "on_damage", "skip"),
        ("SET On_Damage = DEFAULT", "on_damage", "raise"),
        ("SET decode_threads = 4", "decode_threads", 4),
        ("SET decode_threads = NULL", "decode_threads", None),
        ("SET batch_size = default", "batch_size", 1024),
        ('SET "seed" = 0', "seed", 0),
        ("SET progress = FALSE", "progress", False),
        ("SET model = yolo", "model", "yolo"),
        ("SET model = 'other'", "model", "other"),
        ("SET model = NULL", "model", None),
    ],
)
def test_settings(sql: str, name: str, value: Any) -> None:
    setting = setting_of(sql)
    assert setting == Setting(name, value)
    assert setting.applied_to(Settings()) == Settings(**{name: value})


def test_parameters() -> None:
    assert setting_of("SET seed = ?", [3]) == Setting("seed", 3)
    numpy = setting_of("SET seed = $n", {"n": np.int64(3)})
    assert type(numpy.value) is int
    assert setting_of("SET on_damage = ?", ["skip"]).value == "skip"
    assert setting_of("SET decode_threads = ?", [None]).value is None


def test_the_other_settings_stay() -> None:
    before = Settings(seed=3, device="cpu")
    assert Setting("batch_size", 7).applied_to(before) == Settings(
        seed=3, device="cpu", batch_size=7
    )


@pytest.mark.parametrize(
    ("name", "value", "row"),
    [
        ("on_damage", "skip", "skip"),
        ("batch_size", 7, "7"),
        ("progress", True, "true"),
        ("decode_threads", None, None),
    ],
)
def test_the_row_is_text(name: str, value: Any, row: str | None) -> None:
    assert Setting(name, value).row().to_pylist() == [{"name": name, "value": row}]


ERRORS: dict[str, tuple[type[VqeError], str]] = {
    "SET bacth_size = 3": (BindError, "unknown setting 'bacth_size' | bacth | did you mean 'batch"),
    "SET colour = 'red'": (BindError, "unknown setting 'colour' | colour | settings: model, on_"),
    "SET device = 'cpu'": (BindError, "device cannot change | device | give it to vqe.connect(dev"),
    "SET Threads = 4": (BindError, "threads cannot change | Threads | give it to vqe.connect(thr"),
    "SET model = yolk": (ModelError, "unknown model 'yolk' | yolk | "),
    "SET on_damage = 'skp'": (ConfigError, "on_damage must be 'raise' or 'skip', got 'skp' | 'skp"),
    "SET on_damage = NULL": (ConfigError, "on_damage must be 'raise' or 'skip', got None | NULL"),
    "SET on_damage = 'default'": (ConfigError, "on_damage must be 'raise' or 'skip', got 'defaul"),
    "SET batch_size = 0": (ConfigError, "batch_size must be a whole number from 1, got 0 | 0"),
    "SET batch_size = 1.5": (ConfigError, "batch_size must be a whole number from 1, got 1.5 | 1"),
    "SET batch_size = '9'": (ConfigError, "batch_size must be a whole number from 1, got '9' | '"),
    "SET seed = TRUE": (ConfigError, "seed must be a whole number from 0 to 2^63 - 1, got True"),
    "SET decode_threads = many": (ConfigError, "decode_threads must be a whole number from 1, or"),
    "SET progress = on": (ConfigError, "progress must be True, False or None (NULL in SQL), got"),
    "SET model = 3": (ConfigError, "model must be a name or a spec, or None (NULL in SQL), got 3"),
}


@pytest.mark.parametrize("sql", ERRORS)
def test_what_cannot_be_set(sql: str) -> None:
    kind, text = ERRORS[sql]
    message, place, hint = [*text.split(" | "), "", ""][:3]
    with pytest.raises(kind) as raised:
        setting_of(sql)
    error = raised.value
    assert error.message.startswith(message)
    assert error.sql == sql
    assert error.offset is not None
    at_name = kind is BindError
    assert error.offset == (4 if at_name else sql.index("= ") + 2)
    assert sql[error.offset :].startswith(place)
    assert error.hint.startswith(hint)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (None, "no value for parameter $1"),
        ([1, 2], "$2 is given, but not used"),
        ([b"1"], "parameter $1: a value of type bytes"),
        (["1"], "seed must be a whole number"),
        ([datetime.timedelta(seconds=1)], "seed must be a whole number from 0 to 2^63 - 1, got da"),
    ],
)
def test_parameters_that_do_not_fit(params: Any, message: str) -> None:
    with pytest.raises(VqeError) as raised:
        setting_of("SET seed = ?", params)
    assert raised.value.message.startswith(message)
