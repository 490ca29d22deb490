"""Rows as JSON that a stream should never hold, and records that are hardly JSON at all.

Beside :mod:`tests.faults.hostile_cells`, for the other content type.
"""

from __future__ import annotations

import json
from random import Random

from tests.faults.hostile_cells import (
    AT,
    BAD_CELLS,
    GOOD_CELLS,
    NAMES,
    STRANGE_TEXT,
    Judged,
    Row,
)

NOT_ROWS = (b"5", b'"text"', b"null", b"true", b"[]", b"[[1]]", b"1.5", b'["a", "b"]')
NESTED = (b"{}", b"[]", b'{"a": 1}', b"[" * 900 + b"]" * 900, b'[{"a": [1, 2]}]')

# Whole records that are refused as one row where the header says JSON.
NO_JSON = (
    *(
        b"{not json",
        b"[1,]",
        b"{",
        b'{"id": NaN}',
        b"[Infinity]",
        b"{'id': 1}",
        b'{"id": "\\ud800"}',
    ),
    *(b"\xef\xbb\xbf{", b'{"id": 1}'.decode().encode("utf-16"), b"\xff", b'"', b"{}{}", b"\x00"),
    *(b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000, b"nul", b" "),
    *(b'{"id": "a\nb"}', b"[01]", b"[.5]", b"[0x10]", b"[1_000]", b"f1,1357016400,1,AX,JFK,3,1,"),
)


def fields(cells: list[str], draw: Random) -> dict[str, bytes]:
    """A flight's columns as JSON texts; numbers with or without quotes."""
    texts = {}
    for name, cell in zip(NAMES, cells, strict=True):
        number = name in {"distance", "fare", "hour", "raw"} and cell and draw.random() < 0.5
        texts[name] = cell.encode() if number else json.dumps(cell).encode()
    return texts


def made(texts: dict[str, bytes]) -> bytes:
    """The object of these columns."""
    return b"{" + b", ".join(b'"%b": %b' % (n.encode(), t) for n, t in texts.items()) + b"}"


def json_row(cells: list[str], draw: Random) -> Row:
    """A flight as an object, mostly with something wrong or odd about it."""
    texts, how = fields(cells, draw), draw.randrange(12)
    if how < 7:
        return cell_row(texts, cells[0], how, draw)
    if how == 7:
        texts[draw.choice(NAMES)] = draw.choice(NESTED)
        return Row(made(texts), Judged("bad", "nested-value"))
    if how == 8:
        texts[json.dumps("no such " + draw.choice(STRANGE_TEXT))[1:-1]] = b"1"
        return Row(made(texts), Judged("bad", "unknown-column"))
    if how == 9:
        return Row(draw.choice(NOT_ROWS), Judged("bad", "not-a-row"))
    return odd_value(texts, Judged("good", cells[0]), draw)


def cell_row(texts: dict[str, bytes], id_: str, how: int, draw: Random) -> Row:
    """A flight as it came, or with one cell that is strange, or bad."""
    judged = Judged("good", id_)
    if how in {4, 5}:
        name = draw.choice(tuple(GOOD_CELLS))
        texts[name] = json.dumps(draw.choice(GOOD_CELLS[name]), ensure_ascii=how == 4).encode()
    elif how == 6:
        name = draw.choice(tuple(BAD_CELLS))
        reason, choices = draw.choice(BAD_CELLS[name])
        texts[name] = json.dumps(draw.choice(choices)).encode()
        judged = Judged("bad", reason)
    return Row(made(texts), judged)


def odd_value(texts: dict[str, bytes], good: Judged, draw: Random) -> Row:
    """Numbers that no double holds, labels of another type, keys twice, keys that are missing."""
    how = draw.randrange(6)
    if how == 0:
        texts["raw"] = b"1" + b"0" * 30
        return Row(made(texts), Judged("bad", "unlearnable"))
    if how == 1:
        texts["distance"] = b"1" + b"0" * 300
        return Row(made(texts), Judged("bad", "not-finite"))
    if how == 2:
        texts["late"] = draw.choice((b"true", b"1.5", b"-1", b"2"))
        return Row(made(texts), Judged("bad", "bad-label"))
    if how == 3:
        return Row(b'{"fare": 5, ' + made(texts)[1:], good)
    if how == 4:
        del texts[draw.choice(("carrier", "origin", "hour", "landed", "note"))]
        return Row(made(texts), good)
    del texts["fare"]
    return Row(made(texts), Judged("bad", "missing-value"))


def json_label(cells: list[str], label: str, draw: Random) -> bytes:
    """A label row as an object."""
    texts = {"id": json.dumps(cells[AT["id"]]).encode(), "label": label.encode()}
    if draw.random() < 0.5:
        texts["label"] = json.dumps(label).encode()
    return made(texts)
