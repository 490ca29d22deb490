"""Columns that are numbers but for cells of one or few other spellings, or of limits and the like.

A limit such as ``<0.1``, a fraction or an interval says something about a number and is none; as a
category it would make one of each number beside it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from converters.config.toml_text import READABLE_LENGTH, readable
from converters.sampling.number_notations import is_number_otherwise

# Whole numbers with at most so many values (days of a month) are names more often than amounts.
MOST_NUMBERED_CATEGORIES = 31

# What measures has no zero before it, and postal codes are alike on the map, not by their size.
LEADING_ZERO = re.compile("0[0-9]+")
_POSTAL_WORDS = frozenset(
    {"zip", "zipcode", "postal", "postcode", "postalcode", "plz", "postleitzahl", "pincode"}
)

# How many other spellings may be which part of the cells: one may be a word for missing that is not
# known here, however frequent; many are values of their own.
_STRANGE = ((1, 1.0), (5, 0.6), (10, 0.25))
# Of so many plain numbers the others are remarks, however they are spelt: a footnote or qualifier
# behind a number makes a spelling of its own of each.
MOSTLY_PLAIN = 0.9
# Unless they are codes: with a zero before them, or so many digits each and behind them more
# marks than a table has footnotes.
CODE_DIGITS = 4
MOST_MARKS = 3
_IN_NUMBERS = re.compile(r"[-+]?[0-9]+(?:[.,][0-9]+)*")
# Numbers in another notation, whose rows are refused, are but a few.
OTHERWISE_SHARE = 0.1
# Of floats, so many times as many values as other spellings make a column of numbers.
FLOATS_A_SPELLING = 3
# So many limits and the like are listed; a config with more could not be read.
MOST_LISTED = 1_000
# Of limits and numbers, so many are numbers.
FEWEST_NUMBERS = 0.1
SHOWN = 8

_N = r"[-+]?(?:[0-9]+(?:[.,][0-9]+)*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_UNIT = r"(?: ?[^\W\d_]{1,5}(?:/[^\W\d_]{1,3})?| ?%)?"
_ABOUT = r"ca\.?|c\.|circa|approx\.?|about|~|≈|±|\+/-"
_BOUND = (
    r"[<>≤≥⩽⩾]=?|=[<>]|under|over|below|above|less than|more than|up to"
    r"|at least|at most|max\.?"
)
# What laboratories call a limit below which they see nothing.
_LIMIT = r"l?lod|l?loq|mdl|rl|pql|dl|ql|bdl|bql|blq|n\.?d\.?|not detected"
_SUPERSCRIPT = "[⁺⁻]?[⁰¹²³⁴-⁹]+"
MARKED = "numbers with a mark"
# A footnote or a qualifier behind a number, which must be one of few.
_NOTED = re.compile(rf"{_N} ?([^\W\d_]{{1,2}}|\((?:[^\W\d_]{{1,3}}|[0-9]{{1,2}})\)|\[[0-9]{{2}}\])")
# What such cells are called, and how they are written.
_SHAPES = {
    "limits or approximations": re.compile(
        rf"(?:{_BOUND}|{_ABOUT}|min\.?|from) ?{_N}{_UNIT}"
        rf"|{_N} ?(?:\+|\+\+|or (?:more|less|over|under)|and (?:more|over|under)|plus){_UNIT}"
        rf"|(?:{_BOUND})? ?(?:{_LIMIT}) ?[(\[] ?(?:{_BOUND})? ?{_N}{_UNIT} ?[)\]]",
        re.IGNORECASE,
    ),
    "fractions": re.compile(r"(?:[0-9]+[ -])?[0-9]+ ?[/⁄∕] ?[0-9]+|(?:[0-9]+ ?)?[¼-¾⅐-⅞↉]"),  # noqa: RUF001
    "numbers in base 16, 8 or 2": re.compile(
        r"[-+]?0[xX][0-9a-fA-F]+(?:\.[0-9a-fA-F]*)?(?:[pP][-+]?[0-9]+)?|0[oO][0-7]+|0[bB][01]+"
    ),
    "powers of ten": re.compile(
        rf"{_N} ?[x×X*·] ?10(?: ?(?:\^|\*\*) ?[-+]?[0-9]+|{_SUPERSCRIPT}|[-+][0-9]+)"  # noqa: RUF001
        r"|10\^[-+]?[0-9]+"
    ),
    "intervals": re.compile(rf"{_N} ?(?:-|–|—|to|\.\.\.?|±|\+/-) ?{_N}{_UNIT}"),  # noqa: RUF001
    MARKED: re.compile(rf"[*†‡#!?]+ ?{_N}|{_N} ?(?:[*†‡#!?^]+|\[[a-z0-9]\]|[¹²³])"),
    "infinite": re.compile(r"[-+]?(?:inf|infinity|∞|1\.#INF)", re.IGNORECASE),
}


def is_postal(name: str) -> bool:
    """Whether a column is called as postal codes are."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    return not _POSTAL_WORDS.isdisjoint(map(str.lower, words))


