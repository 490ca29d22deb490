"""What the client makes of the values that programs have, before anything is sent."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from converters.errors import UsageError
from serve.rows.plain_values import plain_row, plain_rows


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (math.nan, None),
        (np.float32("nan"), None),
        (pd.NaT, None),
        (pd.NA, None),
        (np.datetime64("NaT"), None),
        (np.int64(36), 36),
        (np.float32(0.5), 0.5),
        (np.float64(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("car"), "car"),
        (np.array(7), 7),
        (pd.Timestamp("2024-01-01 12:50", tz="UTC"), "2024-01-01T12:50:00+00:00"),
        (np.datetime64("2024-01-01T12:50:00.123456789"), "2024-01-01T12:50:00.123456"),
        (datetime(2024, 1, 1, 12, 50, tzinfo=UTC), "2024-01-01T12:50:00+00:00"),
        (date(2024, 1, 1), "2024-01-01"),
        (None, None),
        (True, True),
        ("", ""),
    ],
)
def test_a_value_is_sent_as_what_it_means(value: object, plain: object) -> None:
    """Missing ones as null, numbers as numbers, times as texts."""
    found = plain_row({"a": value})["a"]
    assert (found, type(found)) == (plain, type(plain)) or found == plain == "car"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (math.inf, "inf is no number that JSON has"),
        (np.array([1, 2]), "of type ndarray has no JSON"),
        (pd.Timedelta("1h"), "of type Timedelta"),
        (np.timedelta64(1, "h"), "of type timedelta64"),
        (object(), "of type object"),
        ({1}, "of type set"),
    ],
)
def test_a_value_without_json_is_named_by_its_column(value: object, words: str) -> None:
    """With the row of many, and with what to give."""
    with pytest.raises(UsageError, match=f"^Row 2, column 'amount': .*{words}"):
        plain_rows([{"amount": 1}, {"amount": value}])


def test_frames_and_series_are_rows() -> None:
    """A cell that is missing makes its column floats, and is null."""
    frame = pd.DataFrame(
        {"id": ["a", "b"], "n": [1, None], "at": pd.to_datetime(["2024-01-01", None])}
    )
    rows = [{"id": "a", "n": 1.0, "at": "2024-01-01T00:00:00"}, {"id": "b", "n": None, "at": None}]
    assert plain_rows(frame) == rows
    assert plain_row(frame.iloc[1]) == rows[1]
    assert plain_rows(row for row in rows) == rows


@pytest.mark.parametrize("rows", ["loan", {"loan": 1}, 7, ["loan"], pd.Series([1, 2])])
def test_what_is_no_list_of_rows_is_refused(rows: object) -> None:
    """Columns' names are no rows, and neither is one row by itself."""
    with pytest.raises(UsageError, match=r"give a (list of mappings|mapping of columns)"):
        plain_rows(rows)
