"""CSV bytes -> rows -> cells, before anything is known of the columns.

Stands below :mod:`converters.rows`, which reads whole records, and below the readers of files.

CSV is read as Python's ``csv`` module reads it, with these rules where readers disagree: rows end
at LF outside quotes, one CR before it belongs to the ending, a quote opens only at the start of
a field, and a row that is not UTF-8 or not CSV is refused without harming its neighbours. A quote
that never closes refuses everything from its row to the record's end, as one refusal.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence

from converters.cells import Refusal
from converters.quoting import quoted, quoted_bytes

# The most rows of one record. A record of nothing but line feeds would become millions of refusals
# of half a kilobyte each.
MOST_ROWS = 100_000

# What is too long is for logs and files to say; csv's own limit would refuse a row that the path
# without quotes takes.
csv.field_size_limit(2**31 - 1)

_FIELD = rb'(?:"[^"]*+(?:""[^"]*+)*+"(?:[^",\n][^,\n]*+)?|(?!")[^,\n]*+)'
_EACH_FIELD = re.compile(rb"(?:\A|,)(%b)" % _FIELD)
_FIELDS = re.compile(rb"(?:%b,)*+" % _FIELD)
_ROW = re.compile(rb"%b(?:,%b)*+(?=\n|\Z)" % (_FIELD, _FIELD))


def frame(value: bytes) -> Iterator[tuple[bytes, bool]]:
    """Cut CSV bytes into rows at the line feeds outside quotes.

    Yields:
        (row without its line ending, whether it is complete); an incomplete row has a quote that
        never closes, reaches to the end, and is the last.
    """
    at, end = 0, len(value)
    while at < end:
        match = _ROW.match(value, at)
        if match is None:
            yield value[at:], False
            return
        yield match[0].removesuffix(b"\r"), True
        at = match.end() + 1


def open_field(row: bytes) -> int:
    """Where in an incomplete row the field begins whose quote does not close."""
    match = _FIELDS.match(row)
    return match.end() if match else 0


def longest_quoted(row: bytes) -> int:
    """The length of the longest quoted field of a framed row."""
    fields = (match[1] for match in _EACH_FIELD.finditer(row))
    return max((len(field) for field in fields if field.startswith(b'"')), default=0)


def cells_of(row: bytes) -> list[str] | Refusal:
    """The cells of one framed row."""
    try:
        text = row.decode("utf-8")
    except UnicodeDecodeError:
        return Refusal("not-utf8", "", quoted_bytes(row))
    if '"' not in text and "\r" not in text:
        return text.split(",") if text else []
    try:
        return next(csv.reader([text]), [])
    except csv.Error:  # the one fault that a framed row can still have
        return Refusal("bare-cr", "", quoted(text))


def csv_cells(value: bytes) -> Iterator[Sequence[str] | Refusal]:
    """The cells of each row, or why they cannot be told apart."""
    if not value:
        yield Refusal("empty-record", "", "")
    for number, (row, complete) in enumerate(frame(value)):
        if number == MOST_ROWS:
            yield too_many()
            return
        if complete:
            yield cells_of(row)
        else:
            yield Refusal("unclosed-quote", "", quoted_bytes(row))


def too_many() -> Refusal:
    """The one refusal of all rows after the first :data:`MOST_ROWS`."""
    return Refusal("too-many-rows", "", f"this row and all after it; a record has {MOST_ROWS:,}")
