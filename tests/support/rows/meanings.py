"""What the rules say that a good cell means, told once more without the converter's code.

The tests hold the conversion, Vowpal Wabbit's reading of it, and the way back to this.
"""

from __future__ import annotations

import calendar
import contextlib
import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from converters.cells.categories import Group
from converters.cells.feature import Feature
from converters.config.column_settings import ColumnSettings
from converters.schema.schema import Schema

# A cell as it counts: missing, a checked number, true or false, a category (or what stands for
# many), or the tokens of a text.
Meaning = None | bool | float | str | Group | tuple[str, ...] | tuple[str, float]

# What Vowpal Wabbit drops as zero.
SMALLEST = 1e-37
# What a weight may be where the config says nothing.
WEIGHT_RANGE = (0.0, 1000.0)

_ESCAPED = {chr(code) for code in (*range(33), 127)} | set(":|%^")


def meaning(feature: Feature, cell: str) -> Meaning:
    """What a good cell means for one feature."""
    rules = feature.settings
    found = _unless_missing(feature, cell)
    if found is None and rules.missing == "constant":
        return _unless_missing(feature, rules.fill_value or "")
    return found


def meanings(schema: Schema, row: Sequence[str]) -> dict[str, Meaning]:
    """What each feature of a good row means."""
    cells = dict(zip(schema.names, row, strict=True))
    return {f.name: meaning(f, cells[f.column]) for f in schema.features}


def spelt(cell: str, meanings: Mapping[str, object]) -> str:
    """The spelling of a cell that counts among these: see "Spellings" in docs/converter.md."""
    said = _said(cell)
    if cell in meanings or said is None:
        return cell
    same = [each for each in meanings if _said(each) == said]
    if same:
        return same[0] if len({meanings[each] for each in same}) == 1 else cell
    if said in ("true", "false"):
        return cell.lower()
    printed = re.fullmatch(r"-?[0-9]+\.0+|-0|-?[1-9](\.[0-9]+)?e\+[0-9]{2,3}", cell)
    return str(said) if printed and isinstance(said, Fraction) and said.denominator == 1 else cell


def _said(cell: str) -> Fraction | str | None:
    """The number or the truth value that a cell says."""
    if re.fullmatch(r"[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", cell):
        return Fraction(cell)
    return cell.lower() if cell.isascii() and cell.lower() in ("true", "false") else None


def weight(schema: Schema, row: Sequence[str]) -> float:
    """How much a good row counts."""
    at = schema.index("weight")
    if at is None:
        return 1.0
    rules, cell = schema.columns[at].settings, row[at]
    if _says_missing(cell, rules):
        if rules.fill_value is None:
            return 1.0
        cell = rules.fill_value
    low = WEIGHT_RANGE[0] if rules.min is None else rules.min
    high = WEIGHT_RANGE[1] if rules.max is None else rules.max
    return min(max(float(cell), low), high)


def written_features(feature: Feature, value: Meaning) -> list[tuple[str, float]]:
    """(name, value) of each feature that VW should see for what a cell means."""
    name = _escaped_name(feature.name)
    if value is None:
        return [(f"{name}=", 1.0)] if feature.settings.missing == "indicator" else []
    if isinstance(value, float):
        return [(name, value)] if value else [(f"{name}=0", 1.0)]
    if isinstance(value, Group):
        return [(f"{name}={'%rare' if value is Group.RARE else '%unseen'}", 1.0)]
    if isinstance(value, bool):
        return [(f"{name}={'true' if value else 'false'}", 1.0)]
    parts = value if isinstance(value, tuple) else (value,)
    tokens = [(f"{name}={escaped(part)}", 1.0) for part in parts if isinstance(part, str)]
    return tokens + [(name, part) for part in parts if isinstance(part, float) and part]


def escaped(text: str, also: str = "") -> str:
    """Text with what Vowpal Wabbit takes for syntax in percent escapes."""
    return "".join(f"%{ord(c):02X}" if c in _ESCAPED or c in also else c for c in text)


def _escaped_name(name: str) -> str:
    if name == "Constant" or set(name) <= set("0123456789"):
        return f"%{ord(name[0]):X}{name[1:]}"
    return escaped(name, "=")


