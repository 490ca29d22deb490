"""Schemas and rows by the hundred thousand: arbitrary Unicode, float extremes, every kind.

Quicker than hypothesis by far, and without its shrinking: what fails here is to be looked for
there, with :mod:`tests.support.rows.schemas`.
"""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from converters.config.column_settings import ColumnSettings
from converters.schema.schema import Schema
from tests.support.rows.schemas import PARTS, ZONES, Columns, build

SYNTAX = " |:%^=*,;\"'\n\r\t\0\x7f\x1b1a"
# Blanks, line ends and marks that some readers take for more than text.
TREACHEROUS = "\x85\xa0\u1680\u2028\u2029\u202f\u3000\ufeff\u200b\u0301é\U0001f600\uffff"
LIMITS = (1e-37, 1e-15, 1e-4, 1.0, 1e7, 2.0**24, 1e15, 1e16, 1e37, 3.4028234663852886e38)


def text(dice: random.Random, most: int = 6) -> str:
    """Any text, often short, often of what is syntax somewhere."""
    return "".join([_character(dice) for _ in range(dice.randrange(most))])


def _character(dice: random.Random) -> str:
    which = dice.randrange(8)
    if which < 3:
        return chr(dice.randrange(32, 127))
    if which < 5:
        return dice.choice(SYNTAX)
    if which == 5:
        return dice.choice(TREACHEROUS)
    code = dice.randrange(0x110000 if which == 6 else 0x800)
    return chr(code) if not 0xD800 <= code < 0xE000 else "\ue000"


def decimal(dice: random.Random) -> str:
    """A number in one of its spellings: common, of any bits, or beside a limit."""
    which = dice.randrange(7)
    if which == 0:
        return dice.choice(("0", "-0", "0.0", "+5", ".5", "5.", "1e-400", " 7 ", "1E+2", "007"))
    if which == 1:
        return str(dice.randrange(-1000, 1000))
    if which == 2:
        return repr(round(dice.gauss(0, 1000), dice.randrange(4)))
    if which == 3:
        (value,) = struct.unpack("<f", dice.randbytes(4))
    elif which == 4:
        (value,) = struct.unpack("<d", dice.randbytes(8))
    elif which == 5:
        limit = dice.choice(LIMITS)
        value = dice.choice((1, -1)) * dice.choice(
            (limit, math.nextafter(limit, 0), math.nextafter(limit, math.inf))
        )
    else:
        value = dice.choice((1, -1)) * 10 ** dice.uniform(-40, 38)
    if not math.isfinite(value):
        return dice.choice(("inf", "nan", "NA", "x1", ""))
    return dice.choice((repr, repr, "{:.9g}".format, "{:e}".format, "{:.25g}".format))(value)


def moment(dice: random.Random) -> str:
    """A time in one of its spellings."""
    which = dice.randrange(8)
    if which == 0:
        return str(dice.randrange(7 * 10**8, 2 * 10**9))
    if which == 1:
        return str(dice.randrange(7 * 10**11, 2 * 10**12))
    if which == 2:
        return dice.choice(("", "soon", " ", "2013-03-10T02:30:00", "2013-11-03T01:30:00"))
    at = datetime.fromisoformat("1960-01-01") + timedelta(seconds=dice.randrange(4 * 10**9))
    spelled = at.isoformat(dice.choice("T "), dice.choice(("auto", "minutes", "microseconds")))
    return spelled + dice.choice(("", "", "Z", "+05:30", "-11:00"))


def columns(dice: random.Random) -> Columns:
    """One to seven feature columns and some of other roles."""
    made: Columns = {"key": {"role": "id"}, "late": {"role": "label"}}
    for number in range(dice.randrange(1, 8)):
        name = "".join(c for c in text(dice, 9) if ord(c) >= 32)
        made[name or f"c{number}"] = dice.choice(KINDS)(dice)
    made |= {"at": {"role": "time", "parts": list(PARTS), "zone": dice.choice(ZONES)}}
    if dice.random() < 0.5:
        made |= {"weight": {"role": "weight", "max": dice.choice((1.0, 1e6))}}
    made |= {"leak": {"role": "leak"}, "note": {"role": "drop"}}
    return made


