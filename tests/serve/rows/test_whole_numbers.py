"""Numbers of JSON without a fraction: ``1.0`` is the integer 1 where only that can be meant."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from converters.convert.records import RowReader
from serve.http.problems import RowsRefusedError
from serve.http.turns import finished
from serve.rows.appended_records import IngestReader
from serve.rows.request_rows import RequestReader
from serve.rows.row_limits import RowLimits
from tests.support.rows.schemas import Columns, build

COLUMNS: Columns = {
    "late": {"role": "label"},
    "x": {"kind": "numeric"},
    "flag": {"kind": "boolean"},
    "listed": {"kind": "categorical", "values": ["3", "4"], "unseen": "reject"},
    "free": {"kind": "categorical"},
    "at": {"kind": "time", "zone": "UTC"},
}
NOW = 1_700_000_000_000


def appended(row: dict[str, Any], columns: Columns = COLUMNS, **sections: Any) -> dict[str, Any]:
    """An event row as it is appended."""
    reader = RowReader(build(columns, **sections))
    body = orjson.dumps(row)
    requests = RequestReader(reader, RowLimits(10, 10**6, 10**6))
    ((record, *_),) = finished(IngestReader(requests).events("application/json", body, NOW))
    found: dict[str, Any] = orjson.loads(record.value)
    return found


def test_where_only_an_integer_can_be_meant_it_is_taken() -> None:
    """Labels, truth values, listed values and times; other cells are as they were sent."""
    row = {"late": 1.0, "x": 2.0, "flag": 0.0, "listed": 3.0, "free": 5.0, "at": 1.357e9}
    found = appended(row)
    assert repr(found) == repr(row | {"late": 1, "flag": 0, "listed": 3, "at": 1_357_000_000})


@pytest.mark.parametrize("label", [1.5, 2.0, True, "1.5", 1e9, -1.0])
def test_what_is_no_label_is_still_none(label: object) -> None:
    """A fraction, another number, a truth value and another text are no labels."""
    with pytest.raises(RowsRefusedError, match="not a label of the label map"):
        appended({"late": label})


def test_spellings_with_a_fraction_are_kept() -> None:
    """Where the label map says 1.0, as pandas writes it, that is the spelling."""
    label = {"positive": ["1.0"], "negative": ["0.0"]}
    assert repr(appended({"late": 1.0, "x": 1}, label=label)["late"]) == "1.0"