def shape_of(cell: str) -> str:
    """What a cell that is no number says about one, in words; empty if nothing."""
    if len(cell) > READABLE_LENGTH:
        return ""
    text = cell.strip()
    return next((name for name, shape in _SHAPES.items() if shape.fullmatch(text)), "")


def are_few(strange: Sequence[str], rows: int, others: int) -> bool:
    """Whether cells are so few, or so few spellings, that they stand for a missing one.

    Args:
        strange: their spellings.
        rows: how many cells they are.
        others: how many are what the column holds.
    """
    if not strange:
        return True
    spelt = {cell.strip().casefold() for cell in strange}
    share = rows / (rows + others)
    if max(map(len, strange)) > READABLE_LENGTH:
        return False
    return any(len(spelt) <= most and share <= part for most, part in _STRANGE)


@dataclass(frozen=True)
class Beside:
    """The cells beside the numbers of a column.

    Attributes:
        strange: those that say nothing about a number.
        almost: those that do, such as ``<0.1``, by what they are called.
        otherwise: numbers in another notation.
    """

    strange: tuple[str, ...]
    almost: Mapping[str, tuple[str, ...]]
    otherwise: tuple[str, ...]

    @property
    def taken(self) -> tuple[str, ...]:
        """The spellings that count as missing in a column of numbers."""
        near = [cell for cells in self.almost.values() for cell in cells]
        return (*self.strange[:MOST_LISTED], *near[:MOST_LISTED])


def beside(cells: Mapping[str, int], values: Mapping[str, float]) -> Beside | None:
    """What stands beside the numbers of a column; None if it is none of numbers.

    Args:
        cells: how often each cell came that is not missing.
        values: the number that each is that is one.
    """
    odd = [cell for cell in cells if cell not in values]
    otherwise = dict.fromkeys(filter(is_number_otherwise, odd))
    strange: list[str] = []
    almost: dict[str, list[str]] = {}
    for cell in odd:
        if cell in otherwise:
            continue
        if shape := shape_of(cell):
            almost.setdefault(shape, []).append(cell)
        else:
            strange.append(cell)
    if noted := _noted(strange, values):
        strange = [cell for cell in strange if cell not in noted]
        almost.setdefault(MARKED, []).extend(noted)
    found = Beside(tuple(strange), {k: tuple(v) for k, v in almost.items()}, tuple(otherwise))
    return found if _are_numbers(found, cells, values) else None


def _are_numbers(found: Beside, cells: Mapping[str, int], values: Mapping[str, float]) -> bool:
    def rows(of: Iterable[str]) -> int:
        return sum(map(cells.__getitem__, of))

    distinct = len(set(values.values()))
    if distinct <= MOST_NUMBERED_CATEGORIES:
        whole = all(value.is_integer() for value in values.values())
        if whole or distinct < max(FLOATS_A_SPELLING * (len(cells) - len(values)), 2):
            return False
    numbers, near = rows(values), sum(map(rows, found.almost.values()))
    short = all(len(cell) <= READABLE_LENGTH for cell in found.strange)
    mostly = short and numbers >= MOSTLY_PLAIN * sum(cells.values())
    if mostly and not _are_codes(found.strange, values):
        return True
    return (
        rows(found.otherwise) <= OTHERWISE_SHARE * sum(cells.values())
        and numbers >= FEWEST_NUMBERS * (numbers + near)
        and are_few(found.strange, rows(found.strange), numbers)
    )


def _noted(strange: Sequence[str], values: Mapping[str, float]) -> dict[str, None]:
    """The cells that are decimal numbers with one of few letters or numbers of footnotes behind."""
    found = {cell: _NOTED.fullmatch(cell.strip()) for cell in strange}
    marks = {each[1] for each in found.values() if each}
    decimal = any(not value.is_integer() for value in values.values())
    if not decimal or len(marks) > MOST_MARKS:
        return {}
    return dict.fromkeys(cell for cell, each in found.items() if each)


def _are_codes(strange: Sequence[str], values: Mapping[str, float]) -> bool:
    """Whether numbers, and cells beside them, name things: ``85123`` and ``85123A``."""
    if any(LEADING_ZERO.match(cell.strip()) for cell in values):
        return True
    lengths = Counter(len(cell.strip()) for cell in values)
    digits, most = lengths.most_common(1)[0]
    if digits < CODE_DIGITS or most < MOSTLY_PLAIN * len(values):
        return False
    marks = {_IN_NUMBERS.sub("", cell).strip() for cell in strange}
    return len(marks) > MOST_MARKS and all(value.is_integer() for value in values.values())


def shown(cells: Sequence[str]) -> str:
    """Some of the cells, as messages quote them."""
    more = f" and {len(cells) - SHOWN:,} more" if len(cells) > SHOWN else ""
    return ", ".join(map(readable, cells[:SHOWN])) + more
