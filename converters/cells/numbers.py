"""Numbers: read from cells, and written for Vowpal Wabbit.

VW drops a feature of value zero, and one under 1e-37, as if it were missing: both are written as
the category ``name=0``.

VW's decimal parser works in float32 and loses magnitudes under 1e-17 and near the largest float;
outside ``PLAIN_DECIMALS`` numbers are written as hexadecimal floats, which it reads exactly.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import orjson

from converters.cells.kind import Pieces
from converters.cells.refusal import RefusedCellError

LARGEST_FLOAT32 = 3.4028234663852886e38
# Below this VW drops the feature altogether; the cell counts as zero.
SMALLEST_READ = 1e-37
PLAIN_DECIMALS = (1e-15, 1e37)
# Zero and magnitudes from the first up to the second every learner takes, and products of two too.
PLAIN_NUMBERS = (1e-4, 1e7)
# Here orjson writes what repr does, in a quarter of the time.
SAME_AS_REPR = (1e-4, 1e16)

# Possessive: with plain repeats, 40 KB of digits and an x took minutes to be refused. Not so the
# last group: before 3.11.5, Python forgot to go back where a possessive group had failed midway.
NUMBER = re.compile(r"[+-]?+(?:[0-9]++\.?+[0-9]*+|\.[0-9]++)(?:[eE][+-]?+[0-9]++)?")
NOT_FINITE = re.compile(r"[+-]?(?:inf|infinity|nan)", re.IGNORECASE)
# What numbers hold, and the commas that hold them apart here. A reader may take more: inf and nan,
# other digits, other blanks, underscores, and what is JSON.
_DECIMAL = b"0123456789eE+-. ,"
# The blanks that JSON takes between numbers, and no cell may hold.
_BREAKS = ("\t", "\n", "\r")
_NUMBER_TYPES = frozenset((int, float))
# Integers between are doubles too.
EXACT = 2**53


class Numbers(NamedTuple):
    """The values of many cells, at least one.

    Attributes:
        values: of each.
        low, high: the lowest and the highest of them.
        cells: these as they are written, if they were not transformed; and as one list of JSON.
    """

    values: Sequence[float]
    low: float
    high: float
    cells: Sequence[str] = ()
    written: str = ""

    def transformed(self, transform: Callable[[float], float]) -> Numbers:
        """The same, each transformed."""
        values = list(map(transform, self.values))
        return Numbers(values, min(values), max(values))


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


def numbers(cells: Sequence[str]) -> Numbers | None:
    """The values of many cells, or None if one of them has to be read by itself."""
    joined = ",".join(cells)
    values: Sequence[float] | None
    try:
        # Reads long decimals in a tenth of float's time, and rounds alike.
        written = f"[{joined}]"
        values = orjson.loads(written)
    except orjson.JSONDecodeError:
        values = _spelt_otherwise(cells, joined)
    # A cell may have held a comma, or the white space of JSON.
    if values is None or len(values) != len(cells) or any(map(joined.__contains__, _BREAKS)):
        return None
    types = set(map(type, values))
    if not types <= _NUMBER_TYPES:
        return None
    low, high = min(values), max(values)
    if int in types and (len(types) > 1 or not -EXACT < low <= high < EXACT):
        values = list(map(float, values))
        low, high = float(low), float(high)
    inside = low >= -LARGEST_FLOAT32 and high <= LARGEST_FLOAT32
    return Numbers(values, low, high, cells, written) if inside else None


def _spelt_otherwise(cells: Sequence[str], joined: str) -> list[float] | None:
    """The values of cells that are not all as JSON writes numbers: ``.5``, ``+1``, ``007``."""
    if joined.encode("utf-8", "replace").translate(None, _DECIMAL):
        return None
    try:
        return list(map(float, cells))
    except ValueError:
        return None


def number_text(value: float) -> str:
    """How a nonzero number is written for VW, which reads it within 8 ulp of float32."""
    magnitude = abs(value)
    if SAME_AS_REPR[0] <= magnitude < SAME_AS_REPR[1]:
        return orjson.dumps(value).decode().removesuffix(".0")
    if PLAIN_DECIMALS[0] <= magnitude < PLAIN_DECIMALS[1]:
        return repr(value).removesuffix(".0")
    return value.hex()


def is_plain(piece: str) -> bool:
    """Whether the number in a piece of VW text, if there is one, is within :data:`PLAIN_NUMBERS`.

    >>> is_plain(" a:0.5"), is_plain(" a=0"), is_plain(" a:1e-05"), is_plain(" a:0x1p-60")
    (True, True, False, False)
    """
    _, colon, text = piece.partition(":")
    try:
        return not colon or PLAIN_NUMBERS[0] <= abs(float(text)) < PLAIN_NUMBERS[1]
    except ValueError:  # hexadecimal
        return False


def number_pieces(lead: str, found: Numbers, zero: str) -> Pieces:
    """What :func:`number_text` gives for many numbers, each after ``lead``.

    Those that VW could not tell from zero become ``zero``.

    Some 60 ns a number instead of 400: all are written at once, and those that orjson writes in
    another way than repr are rewritten.
    """
    values = found.values
    text = orjson.dumps(values).decode()
    most = max(found.high, -found.low)
    if text == found.written and ".0," not in text and not text.endswith(".0]"):
        pieces = found.cells
    else:
        pieces = f",{text[1:-1]},".replace(".0,", ",")[1:-1].split(",")
    # No other number looks so that is too small to be written as repr does; but zero.
    odd = "e" in text or "0.0000" in text or (found.low <= 0 <= found.high and 0.0 in values)
    if not odd and most < SAME_AS_REPR[1]:
        return pieces, lead, most < PLAIN_NUMBERS[1]
    low, high = SAME_AS_REPR
    plain = most < PLAIN_NUMBERS[1]
    pieces = list(map(lead.__add__, pieces))
    for at, magnitude in enumerate(map(abs, values)):
        if not low <= magnitude < high:
            plain &= magnitude < SMALLEST_READ
            pieces[at] = lead + number_text(values[at]) if magnitude >= SMALLEST_READ else zero
    return pieces, "", plain


def log1p(value: float) -> float:
    """``sign(x) * log(1 + |x|)``; always by ``math``, for numpy's differs on 1 % of doubles."""
    return math.copysign(math.log1p(abs(value)), value)
