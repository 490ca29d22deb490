"""Numbers written as the converter does not read them -> what they mean, and what rewrites them.

Cells such as ``1.234,50``, ``$5,354.23``, ``12 %``, ``="12.5"``, ``12.5 kg`` are no numbers to the
converter: which of 1.234 and 1234 is meant, only a column as a whole shows, and in the end a
person knows. They are recognised here, and the command that messages propose reads them so.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from converters.cells.numbers import NUMBER
from converters.config.toml_text import READABLE_LENGTH, readable
from converters.files.rewriting import Rule

# So many of a column's cells say what it holds.
MOSTLY = 0.9

# A currency: a sign, or a code or word that is common beside amounts.
_MONEY = (
    r"[A-Z]?[A-Z]?[$€£¥₹₩₽₺]"
    r"|(?:USD|EUR|GBP|CHF|JPY|INR|CAD|AUD|SEK|NOK|DKK|PLN|BRL|kr|Fr\.|Rs\.?|zł)"
)
# Units that are known for such in any cell; others where all of a column's cells have them.
_UNITS = (
    r"[%‰°]|° ?[CF]|[km\u03bc]?g|t|lbs?|oz|[kcm\u03bc]?m|ft|in|mi|[cmd]?l|gal|sec|m?s|min|hrs?"
    r"|days?|weeks?|months?|years?|yrs?|[kMG]?Hz|[kMG]Wh?|Wh|kV|mA|[khM]?Pa|m?bar|psi|mph|km/h|m/s"
    r"|[kMGT]i?B|[kKMB]|[MB]n|[mb]n|k?cal|kJ|px|bpm|pcs|k?m[23]"
)
_ANY_UNIT = re.compile(r"[^\W\d_][^\d_\s]{0,9}[23]?")
# Groups of three digits: by comma and point, by one of these, or by blanks and the like; and
# India's, of two.
_GROUPED = (
    r"[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?"
    r"|[1-9][0-9]{0,2}(?:\.[0-9]{3})+,[0-9]+"
    r"|[1-9][0-9]{0,2}(?:\.[0-9]{3}){2,}"
    r"|[1-9][0-9]{0,2}(?:[ '_][0-9]{3})+(?:[.,][0-9]+)?"
    r"|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}(?:\.[0-9]+)?"
)
_DIGITS = r"[0-9]+(?:[.,][0-9]+)?|[.,][0-9]+"
_SHAPE = (
    r"(=?\"?'?\(?) ?([-+]?) ?(?:{money})? ?([-+]?)(?P<body>{body})(?P<power>[eEdD][-+]?[0-9]+)?"
    r" ?(?P<unit>{money}|{unit})?\)? ?\"?(-?)"
)
_NUMBER = re.compile(
    _SHAPE.format(money=_MONEY, body=f"{_GROUPED}|{_DIGITS}", unit=f"{_UNITS}|{_ANY_UNIT.pattern}")
)
_UNIT = re.compile(rf"{_MONEY}|{_UNITS}")
# Letters that multiply what they follow; beside plain numbers they are no unit of all.
_FACTORS = {"k": 3, "K": 3, "M": 6, "Mn": 6, "mn": 6, "B": 9, "Bn": 9, "bn": 9}
_BEFORE = re.compile(_MONEY)

# Signs and marks of other scripts, and what has no width.
_DASHES = (0x2010, 0x2012, 0x2013, 0x2212)
_ALIKE = dict.fromkeys(_DASHES, "-") | {
    0xB7: ".",
    0x2019: "'",
    0x066B: ".",
    0x066C: "'",
    0x200B: None,
    0xFEFF: None,
}

# A power, or a mark of a footnote, is no further digit.
_RAISED = re.compile(r"\d[\xb2\xb3\xb9\u2070-\u2089]")


def _plain_marks(cell: str) -> str:
    """A cell with ASCII digits, blanks and signs in place of others that mean the same."""
    if cell.isascii() or _RAISED.search(cell):
        return cell.strip()
    text = unicodedata.normalize("NFKC", cell[: READABLE_LENGTH + 1])
    text = "".join(str(unicodedata.decimal(c, c)) for c in text).translate(_ALIKE)
    return text.strip()


def _is_plain(cell: str) -> bool:
    """Whether the converter reads a cell as a number already."""
    return bool(NUMBER.fullmatch(cell.strip(" ")))


def _found(cell: str) -> re.Match[str] | None:
    if len(cell) > READABLE_LENGTH or _is_plain(cell):
        return None
    return _NUMBER.fullmatch(_plain_marks(cell))


def is_number_otherwise(cell: str, units: Collection[str] = ()) -> bool:
    """Whether a cell looks like a number in another notation than is read.

    Args:
        cell: the cell.
        units: what may follow it besides the units that are commonly known.
    """
    found = _found(cell)
    if found is None:
        return False
    unit = found["unit"] or ""
    return not unit or unit in units or bool(_UNIT.fullmatch(unit))


@dataclass(frozen=True)
class Notation:
    """How the numbers of a column are written.

    Attributes:
        cells: those that are not read as they are, the most frequent first.
        mark: what precedes decimals; None if these cells contradict each other.
        keeps: whether cells that are read as they are mean what they are read as.
        units: what is written beside them.
    """

    cells: Sequence[str]
    mark: str | None = "."
    keeps: bool = True
    units: Sequence[str] = field(default=())

    @property
    def in_units(self) -> bool:
        """Whether something is measured in them, rather than money or a share."""
        return any(not _BEFORE.fullmatch(unit) and unit not in "%‰" for unit in self.units)

    @property
    def is_clear(self) -> bool:
        """Whether one rule reads all of them: one mark, one unit."""
        return self.mark is not None and len(self.units) <= 1 and not self.has_factors

    @property
    def has_factors(self) -> bool:
        """Whether letters beside some of them multiply, such as in 12k."""
        return not _FACTORS.keys().isdisjoint(self.units)

    def read_as(self, cell: str) -> str:
        """The number that one of the cells probably means, as it should be written."""
        found = _found(cell)
        assert found is not None
        body = re.sub("[ '_]", "", found["body"])
        if self.mark == ",":
            body = body.replace(".", "").replace(",", ".")
        else:
            body = body.replace(",", "")
        negative = "-" in (found[2] + found[3] + found[7]) or "(" in found[1]
        written = f"{'-' if negative else ''}{body}{_power(found['power'])}"
        if factor := _FACTORS.get(found["unit"] or ""):
            return f"{Decimal(written).scaleb(factor):f}"
        return written

    def advice(self, cell: str) -> str:
        """What to do with the numbers, such as this one, in words."""
        said = (
            "Write them with a point before decimals and nothing else, this one as "
            f"{self.read_as(cell)}"
        )
        if self.has_factors:
            letters = ", ".join(readable(unit) for unit in self.units if unit in _FACTORS)
            said += f": {letters} multiplies by a thousand, a million or a billion"
        elif len(self.units) > 1:
            units = ", ".join(map(readable, self.units))
            said += f", and all in one unit: there are {units}"
        if self.mark is None:
            said += "; in some a comma precedes decimals, in others a point"
        return said

    @property
    def rule(self) -> Rule | None:
        """What a command does to rewrite the column; None if one rule does not read it."""
        if not self.is_clear:
            return None
        units = "|".join(re.escape(unit) for unit in self.units)
        units = units.encode("ascii", "backslashreplace").decode()
        units = units.replace('"', r"\x22").replace("'", r"\x27")
        groups, mark = _GROUPS[self.mark or "."]
        return Rule(_DEFINED, f'n({self.keeps:d},r"{units}",r"{groups}","{mark}")')


# What the command does, in terms of Python, without a single quote: for a shell. Of ``n``: whether
# plain numbers stay, the units, what parts thousands, what precedes decimals.
_DEFINED = (
    r'K=re.compile(r" *[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)? *",re.A);'
    r'N=r"=?\"?\x27?(\(?) ?([-+]?) ?(?:%s)? ?([-+]?)(\d+\.?\d*|\.\d+)'
    r'(?:[eEdD]([-+]?\d+))? ?(?:%s)?\)? ?\"?(-?)";'
    r't=lambda c:c if re.search(r"RAISED",c) else '
    r'"".join(str(u.decimal(x,x)) for x in u.normalize("NFKC",c)).translate({ALIKE}).strip();'
    r'v=lambda m:("-" if m[1] or "-" in m[2]+m[3]+m[6] else "")+m[4]+("e"+m[5] if m[5] else "");'
    r'g=lambda N,c,G,M:N.fullmatch(re.sub(G,"",t(c)).replace(M,"."));'
    r"n=lambda k,U,G,M,N=N:lambda c:"
    r"c if k and K.fullmatch(c) or not (m:=g(re.compile(N%(U,U)),c,G,M)) else v(m);"
)
_DEFINED = _DEFINED.replace("RAISED", _RAISED.pattern).replace(
    "ALIKE", ",".join(f"{mark}:{ord(c) if c else None}" for mark, c in _ALIKE.items())
)
# What parts thousands where this precedes decimals, and what makes a point of it.
_GROUPS = {
    ".": (r"(?<=\d)[ ,\x27_](?=(\d\d,)*\d{3}(?!\d))", "."),
    ",": (r"(?<=\d)[ .\x27_](?=\d{3}(?!\d))", ","),
}


def _power(power: str | None) -> str:
    return f"e{power[1:]}" if power else ""


def read_as(cell: str) -> str:
    """The number that such a cell means if nothing else is known of its column."""
    return notation_in([cell]).read_as(cell)


def notation_in(otherwise: Sequence[str], plain: Iterable[str] = ()) -> Notation:
    """How cells in another notation, and plain ones beside them, are written."""
    found = [match for match in map(_found, otherwise) if match is not None]
    shown = {_mark(each["body"], power=bool(each["power"])) for each in found}
    beside = {_mark(cell.strip(" +-"), power=False) for cell in plain}
    units = Counter(unit for each in found for unit in _units(each) if unit)
    marks = shown - {""}
    mark = None if len(marks) > 1 else next(iter(marks), ".")
    # A point before three digits parts thousands where commas precede decimals.
    return Notation(otherwise, mark, mark != "," or "." in beside, list(units))


def _units(found: re.Match[str]) -> tuple[str, ...]:
    before = found[0][: found.start("body")].strip("='\"(+- ")
    return tuple({before, found["unit"] or ""})


def _mark(body: str, *, power: bool) -> str:
    """What certainly precedes the decimals of a number; empty if it does not show.

    A comma before three digits parts thousands more often than decimals, and so does a mark that
    comes again.
    """
    commas, points = body.count(","), body.count(".")
    if commas and points:
        return max(".,", key=body.rfind)
    if commas + points == 0:
        return ""
    mark, other = (",", ".") if commas else (".", ",")
    if commas + points > 1:
        return other
    whole, _, part = body.partition(mark)
    grouped = len(part) == 3 and 0 < len(whole) <= 3 and not whole.startswith("0") and not power
    return "" if grouped else mark


def mostly(cells: Counter[str], numbers: int) -> Notation | None:
    """The other notation that most of a column's cells are in, if there is one.

    Args:
        cells: how often each cell came that is no number as it is read.
        numbers: how many cells are.
    """
    rows = cells.total() + numbers
    units: Counter[str] = Counter()
    for cell, times in cells.items():
        if found := _found(cell):
            units[found["unit"] or ""] += times
    common = [unit for unit, times in units.items() if unit and times >= MOSTLY * rows]
    otherwise = [cell for cell in cells if is_number_otherwise(cell, common)]
    if not otherwise or sum(cells[c] for c in otherwise) + numbers < MOSTLY * rows:
        return None
    return notation_in(otherwise)
