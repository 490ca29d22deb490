"""Cells to pieces of Vowpal Wabbit text: checked, transformed, escaped.

The lowest step of the conversion. Each kind of column has one function from a cell's text to its
*piece*, for example `` carrier=UA`` (with the leading space), which :mod:`converters.vw_text`
joins to a line. A cell that must not reach a learner raises :class:`RefusedCellError`.

VW's parser is silent about everything it cannot read, so nothing that it could misread passes:
names and values are percent-escaped, numbers are plain decimals that are finite as float32. Its
decimal parser works in float32 and loses magnitudes under 1e-17 and near the largest float;
outside ``PLAIN_DECIMALS`` numbers are written as hexadecimal floats, which it reads exactly.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import orjson

from converters.settings import ColumnSettings

Piece = Callable[[str], str]

LARGEST_FLOAT32 = 3.4028234663852886e38
# Below this VW drops the feature altogether; the cell counts as zero.
SMALLEST_READ = 1e-37
PLAIN_DECIMALS = (1e-15, 1e37)
# Here orjson writes what repr does, in a quarter of the time.
SAME_AS_REPR = (1e-4, 1e16)

# What an id may have in characters: each is kept as it is while its event waits, and written
# beside its score.
MOST_ID = 1_024

# Possessive: with plain repeats, 40 KB of digits and an x took minutes to be refused.
NUMBER = re.compile(r"[+-]?+(?:[0-9]++\.?+[0-9]*+|\.[0-9]++)(?:[eE][+-]?+[0-9]++)?+")
NOT_FINITE = re.compile(r"[+-]?(?:inf|infinity|nan)", re.IGNORECASE)
EPOCH_SECONDS = re.compile(r"[0-9]{9,11}(?:\.[0-9]+)?")
EPOCH_MILLISECONDS = re.compile(r"[0-9]{12,14}")

_ESCAPED_IN_VALUES = {c: f"%{c:02X}" for c in (*range(33), 127, *map(ord, ":|%"))}
_SYNTAX = re.compile(r"[\x00-\x20\x7f:|%]")
_ESCAPED_IN_NAMES = _ESCAPED_IN_VALUES | {ord("="): "%3D"}


class Refusal(NamedTuple):
    """Why a row was refused: a stable reason, the column (or empty), and the offending text."""

    reason: str
    column: str
    text: str


class RefusedCellError(ValueError):
    """A cell that must not reach a learner; turned into a :class:`Refusal` with its column."""

    def __init__(self, reason: str, cell: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.cell = cell


def escape_value(text: str) -> str:
    """Percent-escape what VW would take for syntax; :func:`unescape` gives the text back."""
    # Hardly a text needs it, and looking takes a fifth of translating.
    return text.translate(_ESCAPED_IN_VALUES) if _SYNTAX.search(text) else text


def escape_name(text: str) -> str:
    """As :func:`escape_value`, and ``=``, which separates a name from its value."""
    return text.translate(_ESCAPED_IN_NAMES)


def unescape(text: str) -> str:
    """Undo :func:`escape_value` and :func:`escape_name`."""
    return re.sub(r"%([0-9A-F]{2})", lambda m: chr(int(m[1], 16)), text)


def number(cell: str) -> float:
    """The value of a numeric cell: decimal notation, finite as float32.

    Raises:
        RefusedCellError: ``not-finite`` or ``not-a-number``.
    """
    try:
        value = float(cell)
        # What float takes besides decimal notation with blanks around it is inf and nan, other
        # digits, other blanks, and underscores; to ask for these is quicker than NUMBER.
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


def number_text(value: float) -> str:
    """How a nonzero number is written for VW, which reads it within 8 ulp of float32."""
    magnitude = abs(value)
    if SAME_AS_REPR[0] <= magnitude < SAME_AS_REPR[1]:
        return orjson.dumps(value).decode().removesuffix(".0")
    if PLAIN_DECIMALS[0] <= magnitude < PLAIN_DECIMALS[1]:
        return repr(value).removesuffix(".0")
    return value.hex()


def log1p(value: float) -> float:
    """``sign(x) * log(1 + |x|)``; always by ``math``, for numpy's differs on 1 % of doubles."""
    return math.copysign(math.log1p(abs(value)), value)


def piece_function(name: str, column: ColumnSettings, namespace: str) -> Piece:
    """The function from a feature column's cell to its piece of VW text."""
    lead = f" |{namespace} {escape_name(name)}" if namespace else f" {escape_name(name)}"
    present = {"numeric": _numeric, "categorical": _categorical, "text": _tokens}
    make = present[column.kind or ""](lead, column)
    missing = {"", *column.missing_values}
    blanks_are_missing = column.kind == "text"  # a text of blanks alone holds no token
    absent = {"drop": "", "indicator": f"{lead}="}.get(column.missing)

    def piece(cell: str) -> str:
        if cell not in missing and not (blanks_are_missing and cell.isspace()):
            return make(cell)
        if absent is None:
            raise RefusedCellError("missing-value", cell)
        return absent

    return piece


def _categorical(lead: str, _column: ColumnSettings) -> Piece:
    return lambda cell: f"{lead}={escape_value(cell)}"


def _tokens(lead: str, _column: ColumnSettings) -> Piece:
    """A bag of blank-separated tokens."""
    name = lead.rsplit(" ", 1)[1]

    def piece(cell: str) -> str:
        first, *rest = cell.split()
        return f"{lead}={escape_value(first)}" + "".join(f" {name}={escape_value(t)}" for t in rest)

    return piece


def _numeric(lead: str, column: ColumnSettings) -> Piece:
    low = -math.inf if column.min is None else column.min
    high = math.inf if column.max is None else column.max

    def piece(cell: str) -> str:
        value = number(cell)
        if not low <= value <= high:
            if column.out_of_range == "reject":
                raise RefusedCellError("out-of-range", cell)
            value = min(max(value, low), high)
        if column.transform == "log1p":
            value = log1p(value)
        if abs(value) < SMALLEST_READ:
            return f"{lead}=0"
        return f"{lead}:{number_text(value)}"

    return piece


def check_time(cell: str, zone: str = "UTC") -> None:
    """Refuse a cell that :func:`time_ms` refuses, at a tenth of its cost for most that it takes."""
    try:
        # Whatever the offset, such a time is neither before 1970 nor beyond what can be computed.
        if 1970 < datetime.fromisoformat(cell).year < 9999:
            return
    except ValueError:
        pass
    time_ms(cell, zone)


def time_ms(cell: str, zone: str = "UTC") -> int:
    """A time cell as milliseconds since 1970.

    Accepts ISO 8601 (a time without offset is in ``zone``), seconds since 1970 with 9 to 11
    digits, and milliseconds since 1970 with 12 to 14.

    Raises:
        RefusedCellError: ``bad-time``, also for times before 1970, which no log can stamp.
    """
    plain = cell.strip(" ")
    if EPOCH_SECONDS.fullmatch(plain):
        return round(float(plain) * 1000)
    if EPOCH_MILLISECONDS.fullmatch(plain):
        return int(plain)
    try:
        moment = datetime.fromisoformat(plain)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        milliseconds = round(moment.astimezone(UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise RefusedCellError("bad-time", cell) from None
    if milliseconds < 0:
        raise RefusedCellError("bad-time", cell)
    return milliseconds
