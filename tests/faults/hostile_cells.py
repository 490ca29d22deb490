"""Cells and whole rows that a stream should never hold, each with the judgement it must get.

The lowest step of the hostile flow (:mod:`tests.faults.hostile`): one CSV row of a real-looking
flight goes in, its bytes and the verdict come out. What is called *bad* here is so by the rules of
meaning, whatever the converter says; *good* is strange but allowed; *any* is left to the fold.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from random import Random
from typing import Literal, NamedTuple

from tests.support.serving.project import COLUMNS

# What the schema of these tests has besides the flights' columns.
MORE = """
[columns.note]
kind = "text"
[columns.fare]
kind = "numeric"
min = -1000
max = 100000
out_of_range = "reject"
missing = "reject"
[columns.raw]
kind = "numeric"
"""
NAMES = (*COLUMNS, "note", "fare", "raw")
AT = {name: place for place, name in enumerate(NAMES)}

Verdict = Literal["good", "bad", "duplicate", "any"]


class Judged(NamedTuple):
    """What must become of a row: ``said`` is the id that is scored, or the reason if known."""

    verdict: Verdict
    said: str = ""


class Row(NamedTuple):
    """The bytes of one row (no line ending) or JSON value, and its judgement."""

    content: bytes
    judged: Judged


NOT_NUMBERS = (
    *("0x1p3", "1_000", "1a5", "--1", "1e", "e5", ".", "+", "-", "far", "true", "$5", "5%"),
    *("\u0661\u0662", "\uff11\uff12", "1\u00a0", "\u22121", "1 2", "1\x00", "\x001", "1e5.5"),
    *("NaN1", "1\t", "1:2", "|a:1e30", "1 |a:1e30", "NA", "null", "1" * 3_000 + "x", "\ufeff1"),
)
NOT_FINITE = ("inf", "-inf", "Infinity", "nan", "NaN", "+nan", "1e39", "-1e400", "9" * 400)
BAD_LABELS = ("2", "yes", "1.5", " 1", "01", "-1", "nan", "\u0661", "1|", "1 |a:1e30", "true")
BAD_TIMES = ("yesterday", "-1", "9" * 17, "2020-13-45", "1e10", "1969-12-31T23:59:59+00:00", "\x00")
NOT_UTF8 = (b"\xff", b"\xc3(", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xc0\xaf", b"\xe9")
BAD_CELLS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "distance": (("not-a-number", NOT_NUMBERS), ("not-finite", NOT_FINITE)),
    "fare": (
        ("not-a-number", NOT_NUMBERS),
        ("out-of-range", ("-1000.1", "1e30", "100001")),
        ("missing-value", ("",)),
    ),
    "raw": (("not-finite", NOT_FINITE), ("unlearnable", ("1e30", "-1e20", "1e16", "9" * 30))),
    "late": (("bad-label", BAD_LABELS),),
    "at": (("bad-time", BAD_TIMES),),
}

LONGEST_ID = 1_024
STRANGE_TEXT = (
    *("|", ":", "a:1e30", "-1 |a:1e30", "1 1.0 'tag| x", "%", "%7C", "=", "\x00", "\x01\x1f\x7f"),
    *("\ufeff", "\u2028", "\u0085", "\x0b\x0c\x1c", "\u202egnp", "e\u0301" * 20, "\U0001f6eb", "'"),
    *(
        " ",
        "  lead",
        "trail ",
        "\t",
        "nan",
        "inf",
        "{",
        "[1",
        "{}",
        "\\",
        "\\n",
        "#",
        ";",
        "\u00e9",
    ),
    *("x" * 5_000, " " * 3_000, "|" * 500, "\U0010ffff", "\ufffe", "a b c d", "NULL", "--quiet"),
)
GOOD_CELLS: dict[str, tuple[str, ...]] = {
    "at": ("", "1357016400000", " 1357016400 ", "2013-01-01", "2013-01-01T05:00:00+02:00"),
    "carrier": STRANGE_TEXT,
    "origin": STRANGE_TEXT,
    "hour": ("", *STRANGE_TEXT),
    "distance": (
        *("", " 12 ", "+1.", ".5", "1e3", "-0", "1e-45", "1e-400", "0" * 400 + "7", "0.00001"),
        *("3.4e38", "-1e38", "5" + "0" * 30, "1." + "3" * 400, "1e-37", "9e-38", "0.000e99"),
    ),
    "landed": (*STRANGE_TEXT, "inf", "", "0x1p3"),
    "note": ("", " ", "a b", "a:1 b|c", "\u2003wide\u2003", "t " * 300, *STRANGE_TEXT),
    "raw": ("", "0", "-0.0", "1e-45", "1e-20", "1e15", "123456789.123456789", "0.00001"),
    "fare": ("-1000", "100000", " 7 ", "+0", "1e2", "1e-30"),
}


def plain(cells: list[str]) -> bytes:
    """Cells without anything to quote, as a row."""
    return ",".join(cells).encode()


def written(cells: list[str], draw: Random) -> bytes:
    """Cells as a row, quoted where they must be, or everywhere."""
    text = io.StringIO(newline="")
    plain = csv.writer(text, lineterminator="\r\n")
    quoted = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    draw.choice((plain, quoted)).writerow(cells)
    return text.getvalue().removesuffix("\r\n").encode()


def untouched(cells: list[str], draw: Random) -> Row:
    """A flight as it came."""
    del draw
    return Row(plain(cells), Judged("good", cells[0]))


def strange(cells: list[str], draw: Random) -> Row:
    """A flight with one to three cells that are odd, and allowed."""
    cells = list(cells)
    for _ in range(draw.randint(1, 3)):
        name = draw.choice(tuple(GOOD_CELLS))
        cells[AT[name]] = draw.choice(GOOD_CELLS[name])
    if draw.random() < 0.3:
        cells[0] += draw.choice(STRANGE_TEXT)
    if len(cells[0]) > LONGEST_ID:
        return Row(plain(cells), Judged("bad", "id-too-long"))
    return Row(plain(cells), Judged("good", cells[0]))


def quoted(cells: list[str], draw: Random) -> Row:
    """A flight whose cells hold separators, quotes and line ends, properly quoted."""
    cells = list(cells)
    odd = ("a,b", 'say "hi"', '"', '""', "a\nb", "\n", "\r\n", "\r", ",", '",\n"', "\n\n\n:1 |x:2")
    for name in draw.sample(("carrier", "origin", "hour", "landed", "note"), 2):
        cells[AT[name]] = draw.choice(odd)
    if draw.random() < 0.3:
        cells[0] += draw.choice(odd)
    return Row(written(cells, draw), Judged("good", cells[0]))


def bad_cell(cells: list[str], draw: Random) -> Row:
    """A flight with one cell that must not reach a learner."""
    cells = list(cells)
    name = draw.choice(tuple(BAD_CELLS))
    reason, choices = draw.choice(BAD_CELLS[name])
    cells[AT[name]] = draw.choice(choices)
    return Row(plain(cells), Judged("bad", reason))


def bad_quoted_cell(cells: list[str], draw: Random) -> Row:
    """A bad number between line feeds, quoted, which the refusal will quote."""
    cells = list(cells)
    cells[AT["distance"]] = draw.choice(("\n\n\n:1", "\n:0.00001 ", "1\n", "\r\n", "a,b\n|:x"))
    return Row(written(cells, draw), Judged("bad", "not-a-number"))


def bad_width(cells: list[str], draw: Random) -> Row:
    """Cells too few, too many, or none."""
    width = draw.choice((0, 1, 2, len(cells) - 1, len(cells) + 1, len(cells) + 500))
    if not width:
        return Row(b"", Judged("bad", "empty-row"))
    return Row(plain((cells * 60)[:width]), Judged("bad", "wrong-width"))


def bad_bytes(cells: list[str], draw: Random) -> Row:
    """Bytes that are not UTF-8: stray ones, Latin-1, UTF-16."""
    row = plain(cells)
    how = draw.randrange(4)
    if how == 0:
        return Row(row.decode().encode("utf-16"), Judged("bad", "not-utf8"))
    if how == 1:  # without its mark it is UTF-8, full of NULs
        return Row(row.decode().encode("utf-16-le"), Judged("bad"))
    at = draw.randrange(len(row) + 1)
    return Row(row[:at] + draw.choice(NOT_UTF8) + b"," + row[at:], Judged("bad", "not-utf8"))


def bad_return(cells: list[str], draw: Random) -> Row:
    """A carriage return in the middle of a field without quotes."""
    cells = list(cells)
    cells[AT["carrier"]] = draw.choice(("A\rX", "A\r\rX", "\rA"))
    return Row(plain(cells), Judged("bad", "bare-cr"))


def wild(cells: list[str], draw: Random) -> Row:
    """A flight shaken: what becomes of it, and of what follows, is not for us to say."""
    row = bytearray(plain(cells))
    how = draw.randrange(7)
    if how == 0:
        for _ in range(draw.randint(1, 8)):
            row[draw.randrange(len(row))] ^= 1 << draw.randrange(8)
    elif how == 1:
        del row[draw.randrange(len(row)) :]
    elif how == 2:
        at = draw.randrange(len(row) + 1)
        row[at:at] = draw.randbytes(draw.randint(1, 30))
    elif how == 3:
        for _ in range(draw.randint(1, 5)):
            at = draw.randrange(len(row) + 1)
            row[at:at] = draw.choice((b'"', b'""', b",", b"\n", b"\r", b"\r\n", b"\x00", b"'"))
    elif how == 4:
        row = bytearray(draw.randbytes(draw.randint(0, 60)))
    elif how == 5:
        row = bytearray(draw.choice((b'"', b"\n", b",", b'",', b"{", b"[", b'"\n'))) * 200
    else:
        at = draw.randrange(len(row))
        row = row[:at] + row[draw.randrange(len(row)) :]
    return Row(bytes(row), Judged("any"))


Maker = Callable[[list[str], Random], Row]

# What may stand between other rows of a record, with its weight, and what only at the end.
SAFE: tuple[tuple[Maker, int], ...] = (
    *((untouched, 40), (strange, 18), (quoted, 6), (bad_cell, 22), (bad_quoted_cell, 2)),
    *((bad_width, 4), (bad_bytes, 5), (bad_return, 2)),
)
MAKERS, WEIGHTS = zip(*SAFE, strict=True)
