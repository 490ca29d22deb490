"""The JSON Schema of one column's cell: what the converter takes of it, and nothing else.

What JSON Schema cannot say exactly is said narrowly: what a schema allows is accepted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from converters.cells.numbers import LARGEST_FLOAT32, SMALLEST_READ
from converters.cells.quantities import LEAST, MOST
from converters.cells.refusal import MOST_ID
from converters.cells.spellings import EXACT_INTEGERS, Spellings, plain_number
from converters.config.column_settings import ColumnSettings
from converters.schema.schema import PARSED_INTEGERS, Column
from learners.line_bounds import LineBounds

Json = dict[str, Any]

NULL: Json = {"type": "null"}
TEXT: Json = {"type": "string"}
NOT_BLANK: Json = {"type": "string", "pattern": r"\S"}
# A float from 2^64 up may have been a whole number whose digits the parser does not keep.
SCALARS: list[Json] = [
    {
        "type": "number",
        "exclusiveMinimum": -PARSED_INTEGERS,
        "exclusiveMaximum": PARSED_INTEGERS,
    },
    {"type": "boolean"},
]
ANY_CELL: list[Json] = [TEXT, *SCALARS, NULL]

_DAY = (
    "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"
_ZONE = "(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])?"
# From 1971 on, so that no offset leads before 1970.
ISO = f"(?:197[1-9]|19[89][0-9]|20[0-9]{{2}})-{_DAY}(?:[T ]{_CLOCK}{_ZONE})?"
# Digits that are certain to be one time: seconds and milliseconds up to 2030, or a calendar time.
_SECONDS = r"(?:6[4-9][0-9]{7}|[7-9][0-9]{8}|1[0-8][0-9]{8})(?:\.[0-9]{1,3})?"
_CALENDAR = (
    "20[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|1[0-9]|2[0-8])(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]"
)
# From these on to the end of the usual years, nearly all integers are certain to be one time; those
# right before these are not, so that the bounds are true on both sides.
_FIRST_SECOND, _FIRST_MILLISECOND = 630_204_024, 630_001_010_060
_LAST_SECOND = 2_240_611_199
TIME_PATTERN = rf"^(?:{_SECONDS}|1[0-8][0-9]{{11}}|{_CALENDAR}|{ISO})$"
TIME: list[Json] = [
    {"type": "string", "pattern": TIME_PATTERN},
    {"type": "number", "minimum": _FIRST_SECOND, "maximum": _LAST_SECOND},
    {
        "type": "integer",
        "minimum": _FIRST_MILLISECOND,
        "maximum": 1_000 * _LAST_SECOND + 999,
    },
]
# Under any format.
FORMATTED_TIME: list[Json] = [{"type": "string", "pattern": f"^{ISO}$"}]
# A float that may have been another integer is no id. An integer's digits are kept, but not all
# that read JSON Schema can tell the two apart.
_EXACT = {"exclusiveMinimum": -EXACT_INTEGERS, "exclusiveMaximum": EXACT_INTEGERS}
# In digits: readers take 1.8446744073709552e+19 for another number than 2^64.
_WHOLE: Json = {"type": "integer", "minimum": -(2**63), "maximum": 2**64 - 1}
ID_SCALARS: list[Json] = [{"type": "number", **_EXACT}, _WHOLE, {"type": "boolean"}]
INTEGER_ID: list[Json] = [
    {"type": "string", "pattern": r"^[+-]?[0-9]{1,19}(?:\.0{1,9})?$"},
    _WHOLE,
]
LABEL_ID: Json = {"anyOf": [{"type": "string", "minLength": 1, "maxLength": MOST_ID}, *ID_SCALARS]}
# Texts that may say a number or truth value in another spelling.
_SAYING = r"^[+-]?[0-9.]|^[Tt][Rr][Uu][Ee]$|^[Ff][Aa][Ll][Ss][Ee]$"
# Of numbers as text, those that are certain to be within any learner's bounds.
_MOST_DIGITS = 5
_EXPONENT, _ANY_EXPONENT = "(?:[eE][+-]?[0-9])?", 1e15


def cell_schema(
    column: Column, labels: Mapping[str, int | None], bounds: LineBounds | None
) -> Json:
    """What a cell of a column may be.

    Args:
        column: which.
        labels: what each spelling of a label means.
        bounds: of the learner that will score the row; None if it is only appended.
    """
    settings = column.settings
    if settings.role == "label":
        return _any_of(spelt(labels), _const(""), NULL)
    if settings.role == "id":
        taken = [{"type": "string", "maxLength": MOST_ID}, *ID_SCALARS]
        return _any_of(INTEGER_ID if settings.kind == "integer" else taken, _const(""), NULL)
    if settings.role == "time":
        return time_schema(settings)
    if settings.kind is None and settings.role != "weight":
        return {"anyOf": ANY_CELL}
    taken = _taken(settings, bounds)
    if settings.missing == "reject":
        return _any_of(taken)
    return _any_of(taken, *(_const(each) for each in ("", *settings.missing_values)), NULL)


def time_schema(settings: ColumnSettings) -> Json:
    """What a time may be that may be absent: an event's, or a label's beside it."""
    return _any_of(FORMATTED_TIME if settings.format else TIME, _const(""), NULL)


def _taken(settings: ColumnSettings, bounds: LineBounds | None) -> list[Json]:
    """Cells that are neither missing nor refused."""
    if settings.role == "weight":
        ends = {"min": _or(settings.min, LEAST), "max": _or(settings.max, MOST)}
        return _numbers(settings.model_copy(update=ends), None)
    if settings.kind == "numeric":
        return _numbers(settings, bounds)
    if settings.kind == "boolean":
        return spelt([*settings.true_values, *settings.false_values, "true", "false"])
    if settings.kind == "time":
        return FORMATTED_TIME if settings.format else TIME
    return _texts(settings)


def _texts(settings: ColumnSettings) -> list[Json]:
    """Of a categorical or text column."""
    refused = {"", *settings.missing_values} if settings.missing == "reject" else set()
    if settings.kind == "text":
        blank = NOT_BLANK if refused else TEXT
        return [_without(blank, refused), *SCALARS]
    bad = {"reject", "missing"} if settings.missing == "reject" else {"reject"}
    if settings.rare in bad:
        refused |= set(settings.rare_values)
    if settings.unseen not in bad:
        numbers = [] if any(map(_is_number, refused)) else SCALARS
        return [_without(TEXT, refused), *numbers]
    known = [*settings.values, *(each for each in settings.rare_values if each not in refused)]
    return spelt(known)


def _numbers(settings: ColumnSettings, bounds: LineBounds | None) -> list[Json]:
    """Of a column of numbers: as JSON numbers, and as text of few digits."""
    spans = _spans(settings, bounds)
    found: list[Json] = [
        {"type": "number", "minimum": least, "maximum": most} for least, most in spans
    ]
    if pattern := _number_pattern(spans[0][0], spans[-1][1]):
        found.append({"type": "string", "pattern": pattern})
    return found


def _spans(settings: ColumnSettings, bounds: LineBounds | None) -> list[tuple[float, float]]:
    """The ranges of numbers that converter and learner take."""
    low = -LARGEST_FLOAT32 if settings.min is None else settings.min
    high = LARGEST_FLOAT32 if settings.max is None else settings.max
    spans = [(-LARGEST_FLOAT32, LARGEST_FLOAT32)]
    small = {"scale", "bins"} if settings.features else {"bucket"}
    forms = set(settings.features or (settings.transform,))
    if bounds is not None and not forms <= small:
        most = LARGEST_FLOAT32 if "log1p" in forms else bounds.most
        least, zero = bounds.least, SMALLEST_READ / 2
        spans = [(-most, -least), (-zero, zero), (least, most)] if least else [(-most, most)]
    inside = [
        (max(start, low), min(end, high)) for start, end in spans if start <= high and end >= low
    ]
    if settings.out_of_range == "clip" and inside:
        if inside[0][0] == low:
            inside[0] = (-LARGEST_FLOAT32, inside[0][1])
        if inside[-1][1] == high:
            inside[-1] = (inside[-1][0], LARGEST_FLOAT32)
    return inside or [(low, high)]


def _number_pattern(low: float, high: float) -> str:
    """Texts that are numbers of a range, if zero is in it; empty if it is not."""
    if not low <= 0 <= high:
        return ""
    digits = min(_MOST_DIGITS, int(math.log10(high))) if high >= 10 else 0
    if not digits:
        return "^0$"
    sign = "[+-]?" if low <= -(10.0**digits) else ""
    exponent = _EXPONENT if low <= -_ANY_EXPONENT and high >= _ANY_EXPONENT else ""
    return rf"^{sign}[0-9]{{1,{digits}}}(?:\.[0-9]{{1,5}})?{exponent}$"


def spelt(spellings: Iterable[str]) -> list[Json]:
    """Texts of a list, and the JSON values whose cells they are."""
    known = [each for each in spellings if each]
    found: list[Json] = [{"type": "string", "enum": known}] if known else []
    reads = Spellings({each: each for each in known})
    values = {plain_number(each) for each in known} - {None}
    # Each as its cell would be read: not one that a float says less exactly.
    numbers = sorted(n for n in values if n is not None and reads.of(repr(n)) in known)
    if numbers:
        found.append({"type": "number", "enum": [int(n) if n.is_integer() else n for n in numbers]})
    truths = [value for value in (True, False) if reads.of(str(value).lower()) in known]
    if truths:
        found.append({"type": "boolean", "enum": truths})
    return found


def _without(text: Json, refused: Iterable[str]) -> Json:
    few = sorted(each for each in refused if each)
    empty = {"minLength": 1} if "" in set(refused) and "pattern" not in text else {}
    if any(map(_is_number, few)):
        return text | empty | {"not": {"anyOf": [{"enum": few}, {"pattern": _SAYING}]}}
    return text | empty | ({"not": {"enum": few}} if few else {})


def _any_of(first: Iterable[Json], *more: Json) -> Json:
    return {"anyOf": [*first, *more]}


def _const(value: str) -> Json:
    return {"const": value}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text.lower() in ("true", "false")
    return True


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
