"""Bodies that are no rows, or none that a schema knows, whatever the route."""

from __future__ import annotations

from tests.faults.http.case import (
    NAMES,
    NOT_JSON,
    REFUSED,
    TOO_LARGE,
    Bodies,
    header_of_names,
    keys,
    listed,
    numbered,
    repeated,
    wide_rows,
)

# What is no JSON, or no row, whatever the route.
JSON_GARBAGE: Bodies = {
    "commas": (repeated(b","), (NOT_JSON,)),
    "opened lists": (repeated(b"["), (NOT_JSON,)),
    "nested lists": (lambda size: b"[" * (size // 2) + b"]" * (size // 2), (TOO_LARGE,)),
    "nested objects": (
        lambda size: b'{"a":' * (size // 6) + b"1" + b"}" * (size // 6),
        (TOO_LARGE,),
    ),
    "digits": (repeated(b"1"), (NOT_JSON, TOO_LARGE, REFUSED)),
    "a huge number": (repeated(b"9", b'{"distance":', b"}"), (NOT_JSON, TOO_LARGE)),
    "a number over the range": (repeated(b'{"distance":1e999},', b"[", b"{}]"), (NOT_JSON,)),
    "digits of a fraction": (repeated(b"1", b'{"distance":0.', b"}"), (TOO_LARGE,)),
    "quotes": (repeated(b'"'), (TOO_LARGE,)),
    "quotes and commas": (repeated(b'",'), (TOO_LARGE,)),
    "backslashes": (repeated(b"\\"), (NOT_JSON,)),
    "a text of backslashes": (repeated(b"\\\\", b'"', b'"'), (TOO_LARGE, REFUSED)),
    "line feeds": (repeated(b"\n"), (TOO_LARGE,)),
    "line ends": (repeated(b"\r\n"), (TOO_LARGE,)),
    "blanks": (repeated(b" "), (TOO_LARGE,)),
    "blanks around a value": (lambda size: b" " * (size - 1) + b"1", (TOO_LARGE, REFUSED)),
    "NULs": (repeated(b"\0"), (NOT_JSON,)),
    "invalid UTF-8": (repeated(b"\xff"), (NOT_JSON,)),
    "a text of invalid UTF-8": (repeated(b"\xff", b'"', b'"'), (TOO_LARGE,)),
    "half surrogate pairs": (repeated(b"\\ud800", b'"', b'"'), (NOT_JSON, TOO_LARGE)),
    "byte order marks": (repeated(b"\xef\xbb\xbf"), (NOT_JSON,)),
    "a long text": (repeated(b"a", b'"', b'"'), (TOO_LARGE, REFUSED)),
    "a text of escapes": (repeated(b"\\u00e9", b'"', b'"'), (TOO_LARGE, REFUSED)),
    "nulls": (repeated(b"null,", b"[", b"null]"), (TOO_LARGE,)),
    "true": (lambda size: b"true", (REFUSED,)),
    "empty lists": (repeated(b"[],", b"[", b"[]]"), (TOO_LARGE,)),
    "10,000 empty lists": (listed(b"[]"), (REFUSED,)),
    "lists of empty lists": (repeated(b"[[],[],[]],", b"[", b"[]]"), (TOO_LARGE, REFUSED)),
    "numbers": (repeated(b"1,", b"[", b"1]"), (TOO_LARGE,)),
    "10,000 numbers": (listed(b"1"), (REFUSED,)),
    "empty objects": (repeated(b"{},", b"[", b"{}]"), (TOO_LARGE,)),
    "objects in lists in objects": (
        repeated(b'{"a":[{}]},', b"[", b"{}]"),
        (TOO_LARGE,),
    ),
    "unknown keys": (keys, (TOO_LARGE, REFUSED)),
    "rows of 70 unknown keys": (wide_rows, (REFUSED,)),
    "10,000 unknown keys, all different": (numbered('{"k{n}":1}'), (REFUSED,)),
    "a long key": (repeated(b"k", b'{"', b'":1}'), (TOO_LARGE, REFUSED)),
    "a long key of escapes": (repeated(b"\\u006b", b'{"', b'":1}'), (TOO_LARGE, REFUSED)),
    "one key again and again": (repeated(b'"x":1,', b"{", b'"x":1}'), (TOO_LARGE, REFUSED)),
    "an object in a cell": (repeated(b"{},", b'{"carrier":[', b"{}]}"), (TOO_LARGE, REFUSED)),
    "a deep cell": (
        lambda size: b'{"carrier":' + b"[" * 900 + b"1" * 9 + b"]" * 900 + b"}",
        (REFUSED,),
    ),
}

CSV_GARBAGE: Bodies = {
    name: (repeated(part), (TOO_LARGE, REFUSED))
    for name, part in {
        "commas": b",",
        "quotes": b'"',
        "quotes and commas": b'",',
        "closed quotes": b'"",',
        "quoted line feeds": b'"\n"',
        "line feeds": b"\n",
        "line ends": b"\r\n",
        "carriage returns": b"\r",
        "blanks": b" ",
        "tabs": b"\t",
        "NULs": b"\0",
        "digits": b"1",
        "backslashes": b"\\",
        "brackets": b"[",
        "invalid UTF-8": b"\xff",
        "byte order marks": b"\xef\xbb\xbf",
        "one name again and again": b"hour,",
        "quoted names": b'"hour",',
        "wide characters": "\U0001f600,".encode(),
    }.items()
} | {
    "names": (header_of_names, (TOO_LARGE, REFUSED)),
    "70,000 empty names": (lambda size: b"," * 70_000 + b"\nx\n", (REFUSED,)),
    "20,000 equal names": (lambda size: b"hour," * 20_000 + b"x\nx\n", (REFUSED,)),
    "20,000 unknown names": (lambda size: header_of_names(160_000), (REFUSED,)),
}

# Rows below a header that names all columns.
CSV_ROWS: Bodies = {
    "empty rows": (repeated(b"\n", NAMES.encode() + b"\n"), (TOO_LARGE, REFUSED)),
    "rows of one cell": (repeated(b"a\n", NAMES.encode() + b"\n"), (TOO_LARGE,)),
    "a row of commas": (repeated(b",", NAMES.encode() + b"\n"), (TOO_LARGE, 200, REFUSED)),
    "an open quote": (repeated(b"a", NAMES.encode() + b'\n"'), (TOO_LARGE, 200, REFUSED)),
    "open quotes": (repeated(b'x"\n', NAMES.encode() + b"\n"), (TOO_LARGE, 200, REFUSED)),
    "rows of quoted line feeds": (
        repeated(b'"\n\n\n",\n', NAMES.encode() + b"\n"),
        (TOO_LARGE, 200, REFUSED),
    ),
}
