"""A schema, a good row of it, a dialect, and the headers of records, for tests of reading rows."""

from __future__ import annotations

from converters.convert.records import Headers
from converters.convert.to_vw_text import Row
from converters.files.framing import Dialect
from tests.support.rows import schemas

COLUMNS: schemas.Columns = {
    "key": {"role": "id"},
    "when": {"role": "time"},
    "late": {"role": "label", "missing_values": ["NA"]},
    "dist": {"kind": "numeric", "min": 0, "max": 5000, "out_of_range": "reject"},
    "carrier": {"kind": "categorical", "missing": "reject"},
}
GOOD = b"k1,2013-01-01,1,700,UA"
GOOD_ROW: Row = ("k1", 1, "| dist:700 carrier=UA")

# Most tests separate cells by commas.
COMMA = Dialect(",")

JSON: Headers = [("content-type", b"application/json")]
CSV: Headers = [("content-type", b"text/csv; charset=utf-8")]


def columns(*names: str) -> Headers:
    """The headers of a record whose rows stand under these columns."""
    return [("columns", ",".join(names).encode())]