def schema(dice: random.Random) -> Schema:
    """A schema in which some columns are crossed."""
    made = columns(dice)
    learned = [name for name, c in made.items() if "kind" in c or "parts" in c]
    pairs = [[dice.choice(learned), dice.choice(learned)] for _ in range(dice.randrange(3))]
    return build(made, learner={"interactions": pairs})


def row(dice: random.Random, built: Schema) -> list[str]:
    """A row for a schema; about one in ten is refused."""
    return [cell(dice, c.settings) for c in built.columns]


def cell(dice: random.Random, settings: ColumnSettings) -> str:
    """A cell of a column, often one that the config names, sometimes none."""
    named = (*settings.values, *settings.rare_values, *settings.missing_values)
    if named and dice.random() < 0.5:
        return dice.choice(named)
    if dice.random() < 0.1:
        return ""
    limits = [*settings.edges, settings.min, settings.max]
    if dice.random() < 0.2 and (limit := dice.choice(limits)) is not None:
        return repr(limit)
    return _CELLS[settings.kind or settings.role](dice, settings)


def _boolean_cell(dice: random.Random, settings: ColumnSettings) -> str:
    if dice.random() < 0.02:
        return "maybe"
    return dice.choice((*settings.true_values, *settings.false_values))


_CELLS: dict[str, Callable[[random.Random, ColumnSettings], str]] = {
    "numeric": lambda dice, _: decimal(dice),
    "categorical": lambda dice, _: text(dice),
    "text": lambda dice, _: text(dice, 20),
    "boolean": _boolean_cell,
    "time": lambda dice, _: moment(dice),
    "id": lambda dice, _: f"k{text(dice)}",
    "weight": lambda dice, _: dice.choice(("1", "0", "2.5", decimal(dice).lstrip("-"))),
    "label": lambda dice, _: dice.choice(
        ("1", "yes", "0", "no", "", "2") if dice.random() < 0.1 else "10"
    ),
    "leak": lambda dice, _: text(dice),
    "drop": lambda dice, _: text(dice),
}


def _missing(dice: random.Random, filling: str) -> dict[str, Any]:
    policy = dice.choice(("drop", "drop", "indicator", "indicator", "constant"))
    filled = {"fill_value": filling} if policy == "constant" else {}
    return {"missing": policy, "missing_values": dice.choice(([], ["NA", "?"])), **filled}


def _numeric(dice: random.Random) -> dict[str, Any]:
    edges = sorted({round(dice.gauss(0, 10 ** dice.randrange(-3, 9)), 3) for _ in range(3)})
    transform = dice.choice(
        (
            {},
            {},
            {"transform": "log1p"},
            {"transform": "scale", "center": dice.gauss(0, 9), "scale": 10 ** dice.uniform(-3, 3)},
            {"transform": "bucket", "edges": edges},
            {"features": ["bins", "raw"], "edges": edges},
            {
                "features": ["scale", "bins"],
                "center": dice.gauss(0, 9),
                "scale": 10 ** dice.uniform(-3, 3),
                "edges": edges,
            },
        )
    )
    bounds = dice.choice(({}, {}, {"min": -1e6, "max": 1e6}, {"min": 0, "max": 1e-20}))
    return {"kind": "numeric", **bounds, **transform, **_missing(dice, "3")}


def _categorical(dice: random.Random) -> dict[str, Any]:
    if dice.random() < 0.5:
        return {"kind": "categorical", **_missing(dice, "%rare")}
    known = {"values": ["red", "%unseen", "Ä|"], "rare_values": ["green", "1"]}
    policies = {name: dice.choice(("keep", "group", "missing")) for name in ("rare", "unseen")}
    return {"kind": "categorical", **known, **policies, **_missing(dice, "red")}


KINDS: tuple[Callable[[random.Random], dict[str, Any]], ...] = (
    _numeric,
    _numeric,
    _categorical,
    _categorical,
    lambda dice: {"kind": "text", **_missing(dice, "a b")},
    lambda dice: {"kind": "boolean", **_missing(dice, "no")},
    lambda dice: {"kind": "time", "zone": dice.choice(ZONES), **_missing(dice, "2013-02-03")},
)
