"""Values of other libraries, and those that do not fit, as parameters."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

from vqe.errors import BindError
from vqe.plan.constants import DURATION, NULL, TIMESTAMP, constant
from vqe.plan.parameters import Parameters
from vqe.sql.ast import Parameter

HOURS_AHEAD = datetime.timezone(datetime.timedelta(hours=14))

TIMES = (
    (np.timedelta64(5, "s"), 5_000_000, DURATION),
    (np.timedelta64(2, "D"), 172_800_000_000, DURATION),
    (pd.Timedelta("5s"), 5_000_000, DURATION),
    (np.datetime64("2024"), 1_704_067_200_000_000, TIMESTAMP),
    (np.datetime64("2024-01-01T00:00"), 1_704_067_200_000_000, TIMESTAMP),
    (pd.Timestamp("2024-01-01 01:00", tz="Europe/Berlin"), 1_704_067_200_000_000, TIMESTAMP),
    (datetime.datetime(1, 1, 1, tzinfo=HOURS_AHEAD), -62_135_647_200_000_000, TIMESTAMP),
    (datetime.date(2024, 1, 1), 1_704_067_200_000_000, TIMESTAMP),
    (np.timedelta64("NaT"), None, NULL),
    (np.datetime64("NaT"), None, NULL),
    (pd.NaT, None, NULL),
)


@pytest.mark.parametrize(("value", "us", "type_"), TIMES, ids=repr)
def test_times(value, us, type_):
    bound = constant(value)
    assert (bound.value, bound.type) == (us, type_)
    assert str(bound)


REFUSED = (
    *(
        np.timedelta64(5, "ns"),
        np.timedelta64(5, "Y"),
        np.timedelta64(5),
        np.datetime64(2**62, "s"),
    ),
    *(
        datetime.timedelta.max,
        10**400,
        -(2**63) - 1,
        np.uint64(2**63),
        float("nan"),
        np.float32("inf"),
    ),
    *(pd.NA, object(), b"bus", 1j, [1], datetime.time(8), np.array(3)),
)


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: repr(value)[:15])
def test_values_that_do_not_fit(value):
    with pytest.raises(ValueError, match=r"64 bits|finite|cannot be used"):
        constant(value)


@pytest.mark.parametrize("several", [[1, 2], (1, 2), {1, 2}, np.array([1, 2])], ids=type)
def test_a_list_is_no_parameter(several):
    with pytest.raises(BindError) as raised:
        Parameters([several]).constant(Parameter(1))
    assert raised.value.hint == "a parameter is one value: IN (?, ?) has one for each"


def test_a_moment_beyond_the_calendar_prints_itself():
    assert str(constant(np.datetime64("12024-01-01"))) == "'1970-01-01 +317273587200000000 us'"