def _unless_missing(feature: Feature, cell: str) -> Meaning:
    rules = feature.settings
    if _says_missing(cell, rules) and cell != rules.fill_value:
        return None
    if feature.part:
        return _part(cell, feature.part, rules.zone)
    if rules.kind == "categorical":
        return _category(cell, rules)
    if rules.kind == "text":
        return tuple(cell.split()) or None
    if rules.kind == "boolean":
        meanings = dict.fromkeys(rules.true_values, True) | dict.fromkeys(rules.false_values, False)
        return ({"true": True, "false": False} | meanings)[spelt(cell, meanings)]
    return _number(float(cell), rules)


def _number(value: float, rules: ColumnSettings) -> float | str | tuple[str, float]:
    value = value if rules.min is None else max(value, rules.min)
    value = value if rules.max is None else min(value, rules.max)
    if "bins" in rules.features:
        bare = rules.model_copy(update={"features": tuple(set(rules.features) - {"bins"})})
        as_bucket = rules.model_copy(update={"features": (), "transform": "bucket"})
        span, number = _number(value, as_bucket), _number(value, bare)
        assert isinstance(span, str)
        assert isinstance(number, float)
        return (span, number) if bare.features else span
    if rules.transform == "bucket":
        low = [_short(edge) for edge in rules.edges if edge <= value][-1:]
        high = [_short(edge) for edge in rules.edges if edge > value][:1]
        return "..".join(("".join(low), "".join(high)))
    if "log1p" in (rules.transform, *rules.features):
        value = math.log1p(value) if value >= 0 else -math.log1p(-value)
    if "scale" in (rules.transform, *rules.features):
        value = (value - rules.center) / rules.scale
    if "scale" in rules.features:
        clipped = Fraction(max(-rules.clip, min(value, rules.clip)))
        value = float(Fraction(round(clipped * 10_000), 10_000))
    return 0.0 if abs(value) < SMALLEST else value


def _short(edge: float) -> str:
    text = str(edge)
    return text.removesuffix(".0")


def _says_missing(cell: str, rules: ColumnSettings) -> bool:
    """Whether a cell is missing, or a number or truth value that means missing."""
    if cell in ("", *rules.missing_values):
        return True
    if rules.kind in ("text", "time"):
        return False
    others = dict.fromkeys((*rules.values, *rules.rare_values), "") | (
        dict.fromkeys((*rules.true_values, *rules.false_values), "")
        if rules.kind == "boolean"
        else {}
    )
    return spelt(cell, dict.fromkeys(rules.missing_values) | others) in rules.missing_values


def _category(cell: str, rules: ColumnSettings) -> str | Group | None:
    cell = spelt(cell, {each: each for each in (*rules.values, *rules.rare_values)})
    if not (rules.values or rules.rare_values) or cell in rules.values:
        return cell
    rare = cell in rules.rare_values
    policy = rules.rare if rare else rules.unseen
    if policy == "keep":
        return cell
    group = Group.RARE if rare else Group.UNSEEN
    return group if policy == "group" else None


def _part(cell: str, part: str, zone: str) -> str:
    year, month, day, hour = _clock(cell.strip(" "), ZoneInfo(zone))
    if part == "weekday":
        # A calendar repeats after 400 years; this one begins with the year 1.
        return calendar.day_name[calendar.weekday(year % 400 + 2000, month, day)][:3].lower()
    return str({"year": year, "month": month, "day": day, "hour": hour}[part])


def _clock(cell: str, zone: ZoneInfo) -> tuple[int, int, int, int]:
    """Year, month, day and hour that the clock and calendar of a zone showed."""
    if bare := re.fullmatch(r"([0-9]+)(?:\.([0-9]+))?", cell):
        digits, fraction = bare[1], (bare[2] or "").rstrip("0")
        pattern = {10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}.get(len(digits))
        with contextlib.suppress(ValueError):
            at = datetime.strptime(digits, pattern or "")  # noqa: DTZ007
            if len(digits) == 14 or (not fraction and 1990 <= at.year <= 2040):
                return at.year, at.month, at.day, at.hour
        seconds = float(cell) / (1000 if len(digits) > 11 else 1)
    elif datetime.fromisoformat(cell).tzinfo is not None:
        seconds = datetime.fromisoformat(cell).timestamp()
    else:
        date, hour = cell[:10].split("-"), cell[11:13] or "0"
        return int(date[0]), int(date[1]), int(date[2]), int(hour)
    # A clock knows no less than a microsecond.
    local = datetime.fromtimestamp(math.floor(round(seconds, 6)), zone)
    return local.year, local.month, local.day, local.hour
