"""The worst rows to score and to append."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.http.case import (
    CSV,
    JSON,
    MAX_ROW,
    MOST_ROWS,
    REFUSED,
    TOO_LARGE,
    Bodies,
    Case,
    as_rows,
    listed,
    numbered,
    of_bodies,
    repeated,
)
from tests.faults.http.garbage import CSV_GARBAGE, CSV_ROWS, JSON_GARBAGE

GOOD = '{"id":"i{n}","at":1357016400,"late":1,"carrier":"AX","origin":"JFK","hour":3,"distance":9}'
PLAIN = '{"carrier":"AX","origin":"%s","hour":3,"distance":9}'


def words(size: int) -> str:
    """A text of as many different words as fit."""
    return " ".join(f"{n:x}" for n in range(size // 6))[:size]


def large_rows(size: int) -> bytes:
    """Rows as large as a row may be, of different words."""
    row = PLAIN % words(MAX_ROW - 200)
    return listed(row.encode())(max(size, MAX_ROW))


# Each makes another refusal of a cell, by the reasons of the converter.
BAD_CELLS = {
    "not-a-number": '"distance":"far"',
    "out-of-range": '"distance":9e9',
    "bad-time": '"at":"yesterday"',
    "bad-label": '"late":"maybe"',
    "not a scalar": '"carrier":{}',
    "many tokens": f'"origin":"{"a " * 300}"',
    "tiny": '"distance":1e-300',
    "long": f'"carrier":"{"x" * 300}"',
    "line ends": '"carrier":"a\\nb"',
    "escapes": '"carrier":"\\u0041\\ud83d\\ude00\\"\\\\"',
}


def _with_cell(row: str, cell: str) -> bytes:
    """A row with another cell in place of its own."""
    column = cell.partition(":")[0]
    kept = (each for each in row[1:-1].split(",") if not each.startswith(column))
    return b"{%s}" % ",".join([*kept, cell]).encode()


TIMED = GOOD.replace("1357016400", "{t}").replace('"i{n}"', '"t{n}"')
PREDICT_JSON: Bodies = {
    "10,000 rows": (numbered(GOOD), (200,)),
    "10,000 instances": (numbered(GOOD, around='{"instances":[%s]}'), (200,)),
    "10,000 empty rows": (listed(b"{}"), (200,)),
    "10,001 empty rows": (listed(b"{}", MOST_ROWS + 1), (TOO_LARGE,)),
    "a row of many words": (lambda size: (PLAIN % words(MAX_ROW - 100)).encode(), (200, 422)),
    "rows of many words": (large_rows, (200,)),
    "instances in instances": (repeated(b'{"instances":[', after=b"]}"), (TOO_LARGE,)),
    "many instances": (repeated(b"{},", b'{"instances":[', b"{}]}"), (TOO_LARGE,)),
    "keys in every order": (numbered('{"hour":3,"{n}":1}'), (REFUSED,)),
    **{
        f"10,000 rows, each odd: {name}": (listed(b"{%b}" % cell.encode()), (200,))
        for name, cell in BAD_CELLS.items()
    },
}
PREDICT_CSV: Bodies = {
    "10,000 rows": (as_rows("i{n},1357016400,1,AX,JFK,3,9,"), (200,)),
    "10,000 rows of bad cells": (as_rows("i{n},x,maybe,AX,JFK,3,far,"), (200,)),
    "10,000 rows, quoted": (as_rows('"i{n}","1357016400","1","A""X","J",3,9,'), (200,)),
    "a byte order mark": (lambda size: b"\xef\xbb\xbfhour\n3\n", (200, 422)),
    "CRLF": (repeated(b"3\r\n", b"hour\r\n"), (TOO_LARGE,)),
    "large rows": (
        lambda size: b"origin\n" + (words(MAX_ROW - 200).encode() + b"\n") * (size // MAX_ROW),
        (200, 422),
    ),
}
EVENTS_JSON: Bodies = {
    "10,000 rows": (numbered(GOOD), (202,)),
    "10,000 different times": (numbered(TIMED), (202,)),
    "rows of many words": (large_rows, (202,)),
    "10,000 empty rows": (listed(b"{}"), (202,)),
    **{
        f"10,000 rows, each odd: {name}": (
            listed(_with_cell(GOOD.replace("{n}", ""), cell)),
            (202, REFUSED),
        )
        for name, cell in BAD_CELLS.items()
    },
}
EVENTS_CSV: Bodies = {
    "10,000 rows": (as_rows("i{n},1357016400,1,AX,JFK,3,9,"), (202,)),
    "10,000 different times": (as_rows("u{n},{t},1,AX,JFK,3,9,"), (202,)),
    "10,000 rows of bad cells": (as_rows("i{n},x,maybe,AX,JFK,3,far,"), (REFUSED,)),
}
LABELS_JSON: Bodies = {
    "10,000 labels": (numbered('{"id":"l{n}","label":1}'), (202,)),
    "10,000 different times": (numbered('{"id":"l{n}","label":1,"time":{t}}'), (202,)),
    "10,000 bad times": (numbered('{"id":"l{n}","label":1,"time":"x{n}"}'), (REFUSED,)),
    "10,000 bad labels": (numbered('{"id":"l{n}","label":"x{n}"}'), (REFUSED,)),
    "10,000 long ids": (listed(b'{"id":"%b","label":1}' % (b"x" * 500)), (202,)),
    "10,000 labels without id": (listed(b'{"label":1}'), (REFUSED,)),
}
LABELS_CSV: Bodies = {
    "10,000 labels": (numbered("m{n},1", between="\n", around="%s"), (202,)),
    "10,000 different times": (numbered("m{n},1,{t}", between="\n", around="%s"), (202,)),
    "10,000 bad times": (numbered("m{n},1,x{n}", between="\n", around="%s"), (REFUSED,)),
    "labels of one cell": (repeated(b"a\n"), (TOO_LARGE,)),
    "labels of commas": (repeated(b",,\n"), (TOO_LARGE,)),
}


def row_cases() -> Iterator[Case]:
    """What is worst to score and to append."""
    for path in ("/predict", "/events", "/labels"):
        yield from of_bodies(path, JSON, JSON_GARBAGE)
        yield from of_bodies(path, CSV, CSV_GARBAGE)
    yield from of_bodies("/predict", JSON, PREDICT_JSON)
    yield from of_bodies("/predict", CSV, CSV_ROWS | PREDICT_CSV)
    yield from of_bodies("/events", JSON, EVENTS_JSON)
    yield from of_bodies("/events", CSV, {k: (b, (413, 422)) for k, (b, _) in CSV_ROWS.items()})
    yield from of_bodies("/events", CSV, EVENTS_CSV)
    yield from of_bodies("/labels", JSON, LABELS_JSON)
    yield from of_bodies("/labels", CSV, LABELS_CSV)
