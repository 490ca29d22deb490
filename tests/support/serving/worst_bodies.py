"""Bodies that are the most work for their size: for each route and media type, of any size.

Each is made to meet one step of a request that could be slow: finding the header, cutting rows,
parsing, checking names, converting, scoring, wording errors. The right answer to nearly all of them
is a refusal; what counts is that the server goes on answering others meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

JSON, CSV = "application/json", "text/csv"
SCORE, EVENTS, LABELS = "/predict", "/events", "/labels"
ROWS, ADMIN = (SCORE, EVENTS), ("/promote", "/rollback", "/unpin")
# The columns of the small project that the bodies use; another project gives its own.
CATEGORY, NUMBER, TIME, ID = "carrier", "distance", "at", "id"

Made = Callable[[int], bytes]


@dataclass(frozen=True)
class WorstBody:
    """A kind of body.

    Attributes:
        name: what is special about it.
        kind: its media type.
        routes: where it is sent.
        of: makes one of about so many bytes.
    """

    name: str
    kind: str
    routes: tuple[str, ...]
    of: Made


def worst_bodies() -> Iterator[WorstBody]:
    """Every kind of body."""
    for name, made in _json_values().items():
        yield WorstBody(name, JSON, (*ROWS, LABELS, *ADMIN), made)
    for name, made in _json_rows().items():
        yield WorstBody(name, JSON, ROWS, made)
    for name, made in _json_labels().items():
        yield WorstBody(name, JSON, (LABELS,), made)
    for name, made in _csv_texts().items():
        yield WorstBody(name, CSV, (*ROWS, LABELS), made)
    for name, made in _csv_rows().items():
        yield WorstBody(name, CSV, ROWS, made)
    for name, made in _csv_labels().items():
        yield WorstBody(name, CSV, (LABELS,), made)


def filled(unit: bytes, size: int, before: bytes = b"", after: bytes = b"") -> bytes:
    """A unit as often as a size has room for, between what is before and after."""
    return before + unit * max(1, (size - len(before) - len(after)) // len(unit)) + after


def listed(unit: bytes, size: int, before: bytes = b"[", after: bytes = b"]") -> bytes:
    """A JSON list of the same element."""
    return filled(unit + b",", size, before, unit + after)


def keyed(size: int, value: bytes = b"0") -> bytes:
    """A JSON object of as many different keys as there is room for."""
    count = max(1, size // (len(value) + 11))
    return b"{%b}" % b",".join(b'"%07d":%b' % (number, value) for number in range(count))


def many(line: Callable[[int], bytes], size: int) -> bytes:
    """Numbered lines."""
    count = max(1, size // len(line(10_000)))
    return b"".join(map(line, range(count)))


def _json_values() -> dict[str, Made]:
    """JSON that is no row, a wrong one, or none at all."""
    return {
        "empty objects": lambda n: listed(b"{}", n),
        "empty lists": lambda n: listed(b"[]", n),
        "numbers": lambda n: listed(b"0", n),
        "objects of objects": lambda n: listed(b'{"":{}}', n),
        "one object of unknown keys": keyed,
        "one object of objects": lambda n: keyed(n, b"{}"),
        "a list of one object of unknown keys": lambda n: b"[%b]" % keyed(n),
        "rows of 70 unknown keys": lambda n: listed(keyed(12 * 70), n),
        "one key twice and again": lambda n: filled(b'"a":1,', n, b"{", b'"a":1}'),
        "a key of the whole size": lambda n: filled(b"k", n, b'{"', b'":1}'),
        "a value of the whole size": lambda n: filled(b"v", n, b'{"carrier":"', b'"}'),
        "a list of one long value": lambda n: filled(b"v", n, b'[{"carrier":"', b'"}]'),
        "lists in lists": lambda n: b"[" * n,
        "lists in lists, closed": lambda n: b"[" * (n // 2) + b"]" * (n // 2),
        "deep elements": lambda n: listed(b"[" * 1000 + b"]" * 1000, n),
        "deep cells": lambda n: listed(b'{"carrier":' + b"[" * 900 + b"]" * 900 + b"}", n),
        "objects in objects": lambda n: b'{"a":' * (n // 5),
        "an open string": lambda n: filled(b"a", n, b'[{"carrier":"'),
        "backslashes": lambda n: filled(b"\\", n, b'[{"carrier":"', b'"}]'),
        "escaped quotes": lambda n: filled(b'\\"', n, b'[{"carrier":"', b'"}]'),
        "rows' ends in strings": lambda n: listed(b'{"carrier":"},{"}', n),
        "only quotes": lambda n: b'"' * n,
        "only commas": lambda n: filled(b",", n, b"[", b"]"),
        "only blanks": lambda n: b" " * n,
        "blanks before a row": lambda n: filled(b" ", n, b"", b"{}"),
        "blanks after a list": lambda n: filled(b" ", n, b"[{}]"),
        "blanks in a list": lambda n: filled(b"\n", n, b"[", b"]"),
        "no JSON": lambda n: b"a" * n,
        "zero bytes": bytes,
        "bytes that are no text": lambda n: b"\xff" * n,
        "a number of the whole size": lambda n: b"1" * n,
        "a wrong end": lambda n: listed(b"{}", n, after=b"}"),
        "instances and more": lambda n: listed(b"{}", n, b'{"instances":[', b'],"x":[]}'),
    }


def _json_rows() -> dict[str, Made]:
    """Rows of the schema, or nearly."""
    text = b'{"carrier":"%b"}'
    return {
        "instances": lambda n: listed(b'{"id":"f1"}', n, b'{"instances":[', b"]}"),
        "rows of 800 bytes": lambda n: listed(text % (b"x" * 785), n),
        "rows of 60,000 bytes": lambda n: listed(text % (b"x" * 60_000), n),
        "rows of 60,000 bytes to be escaped": lambda n: listed(text % (b":" * 60_000), n),
        "rows of 30,000 words": lambda n: listed(text % (b": " * 30_000), n),
        "texts that are crossed": lambda n: listed(
            b'{"carrier":"%b","origin":"%b"}' % (b"a " * 900, b"b " * 900), n
        ),
        "texts of too many crosses": lambda n: listed(
            b'{"carrier":"%b","origin":"%b"}' % (b"a " * 30_000, b"b " * 30_000), n
        ),
        "cells that are no numbers": lambda n: listed(b'{"distance":"x"}', n),
        "long cells that are no numbers": lambda n: listed(b'{"distance":"%b"}' % (b"x" * 800), n),
        "numbers of many digits": lambda n: listed(b'{"distance":"%b"}' % (b"1" * 50_000), n),
        "fractions of many digits": lambda n: listed(b'{"distance":"0.%b"}' % (b"1" * 50_000), n),
        "times of many digits": lambda n: listed(b'{"at":"1357016400.%b"}' % (b"1" * 800), n),
        "long cells that are no times": lambda n: listed(b'{"at":"%b"}' % (b"2" * 800), n),
        "different times": lambda n: b"[%b]" % many(lambda i: b'{"at":%d},' % (10**9 + i), n)[:-1],
        "different times of a zone": lambda n: (
            b"[%b]"
            % many(lambda i: b'{"at":"2013-01-01T00:%02d:%02d"},' % (i // 60 % 60, i % 60), n)[:-1]
        ),
        "nested cells": lambda n: listed(b'{"carrier":[%b0]}' % (b"0," * 400), n),
        "long ids": lambda n: listed(b'{"id":"%b"}' % (b"i" * 1_024), n),
        "ids too long": lambda n: listed(b'{"id":"%b"}' % (b"i" * 1_025), n),
        "one bad row at the end": lambda n: listed(b"{}", n, after=b',{"x":1}]'),
    }


def _json_labels() -> dict[str, Made]:
    """Labels, or nearly."""
    return {
        "labels": lambda n: listed(b'{"id":"f1","label":"1"}', n),
        "labels of different times": lambda n: (
            b"[%b]" % many(lambda i: b'{"id":%d,"label":1,"time":%d},' % (i, 10**9 + i), n)[:-1]
        ),
        "labels that are none": lambda n: listed(b'{"id":"f1","label":"%b"}' % (b"x" * 800), n),
        "labels of unknown keys": lambda n: listed(b'{"id":1,"label":1,"x":{}}', n),
    }


def _csv_texts() -> dict[str, Made]:
    """CSV that is no row of any schema."""
    return {
        "a header of commas": lambda n: b"," * n,
        "a header of different names": lambda n: many(lambda i: b"%07d," % i, n),
        "a header of one name": lambda n: b"a" * n,
        "a header of quotes": lambda n: b'"' * n,
        "a header of quoted names": lambda n: b'"a",' * (n // 4),
        "a header of quoted quotes": lambda n: b'"""",' * (n // 5),
        "a header that is open": lambda n: b'"' + b"a" * n,
        "line feeds": lambda n: b"\n" * n,
        "carriage returns": lambda n: b"\r" * n,
        "line ends": lambda n: b"\r\n" * (n // 2),
        "byte order marks": lambda n: b"\xef\xbb\xbf" * (n // 3),
        "zero bytes of CSV": bytes,
        "bytes that are no text of CSV": lambda n: b"\xff" * n,
        "blanks": lambda n: b" " * n,
    }


def _csv_rows() -> dict[str, Made]:
    """Rows below a header of the schema."""
    head = b"carrier\n"
    rows: dict[str, bytes] = {
        "rows of line feeds": b"\n",
        "rows of line ends": b"\r\n",
        "a row of commas": b",",
        "a row of quotes": b'"',
        "a row of empty quotes": b'"",',
        "a row of carriage returns": b"\r",
        "a row of byte order marks": b"\xef\xbb\xbf",
        "rows of one letter": b"A\n",
        "rows of one quoted letter": b'"A"\n',
        "rows of quoted line feeds": b'"\n\n\n"\n',
        "rows of text behind a quote": b'"A"x\n',
        "rows of bare carriage returns": b"A\rB\n",
        "rows of bytes that are no text": b"\xff\n",
        "rows of 800 bytes in CSV": b"x" * 800 + b"\n",
        "rows of 800 quoted bytes": b'"' + b"x" * 800 + b'"\n',
        "rows of 800 commas": b"," * 800 + b"\n",
        "rows of 60,000 bytes in CSV": b"x" * 60_000 + b"\n",
        "rows of 60,000 colons in CSV": b":" * 60_000 + b"\n",
        "rows of 30,000 words in CSV": b": " * 30_000 + b"\n",
        "rows of 20,000 empty quotes": b'"",' * 20_000 + b"\n",
        "rows of 30,000 quotes in quotes": b'"' + b'""' * 30_000 + b'"\n',
    }

    def below(unit: bytes) -> Made:
        return lambda n: filled(unit, n, head)

    return {
        **{name: below(unit) for name, unit in rows.items()},
        "an open quote": lambda n: filled(b"a", n, head + b'"'),
        "an open quote over lines": lambda n: filled(b"a\n", n, head + b'"'),
        "an open quote behind quotes": lambda n: filled(b'"",', n, head, b'"'),
        "different times in CSV": lambda n: b"at\n" + many(lambda i: b"%d\n" % (10**9 + i), n),
        "no numbers in CSV": lambda n: filled(b"x\n", n, b"distance\n"),
        "numbers of many digits in CSV": lambda n: filled(b"1" * 50_000 + b"\n", n, b"distance\n"),
    }


def _csv_labels() -> dict[str, Made]:
    """CSV of labels."""
    return {
        "labels in CSV": lambda n: filled(b"f1,1\n", n),
        "quoted labels": lambda n: filled(b'"f1","1"\n', n),
        "labels of commas": lambda n: filled(b"," * 800 + b"\n", n, b"id,label\n"),
        "labels of line feeds": lambda n: filled(b"\n", n, b"id,label\n"),
        "different label times in CSV": lambda n: many(lambda i: b"f,1,%d\n" % (10**9 + i), n),
        "an open quote of a label": lambda n: filled(b"a", n, b'id,label\n"'),
    }
