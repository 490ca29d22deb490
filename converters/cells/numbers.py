"""Cells to numbers, and numbers to the text that Vowpal Wabbit reads.

Stands beside :mod:`converters.cells.refusal`, below the kinds of columns that hold numbers.

VW's decimal parser works in float32 and loses magnitudes under 1e-17 and near the largest float;
outside ``PLAIN_DECIMALS`` numbers are written as hexadecimal floats, which it reads exactly.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import orjson

from converters.cells.refusal import RefusedCellError

LARGEST_FLOAT32 = 3.4028234663852886e38
# Below this VW drops the feature altogether; the cell counts as zero.
SMALLEST_READ = 1e-37
PLAIN_DECIMALS = (1e-15, 1e37)
# Here orjson writes what repr does, in a quarter of the time.
SAME_AS_REPR = (1e-4, 1e16)

# Possessive: with plain repeats, 40 KB of digits and an x took minutes to be refused. Not so the
# last group: before 3.11.5, Python forgot to go back where a possessive group had failed midway.
NUMBER = re.compile(r"[+-]?+(?:[0-9]++\.?+[0-9]*+|\.[0-9]++)(?:[eE][+-]?+[0-9]++)?")
NOT_FINITE = re.compile(r"[+-]?(?:inf|infinity|nan)", re.IGNORECASE)
# What numbers hold, and the commas that hold them apart here. A reader may take more: inf and nan,
# other digits, other blanks, underscores, and what is JSON.
_DECIMAL = b"0123456789eE+-. ,"


def number(cell: str) -> float:
    """The value of a numeric cell: decimal notation, finite as float32.

    Raises:
        RefusedCellError: ``not-finite`` or ``not-a-number``.
    """
    try:
        value = float(cell)
        # To ask for these is quicker than NUMBER.
        if (
            abs(value) <= LARGEST_FLOAT32
            and cell.isascii()
            and cell.isprintable()
            and "_" not in cell
        ):
            return value
    except ValueError:
        pass
    plain = cell.strip(" ")
    infinite = NUMBER.fullmatch(plain) or NOT_FINITE.fullmatch(plain)
    raise RefusedCellError("not-finite" if infinite else "not-a-number", cell)


def numbers(cells: Sequence[str]) -> list[float] | None:
    """The values of many cells, or None if one of them needs a closer look; then ask one by one."""
    joined = ",".join(cells)
    if joined.encode("utf-8", "replace").translate(None, _DECIMAL):
        return None
    try:
        # Reads long decimals in a tenth of float's time, and rounds alike.
        values = list(map(float, orjson.loads(f"[{joined}]")))
    except orjson.JSONDecodeError:
        try:
            values = list(map(float, cells))
        except ValueError:
            return None
    if len(values) != len(cells):  # a cell held a comma
        return None
    inside = min(values) >= -LARGEST_FLOAT32 and max(values) <= LARGEST_FLOAT32
    return values if inside else None


def number_text(value: float) -> str:
    """How a nonzero number is written for VW, which reads it within 8 ulp of float32."""
    magnitude = abs(value)
    if SAME_AS_REPR[0] <= magnitude < SAME_AS_REPR[1]:
        return orjson.dumps(value).decode().removesuffix(".0")
    if PLAIN_DECIMALS[0] <= magnitude < PLAIN_DECIMALS[1]:
        return repr(value).removesuffix(".0")
    return value.hex()


def number_pieces(lead: str, values: Sequence[float], zero: str) -> list[str]:
    """What :func:`number_text` gives for many numbers, each after ``lead``.

    Those that VW could not tell from zero become ``zero``.

    Some 60 ns a number instead of 400: all are written at once, and those that orjson writes in
    another way than repr are mended.
    """
    text = orjson.dumps(values).decode()[1:-1]
    text = (text + ",").replace(".0,", ",")[:-1]
    pieces = (lead + text.replace(",", f"\n{lead}")).split("\n")
    low, high = SAME_AS_REPR
    magnitudes = list(map(abs, values))
    if min(magnitudes) < low or max(magnitudes) >= high:
        for at, magnitude in enumerate(magnitudes):
            if not low <= magnitude < high:
                pieces[at] = lead + number_text(values[at]) if magnitude >= SMALLEST_READ else zero
    return pieces


def log1p(value: float) -> float:
    """``sign(x) * log(1 + |x|)``; always by ``math``, for numpy's differs on 1 % of doubles."""
    return math.copysign(math.log1p(abs(value)), value)
