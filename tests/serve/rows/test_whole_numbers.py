"""Numbers of JSON without a fraction: ``1.0`` is the integer 1 where only that can be meant."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from converters.cells.kind import CONVERTER_VERSION
from converters.convert.records import RowReader
from converters.convert.to_vw_text import FEWEST_IN_BLOCK
from serve.http.problems import RowsRefusedError
from serve.http.turns import finished
from serve.rows.appended_records import IngestReader
from serve.rows.request_rows import RequestReader
from serve.rows.row_limits import RowLimits
from tests.support.rows.read_back import rows_again
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


MIXED: Columns = {
    "key": {"role": "id"},
    "late": {"role": "label"},
    "size": {"kind": "numeric"},
    "level": {"kind": "categorical", "was": "floor"},
    "flag": {"kind": "boolean"},
    "code": {"kind": "categorical", "values": ["7", "8"], "unseen": "reject"},
}
cells: st.SearchStrategy[Any] = st.sampled_from(
    [7, 7.0, 7.5, -0.0, 2.0**53, 2.0**70, None, "7.0", True, "x", []]
)
names = st.lists(st.sampled_from([*MIXED, "floor", "extra"]), unique=True, min_size=1, max_size=5)
objects_alike = names.flatmap(
    lambda keys: st.lists(st.fixed_dictionaries(dict.fromkeys(keys, cells)), min_size=1, max_size=4)
)


@pytest.mark.parametrize("converter", [2, CONVERTER_VERSION])
@given(objects_alike, st.booleans())
@example([{"key": 7.0}], True)
def test_rows_of_many_are_what_each_is_alone(
    converter: int, rows: list[dict[str, Any]], alike: bool
) -> None:
    """What is converted, answered as the id, and appended, whether keys are alike or not."""
    schema = build(MIXED, record={"extra": "ignore"}).read_by(converter)
    reader = RequestReader(RowReader(schema), RowLimits(1_000, 10**6, 10**6))
    if rows[0].keys() == {"extra"}:
        return
    rows = [*rows, *([] if alike else [{"key": 1}])] * FEWEST_IN_BLOCK
    alone = [_read(reader, orjson.dumps(row))[0] for row in rows]
    assert _read(reader, orjson.dumps(rows)) == alone


def _read(reader: RequestReader, body: bytes) -> list[tuple[object, str, str]]:
    """The rows of a body, with their ids and objects, spelt so that 7 is not 7.0."""
    found: list[tuple[object, str, str]] = []
    for part in filter(None, reader.objects(body)):
        converted = part.converted()
        ids, objects = map(repr, part.ids(converted)), map(repr, part.objects)
        found += zip(rows_again(converted), ids, objects, strict=True)
    return found
